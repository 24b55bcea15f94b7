"""Turn any exception of a run into one line that names the config field."""
import os
import re
import reprlib
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path

import mmengine.registry
import yaml
from mmengine.config import Config
from mmengine.registry import Registry

from .configs import walk
from .errors import ConfigError

TOOLBOXES = ('mmpretrain', 'mmdet', 'mmseg')
#: Functions that read a field without a ``type``, most of them methods of Runner.
READERS = dict(
    import_parts='custom_imports', setup_env='env_cfg', set_randomness='randomness',
    build_log_processor='log_processor', build_logger='log_level', build_train_loop='train_cfg',
    build_val_loop='val_cfg', build_test_loop='test_cfg', scale_lr='auto_scale_lr',
    load_or_resume='load_from')


class TypeName(str):
    """``type`` in a config, with the name of its field. Copies of the config share this object;
    written files contain a plain string."""

    field: str

    def __deepcopy__(self, memo: dict) -> 'TypeName':
        return self

    def __reduce__(self) -> tuple:
        return str, (str(self), )


yaml.add_representer(TypeName, lambda dumper, name: dumper.represent_str(str(name)), yaml.CDumper)


@contextmanager
def explain_config_errors(cfg: Config, folder: str | None = None) -> Iterator[None]:
    """Raise ConfigError with one line for any exception.

    The line names the field of the object that was being built, or that was running when the error
    occurred. The traceback is written to traceback.txt in ``folder``.
    """
    build = Registry.build

    def build_and_remember(self: Registry, cfg: dict, *args, **kwargs) -> object:
        built = build(self, cfg, *args, **kwargs)
        with suppress(AttributeError, TypeError):  # a function, or an object without attributes
            built.config_field = _field_of(cfg)
        return built

    for field in cfg:
        for name, node in walk(cfg[field], field):
            if isinstance(node, dict) and isinstance(node.get('type'), str):
                node['type'] = TypeName(node['type'])
                node['type'].field = name
    Registry.build = build_and_remember
    try:
        yield
    except ConfigError:
        raise
    except Exception as error:
        saved = '' if folder is None else _save_traceback(error, Path(folder))
        raise ConfigError(f'{_message(error, cfg)}{saved}') from error
    finally:
        Registry.build = build


def _save_traceback(error: Exception, folder: Path) -> str:
    rank = os.environ.get('RANK', '0')
    path = folder / ('traceback.txt' if rank == '0' else f'traceback_{rank}.txt')
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(''.join(traceback.format_exception(error)))
    except OSError:  # the error may be that the work dir is not writable
        return ''
    return f' Traceback: {path}.'


def _message(error: Exception, cfg: Config) -> str:
    """One line: the field, the value if the error names an argument, and the error."""
    text = str(error).strip()
    if text.startswith('Caught '):  # the message is the traceback of a data loader worker
        text = text.rpartition('\n')[2].partition(': ')[2]
    text = ' '.join(text.split())
    field = _find_field(error)
    found = re.search(r'([\w.]+) is not in the (?:\S+::)?([\w ]+) registry', text)
    if isinstance(error, KeyError) and found:
        return _unknown_type(field, *found.groups(), cfg.get('default_scope', 'mmengine'))
    nodes = dict(walk(dict(cfg), 'cfg'))
    node = nodes.get(f'cfg.{field}')
    named = [key for key in node if key != 'type' and re.search(rf'\b{key}\b', text)
             ] if isinstance(node, dict) else []
    if len(named) == 1:
        field, node = f'{field}.{named[0]}', node[named[0]]
    value = '' if isinstance(node, (dict, list)) or node is None else f'={reprlib.repr(node)}'
    text = f'{text[:300]} ...' if len(text) > 300 else f'{text.rstrip(".")}.'
    return f'{field}{value}: {type(error).__name__}: {text}'


def _find_field(error: Exception) -> str:
    """Field of the innermost part that was being built or that was running."""
    field = getattr(error, 'config_field', 'config')
    for frame, _ in traceback.walk_tb(error.__traceback__):
        name, values = frame.f_code.co_name, frame.f_locals
        arguments = [values.get(key) for key in frame.f_code.co_varnames[
            :frame.f_code.co_argcount]]
        if name.startswith('build'):
            found = next(filter(None, map(_field_of, arguments)), None) or READERS.get(name)
        elif name in READERS:
            found = READERS[name]
        else:
            found = getattr(values.get('self'), '__dict__', {}).get('config_field')
        field = found or field
    return field


def _field_of(cfg: object) -> str | None:
    """Field of a part of the config, from its ``type``, or the type of one of its parts."""
    own = getattr(cfg.get('type'), 'field', None) if isinstance(cfg, dict) else None
    if own:
        return own
    parts = cfg.values() if isinstance(cfg, dict) else cfg if isinstance(cfg, list) else ()
    inner = [part['type'].field for part in parts
             if isinstance(part, dict) and isinstance(part.get('type'), TypeName)]
    return inner[0].rpartition('.')[0] if inner else None


def _unknown_type(field: str, kind: str, registry: str, scope: str) -> str:
    toolbox = kind.partition('.')[0] if '.' in kind else scope
    if toolbox in TOOLBOXES and not find_spec(toolbox):
        return (f'{field}.type={kind!r}: {toolbox} is not installed. Run `bash tools/setup_env.sh '
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
    return f'{field}.type={kind!r}: no {registry} of this name is registered. ' + (
        f'Did you mean {known[close[0]]!r}?' if close else 'Name its module in custom_imports.')
