"""Bar charts."""
from collections.abc import Mapping, Sequence
from pathlib import Path

from .style import COLORS, label_axes, legend_below, new_figure, save_figure, wrapped


def draw_stacked_bars(bars: Mapping[str, Mapping[str, float]], xlabel: str,
                      outs: Sequence[str | Path]) -> None:
    """Draw a horizontal bar for each name, stacked from its parts in the order of the first bar.

    Args:
        bars: Name -> part -> length. All bars have the same parts.
        xlabel: Label of the axis of the lengths.
        outs: Output files, see :func:`.style.save_figure`.
    """
    figure = new_figure(8, 0.5 * len(bars) + 1.2)
    ax = figure.add_subplot()
    names = [wrapped(name, 48) for name in bars]
    left, handles = [0.] * len(bars), {}
    for part, color in zip(next(iter(bars.values())), COLORS, strict=False):
        lengths = [parts[part] for parts in bars.values()]
        handles[part] = ax.barh(range(len(bars)), lengths, left=left, color=color, height=0.7)
        left = [start + length for start, length in zip(left, lengths, strict=True)]
    ax.set_yticks(range(len(bars)), names)
    ax.invert_yaxis()
    label_axes(ax, xlabel)
    legend_below(figure, handles)
    save_figure(figure, outs)
