"""What toolboxes raise, in the words of the config."""
import inspect
import os.path as osp
import re
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pickle import UnpicklingError

import mmengine.registry
import torch
from mmengine.config import Config
from mmengine.registry import Registry

from mmguided.utils.configs import walk
from mmguided.utils.errors import ConfigError
from mmguided.utils.names import nearest

from .config_checks import latest_checkpoint


@contextmanager
def explain_config_errors(cfg: Config, sections: Sequence[str]) -> Iterator[None]:
    """Turn the errors that a mistake in ``cfg`` leads to into a `ConfigError` of its field: a
    missing file or folder, an unknown type or argument, a checkpoint that torch cannot read, labels
    that a data set of mmpretrain cannot read.

    Registries, datasets and loaders report them without the field. An error that no field of
    ``cfg`` explains is not touched.

    Args:
        cfg: The config that the block runs.
        sections: The top-level fields that the block builds. Others may name the same path without
            being at fault: a variable such as ``data_root``, or another data loader.
    """
    try:
        yield
    except ConfigError:
        raise
    except Exception as error:
        fields = [pair for name in sections for pair in walk(cfg.get(name), name)]
        message = _explain(error, fields, cfg)
        if message is None:
            raise
        raise ConfigError(message) from error


def _explain(error: Exception, fields: list, cfg: Config) -> str | None:
    if isinstance(error, FileNotFoundError):
        return _missing_file(error, fields)
    if message := _unreadable_labels(error, fields):
        return message
    if isinstance(error, KeyError):
        return _unknown_type(str(error), fields)
    if isinstance(error, TypeError):
        return _wrong_arguments(str(error), fields)
    if isinstance(error, (RuntimeError, EOFError, UnpicklingError)):
        return _broken_checkpoint(error, cfg)
    return None


def _missing_file(error: FileNotFoundError, fields: list) -> str | None:
    missing = _missing_path(error)
    named = [(field, value) for field, value in fields
             if isinstance(value, str) and value and not field.endswith('.type')
             and _is_part(value, missing) and not osp.exists(osp.expanduser(value))]
    if not named:
        return None
    # A missing data_root is to blame, not what is to be found below it; of data_prefix='train'
    # and others in the midst of the path, the longest.
    root = [pair for pair in named if _is_root(pair[1], missing)]
    field, value = (min if root else max)(root or named, key=lambda pair: len(pair[1]))
    return (f'{field}={value!r}: no file or folder {missing!r}; put it there or set '
            f'`--cfg-options {field}=PATH`')


def _unreadable_labels(error: Exception, fields: list) -> str | None:
    """Of an error that one of mmpretrain's data sets raises while it reads its files, in the words
    of their parsers; what users wrote themselves keeps its stack."""
    frames = [frame for cause in _chain(error)
              for frame, _ in traceback.walk_tb(cause.__traceback__)
              if frame.f_code.co_name in ('full_init', '_serialize_data')]
    dataset = frames[-1].f_locals['self'] if frames else None
    kind, split = type(dataset).__name__, getattr(dataset, 'split', None)
    if not type(dataset).__module__.startswith('mmpretrain.'):
        return None
    named = [name for name, node in fields if isinstance(node, dict)
             and _class_name(node) == kind and node.get('data_root', '') == dataset.data_root
             and node.get('split', split) == split]
    if not named:
        return None
    # An empty list of images cannot be serialized.
    found = f'has no images of split={split!r}' if frames[-1].f_code.co_name != 'full_init' else (
        f'cannot be read ({type(error).__name__}: {" ".join(str(error).split())})')
    return (f'{named[0]}.data_root={dataset.data_root!r}: {kind} {found}; compare the files with '
            f'the layout that the documentation of mmpretrain.datasets.{kind} shows')


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _unknown_type(text: str, fields: list) -> str | None:
    found = re.search(r'([\w.]+) is not in the \S+::([\w ]+) registry', text)
    if not found:
        return None
    kind, registry = found.groups()
    field = next((name for name, value in fields if name.endswith('.type') and value == kind), None)
    scope, _, name = kind.rpartition('.')
    # What the root registry holds needs no scope, so that it comes last and wins.
    known = {name: name if owner == 'mmengine' else f'{owner}.{name}'
             for owner, names in _registered(registry).items() for name in names
             if scope in ('', owner)}
    close = get_close_matches(name, known, 1)
    return (f'{field or registry}={kind!r}: no {registry} of this name is registered'
            + (f'; did you mean {known[close[0]]!r}?' if close else
               '; name its module in custom_imports'))


def _registered(registry: str) -> dict[str, list[str]]:
    """Scope -> names, of a root registry of MMEngine and of its children."""
    roots = [value for value in vars(mmengine.registry).values()
             if isinstance(value, Registry) and value.name == registry]
    return {child.scope: list(child.module_dict)
            for root in roots for child in (*root.children.values(), root)}


def _wrong_arguments(text: str, fields: list) -> str | None:
    unknown = re.search(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'", text)
    missing = re.search(r'(\w+)\.__init__\(\) missing \d+ required [\w-]+ arguments?: (.+)', text)
    if not unknown and not missing:
        return None
    owner = (unknown or missing)[1]
    dicts = [(name, node) for name, node in fields if isinstance(node, dict)]
    if missing:
        where = next((name for name, node in dicts if _class_name(node) == owner), owner)
        return f'{where}: {owner} needs {missing[2]}, which the config does not set'
    key = unknown[2]
    # An inherited constructor is named after the base class: any dict with the key will do then.
    having = [(name, node) for name, node in dicts if key in node]
    having.sort(key=lambda pair: _class_name(pair[1]) != owner)
    if not having:
        return None
    name, node = having[0]
    return (f'{name}.{key}={node[key]!r}: {_class_name(node) or owner} has no option {key!r}'
            + nearest(key, _options_of(_class_name(node) or owner)))


def _class_name(node: dict) -> str:
    kind = node.get('type', '')
    return kind.rpartition('.')[2] if isinstance(kind, str) else kind.__name__


def _options_of(name: str) -> set[str]:
    """Arguments of every registered class of this name, and of its bases."""
    roots = [value for value in vars(mmengine.registry).values() if isinstance(value, Registry)]
    classes = [registry.module_dict[name] for root in roots
               for registry in (root, *root.children.values()) if name in registry.module_dict]
    if name == 'DataLoader':  # which no registry builds
        classes.append(torch.utils.data.DataLoader)
    return {argument for found in classes for base in inspect.getmro(found)
            if '__init__' in vars(base) for argument in inspect.signature(base.__init__).parameters}


def _broken_checkpoint(error: Exception, cfg: Config) -> str | None:
    path = cfg.get('load_from') or (cfg.get('resume') and latest_checkpoint(cfg.work_dir))
    if not path or not osp.isfile(osp.expanduser(path)):
        return None
    try:
        torch.load(osp.expanduser(path), map_location='cpu', weights_only=False)
    except Exception:
        return (f'{path!r} cannot be read as a checkpoint ({type(error).__name__}: {error}): is '
                'the file whole? If not, give another one')
    return None  # another file is to blame, or no file


def _missing_path(error: FileNotFoundError) -> str:
    if error.filename:
        return str(error.filename)
    # Wrapped by a registry or a data loader's worker, or worded by MMEngine.
    text = str(error).strip().splitlines()[-1]
    quoted = re.search(r"'([^']+)'", text)
    return quoted[1] if quoted else text.removesuffix(' can not be found.').split(': ')[-1]


def _is_part(value: str, path: str) -> bool:
    """Whether ``value`` is one or more whole components of ``path``."""
    value, path = osp.normpath(osp.expanduser(value)), osp.normpath(path)
    return f'/{value.lstrip("/")}/' in f'/{path.lstrip("/")}/'


def _is_root(value: str, path: str) -> bool:
    """Whether ``path`` is ``value``, or below it."""
    value, path = osp.normpath(osp.expanduser(value)), osp.normpath(path)
    return f'{path}/'.startswith(f'{value}/')
