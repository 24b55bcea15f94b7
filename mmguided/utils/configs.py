"""Reading configs, without torch."""
from collections.abc import Iterator, Sequence


def walk(node: object, name: str) -> Iterator[tuple[str, object]]:
    """``node`` and everything below it, each with its dotted name."""
    yield name, node
    items = node.items() if isinstance(node, dict) else (
        enumerate(node) if isinstance(node, (list, tuple)) else ())
    for key, value in items:
        yield from walk(value, f'{name}.{key}')


def pretrained_settings(init_cfg: dict | Sequence[dict] | None) -> dict | None:
    """The dict of ``init_cfg`` that names a checkpoint, in any of MMEngine's ways to write it."""
    for settings in [init_cfg] if isinstance(init_cfg, dict) else init_cfg or []:
        kind = settings.get('type')
        name = kind if isinstance(kind, str) else getattr(kind, '__name__', '')
        if name.rpartition('.')[2] in ('Pretrained', 'PretrainedInit'):
            return settings
    return None
