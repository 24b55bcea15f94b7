"""The nearest spelling of a name."""
from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, names: Iterable[str], cutoff: float = 0.6) -> str:
    """``; did you mean NAME?``, or nothing if no name is spelled alike."""
    close = get_close_matches(name, list(names), 1, cutoff)
    return f'; did you mean {close[0]!r}?' if close else ''
