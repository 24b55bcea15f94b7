"""Translate exceptions of the toolboxes into errors that name the config field."""
import inspect
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from importlib.util import find_spec

import mmengine.registry
from mmengine.config import Config
from mmengine.registry import Registry
from torch.utils.data import DataLoader

from mmguided.utils.configs import walk
from mmguided.utils.errors import ConfigError, did_you_mean

TOOLBOXES = ('mmpretrain', 'mmdet', 'mmseg')
Fields = list[tuple[str, object]]


@contextmanager
def explain_config_errors(cfg: Config, sections: Sequence[str]) -> Iterator[None]:
    """Raise ConfigError for an unknown type and for an unknown or missing argument.

    The registries report these without the field. All other errors keep their traceback.

    Args:
        cfg: The config that the block runs.
        sections: The top-level fields that the block builds.
    """
    try:
        yield
    except (KeyError, TypeError) as error:
        fields = [pair for name in sections for pair in walk(cfg.get(name), name)]
        message = (_unknown_type(str(error), fields, cfg.get('default_scope', 'mmengine'))
                   if isinstance(error, KeyError) else _wrong_arguments(str(error), fields))
        if message is None:
            raise
        raise ConfigError(message) from error


def _unknown_type(text: str, fields: Fields, scope: str) -> str | None:
    found = re.search(r'([\w.]+) is not in the \S+::([\w ]+) registry', text)
    if not found:
        return None
    kind, registry = found.groups()
    field = next((name for name, value in fields if name.endswith('.type') and value == kind),
                 registry)
    toolbox = kind.partition('.')[0] if '.' in kind else scope
    if toolbox in TOOLBOXES and not find_spec(toolbox):
        return (f'{field}={kind!r}: {toolbox} is not installed. Run `bash tools/setup_env.sh '
                'tests`, or see docs/downstream.md.')
    known = {}
    for child in _registries(registry):
        child.import_from_location()
        for name in child.module_dict:
            # Root registries come last: their types need no scope.
            known[name] = name if child.scope == 'mmengine' else f'{child.scope}.{name}'
            known[f'{child.scope}.{name}'] = known[name]
    close = get_close_matches(kind, known, 1)
    return f'{field}={kind!r}: no {registry} of this name is registered. ' + (
        f'Did you mean {known[close[0]]!r}?' if close else 'Name its module in custom_imports.')


def _registries(name: str | None = None) -> list[Registry]:
    """MMEngine's root registries, or those of this name, each after its children."""
    return [registry for root in vars(mmengine.registry).values()
            if isinstance(root, Registry) and name in (None, root.name)
            for registry in (*root.children.values(), root)]


def _wrong_arguments(text: str, fields: Fields) -> str | None:
    unknown = re.search(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'", text)
    missing = re.search(r'(\w+)\.__init__\(\) missing \d+ required [\w-]+ arguments?: (.+)', text)
    if not unknown and not missing:
        return None
    owner = (unknown or missing)[1]
    dicts = [(name, node) for name, node in fields if isinstance(node, dict)]
    if missing:
        field = next((name for name, node in dicts if _class_name(node) == owner), owner)
        return f'{field}: the required argument {missing[2]} of {owner} is missing. Set it.'
    key = unknown[2]
    # The error names the class of the inherited constructor, which the config may not contain.
    named = sorted(((name, node) for name, node in dicts if key in node),
                   key=lambda pair: _class_name(pair[1]) != owner)
    if not named:
        return None
    name, node = named[0]
    owner = _class_name(node) or owner
    return (f'{name}.{key}={node[key]!r}: {owner} has no argument {key!r}'
            + did_you_mean(key, _arguments_of(owner)))


def _class_name(node: dict) -> str:
    kind = node.get('type', '')
    return kind.rpartition('.')[2] if isinstance(kind, str) else kind.__name__


def _arguments_of(name: str) -> set[str]:
    """Arguments of every registered class of this name, and of its bases."""
    classes = [registry.module_dict[name] for registry in _registries()
               if name in registry.module_dict] or [DataLoader]
    return {argument for found in classes for base in inspect.getmro(found)
            if '__init__' in vars(base) for argument in inspect.signature(base.__init__).parameters}
