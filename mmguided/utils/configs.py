"""Reading configs, without torch."""
from collections.abc import Iterator, Sequence

from mmengine.config import Config


def walk(node: object, name: str) -> Iterator[tuple[str, object]]:
    """``node`` and everything below it, each with its dotted name."""
    yield name, node
    items = node.items() if isinstance(node, dict) else (
        enumerate(node) if isinstance(node, (list, tuple)) else ())
    for key, value in items:
        yield from walk(value, f'{name}.{key}')


def unset_num_classes(model: dict) -> dict[str, dict]:
    """Field -> part of a model's config whose ``num_classes`` is None: that of the training data.
    """
    return {field: node for field, node in walk(model, 'model')
            if isinstance(node, dict) and node.get('num_classes', 0) is None}


def drop_scope(cfg: Config) -> None:
    """Let a config that inherits one of ours by ``_base_ = 'mmguided::...'`` name its parts in its
    ``default_scope``, as ours does: MMEngine takes the package of a config for the package of all
    parts that it names."""
    for field in cfg:
        for _, node in walk(cfg[field], field):
            if isinstance(node, dict) and node.get('_scope_') == 'mmguided':
                del node['_scope_']


def pretrained_settings(init_cfg: dict | Sequence[dict] | None) -> dict | None:
    """The dict of ``init_cfg`` that names a checkpoint, in any of MMEngine's ways to write it."""
    for settings in [init_cfg] if isinstance(init_cfg, dict) else init_cfg or []:
        kind = settings.get('type')
        name = kind if isinstance(kind, str) else getattr(kind, '__name__', '')
        if name.rpartition('.')[2] in ('Pretrained', 'PretrainedInit'):
            return settings
    return None
