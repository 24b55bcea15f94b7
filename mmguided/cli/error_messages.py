"""Translate exceptions of the toolboxes into errors that name the config field."""
import re
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from importlib.util import find_spec

import mmengine.registry
from mmengine.config import Config
from mmengine.registry import Registry

from mmguided.utils.configs import walk
from mmguided.utils.errors import ConfigError

from .config_checks import RUNNER_FIELDS

TOOLBOXES = ('mmpretrain', 'mmdet', 'mmseg')
Fields = list[tuple[str, object]]


@contextmanager
def explain_config_errors(cfg: Config) -> Iterator[None]:
    """Raise ConfigError for an unknown type and for an unknown or missing argument.

    The registries report these mistakes without the field. All other errors keep their traceback.
    """
    try:
        yield
    except (KeyError, TypeError) as error:
        fields = [pair for name in sorted(RUNNER_FIELDS & set(cfg))
                  for pair in walk(cfg[name], name)]
        message = (_unknown_type(str(error), fields, cfg.get('default_scope', 'mmengine'))
                   if isinstance(error, KeyError) else _wrong_argument(str(error), fields))
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
    for root in vars(mmengine.registry).values():
        if isinstance(root, Registry) and root.name == registry:
            for child in root.children.values():
                child.import_from_location()
                scoped = {name: f'{child.scope}.{name}' for name in child.module_dict}
                known |= scoped | {name: name for name in scoped.values()}
            known |= {name: name for name in root.module_dict}  # these types need no scope
    close = get_close_matches(kind, known, 1)
    return f'{field}={kind!r}: no {registry} of this name is registered. ' + (
        f'Did you mean {known[close[0]]!r}?' if close else 'Name its module in custom_imports.')


def _wrong_argument(text: str, fields: Fields) -> str | None:
    """Error message for a wrong constructor argument, with the config fields of this name."""
    found = re.search(
        r"\w+\.__init__\(\) (missing .*|got an unexpected keyword argument '(\w+)')", text)
    if not found:
        return None
    named = [f'{name}={value!r}' for name, value in fields if name.endswith(f'.{found[2]}')]
    return f'{" or ".join(named) or "config"}: {found[0]}. Correct the arguments.'
