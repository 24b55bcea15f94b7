"""Config files: read and inspect them without torch."""
import ast
import os
from collections.abc import Iterator, Mapping, Sequence

from mmengine.config import Config

from .errors import ConfigError, check_file
from .renamed_configs import check_renamed


def read_config(path: str, field: str = 'config') -> Config:
    """Read a config file without running its ``custom_imports``.

    Raises:
        ConfigError: If the file is missing or cannot be read.
    """
    if not os.path.isfile(os.path.expanduser(path)):
        check_renamed(field, path)
    check_file(field, path, 'Give the path of a .py, .json or .yml config file.')
    try:
        return Config.fromfile(os.path.expanduser(path), import_custom_modules=False)
    except Exception as error:
        reason = ' '.join(str(error).split())
        raise ConfigError(f'{field}={path!r}: cannot be read ({type(error).__name__}: {reason}). '
                          'Correct the file or its `_base_`.') from error


def parse_config(text: str) -> Config:
    """Read the text of a resolved config, such as ``Config.pretty_text``, as data. Nothing in it is
    executed.

    Raises:
        ValueError: If the text contains more than assignments of literals and ``dict(...)``, or a
            key that would become code when MMEngine writes the config, without escapes, to a file.
        SyntaxError: If the text is not Python.
    """

    def key(node: ast.expr) -> object:
        name = ast.literal_eval(node)
        if isinstance(name, str) and repr(name) != f"'{name}'":
            raise ValueError(f'the key {name!r} contains quotes, backslashes or control characters')
        return name

    def value(node: ast.expr) -> object:
        if isinstance(node, ast.Call) and ast.unparse(node.func) == 'dict':
            merged = {}
            for part in node.args:
                merged |= value(part)
            for keyword in node.keywords:
                merged |= value(keyword.value) if keyword.arg is None else {
                    keyword.arg: value(keyword.value)}
            return merged
        if isinstance(node, ast.Dict) and None not in node.keys:
            return dict(zip(map(key, node.keys), map(value, node.values), strict=True))
        if isinstance(node, (ast.List, ast.Tuple)):
            return (list if isinstance(node, ast.List) else tuple)(map(value, node.elts))
        return ast.literal_eval(node)

    fields = {}
    for statement in ast.parse(text).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=node):
                fields[name] = value(node)
            case _:
                raise ValueError(f'{ast.unparse(statement)[:60]!r} is not an assignment')
    return Config(fields)


def walk(node: object, name: str) -> Iterator[tuple[str, object]]:
    """Yield ``node`` and everything below it, each with its dotted name."""
    yield name, node
    items = node.items() if isinstance(node, dict) else (
        enumerate(node) if isinstance(node, (list, tuple)) else ())
    for key, value in items:
        yield from walk(value, f'{name}.{key}')


def check_data_preprocessor(cfg: Config) -> None:
    """Raise ConfigError if ``model.data_preprocessor`` lacks or changes a field of
    ``data_preprocessor``. Runner would use the first one without a message."""
    shared, own = cfg.get('data_preprocessor') or {}, cfg.model.get('data_preprocessor')
    for name, value in shared.items() if own else ():
        if name != '_scope_' and own.get(name) != value:  # added by MMEngine to one of the two
            raise ConfigError(f'data_preprocessor.{name}={value!r}: ignored because '
                              f'model.data_preprocessor={own} is set too. Set the values in the '
                              'field that the base config has; if it has both, set both.')


def preprocessor_settings(cfg: Config) -> dict:
    """Settings of the model's data preprocessor; those in the model have priority, as in Runner."""
    return cfg.get('model', {}).get('data_preprocessor') or cfg.get('data_preprocessor') or {}


def converts_to_rgb(settings: Mapping) -> bool:
    """Return True if a data preprocessor with these settings converts BGR images to RGB."""
    return settings.get('to_rgb', False) or settings.get('bgr_to_rgb', False)


def expand_home(cfg: Config) -> None:
    """Replace a leading ``~/`` in every string of a config with the home folder."""

    def expand(node: object) -> object:
        if isinstance(node, dict):
            for key in node:
                node[key] = expand(node[key])
        elif isinstance(node, (list, tuple)):
            return type(node)(map(expand, node))
        elif isinstance(node, str) and node.startswith('~/'):
            return os.path.expanduser(node)
        return node

    for field in cfg:
        cfg[field] = expand(cfg[field])


def unset_num_classes(model: dict) -> dict[str, dict]:
    """Return the parts of a model's config with ``num_classes=None``, by field. None stands for the
    number of classes of the training data."""
    return {field: node for field, node in walk(model, 'model')
            if isinstance(node, dict) and node.get('num_classes', 0) is None}


def drop_scope(cfg: Config) -> None:
    """Remove the ``_scope_`` that MMEngine adds to every dict inherited from ``mmguided::...``, so
    that the types are looked up in ``default_scope``, as in the configs of this repository."""
    for field in cfg:
        for _, node in walk(cfg[field], field):
            if isinstance(node, dict) and node.get('_scope_') == 'mmguided':
                del node['_scope_']


def pretrained_settings(init_cfg: dict | Sequence[dict] | None) -> dict | None:
    """Return the ``Pretrained`` dict of ``init_cfg`` (a dict or a list); None if there is none."""
    for settings in [init_cfg] if isinstance(init_cfg, dict) else init_cfg or []:
        kind = settings.get('type')
        name = kind if isinstance(kind, str) else getattr(kind, '__name__', '')
        if name.rpartition('.')[2] in ('Pretrained', 'PretrainedInit'):
            return settings
    return None
