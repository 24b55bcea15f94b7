"""From the command line to a config: what ``tools/train.py`` and ``tools/test.py`` share.

Nothing here imports torch, so that a wrong option is answered at once.
"""
import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config, ConfigDict, DictAction

from mmguided.utils.configs import drop_scope, unset_num_classes, walk
from mmguided.utils.errors import ConfigError, check_file
from mmguided.utils.renamed_configs import check_renamed

from .config_checks import (
    INSTALL,
    check_arguments,
    check_hooks,
    check_options,
    check_scopes,
    check_variables,
)

#: What MMEngine's Runner registers by default.
OWN_HOOKS = ('runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint')
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


class OptionAction(DictAction):
    """MMEngine's ``KEY=VALUE ...``, with an error that a user understands."""

    def __call__(self, parser, namespace, values, option_string=None) -> None:
        for value in values:
            if '=' not in value:
                parser.error(f'{option_string} {value!r}: write KEY=VALUE, without blanks')
        super().__call__(parser, namespace, values, option_string)


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that training and testing share."""
    parser.add_argument('--work-dir', help='folder of logs and checkpoints; default: the config\'s '
                        '`work_dir`, else ./work_dirs/METHOD/CONFIG_NAME')
    parser.add_argument(
        '--data-root', metavar='FOLDER', help='folder of the data, in place of every `data_root`')
    parser.add_argument('--amp', action='store_true', help='automatic mixed precision')
    parser.add_argument('--no-pin-memory', action='store_true', help='do not pin memory')
    parser.add_argument(
        '--no-persistent-workers', action='store_true',
        help='start the data loaders\' workers anew at each epoch')
    parser.add_argument(
        '--cfg-options', nargs='+', action=OptionAction, metavar='KEY=VALUE', default={},
        help='override fields of the config: a.b=1 c="[1,2]" d="[(1,2),(3,4)]" (no blanks inside)')
    parser.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none',
        help='who started the processes')
    parser.add_argument(
        '--local_rank', '--local-rank', type=int, default=0,
        help='set by old launchers only; newer ones use the variable LOCAL_RANK')


def load_config(path: str, options: dict | None = None) -> Config:
    """Read a config file and merge ``--cfg-options`` into it. Its ``custom_imports`` are left to
    :func:`mmguided.cli.runner.build_runner`.

    Raises:
        ConfigError: If a file of it is missing, asks for a package that is not installed, or sets
            what nothing reads; if an option is misspelled.
    """
    if not os.path.isfile(path):
        check_renamed('config', path)
    check_file('config', path, 'give the path of a .py, .json or .yml config file')
    try:
        cfg = Config.fromfile(path, import_custom_modules=False)
    except FileNotFoundError as error:
        raise ConfigError(f'config={path!r} asks for a file that does not exist: {error}; '
                          'mend `_base_` in it') from error
    except ModuleNotFoundError as error:
        raise ConfigError(f'config={path!r} asks for a package that is not there: {error}; '
                          f'{INSTALL}') from error
    except SyntaxError as error:
        raise ConfigError(f'config={path!r} is not valid Python: {error}') from error
    drop_scope(cfg)
    check_variables(path, cfg)
    check_options(cfg, options or {})
    cfg.merge_from_dict(options or {})
    check_scopes(cfg)
    check_hooks(cfg)
    check_arguments(cfg)
    return cfg


def merge_common_args(cfg: Config, args: argparse.Namespace) -> None:
    """Write the other options of :func:`add_common_arguments` into ``cfg``, except ``--amp``, which
    means another thing in training than in testing."""
    cfg.launcher = args.launcher
    # MMEngine takes None for its own hooks, and stops at that of another.
    hooks = cfg.get('default_hooks') or {}
    for name in [name for name, hook in hooks.items() if hook is None and name not in OWN_HOOKS]:
        del hooks[name]
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    if args.work_dir:
        cfg.work_dir = args.work_dir
    elif not cfg.get('work_dir'):
        cfg.work_dir = default_work_dir(args.config)

    if args.data_root:
        set_data_root(cfg, args.data_root)
    fill_num_classes(cfg)
    for field in LOADERS:
        if cfg.get(field):
            _set_loader_defaults(cfg[field], cfg.get('default_scope'))
            if args.no_pin_memory:
                cfg[field].pin_memory = False
            if args.no_persistent_workers:
                cfg[field].persistent_workers = False


def set_data_root(cfg: Config, folder: str) -> None:
    """Write ``folder`` into every ``data_root``, and into the paths that begin with the old one,
    such as an evaluator's ``ann_file``."""
    fields = [field for field in (*LOADERS, 'model', 'val_evaluator', 'test_evaluator',
                                  'custom_hooks') if cfg.get(field)]
    nodes = [node for field in fields for _, node in walk(cfg[field], field)
             if isinstance(node, dict)]
    roots = {node['data_root'] for node in nodes if node.get('data_root')}
    if not roots:
        raise ConfigError(f'--data-root={folder!r}: no data set of this config has a `data_root`')
    for node in nodes:
        for key, value in node.items():
            old = next((root for root in roots
                        if isinstance(value, str) and f'{value}/'.startswith(root)), None)
            if old is not None:
                node[key] = os.path.join(folder, value[len(old):].lstrip('/')).rstrip('/')


def fill_num_classes(cfg: Config) -> None:
    """Let ``num_classes=None`` of a model be the number of class folders of the training data."""
    unset = unset_num_classes(cfg.get('model'))
    if not unset:
        return
    dataset = cfg.train_dataloader.dataset
    folder = Path(dataset.data_root, dataset.get('data_prefix', '')).expanduser()
    num = sum(path.is_dir() for path in folder.glob('*'))
    if not num:
        raise ConfigError(f'train_dataloader.dataset.data_root={dataset.data_root!r}: '
                          f'{str(folder)!r} has no folders of classes; set `--data-root FOLDER`')
    for node in unset.values():
        node['num_classes'] = num


def named_paths(field: str, arguments: Sequence[str]) -> dict[str, str]:
    """Name -> path of arguments ``[NAME=]PATH``; without a name, the path without its ending.

    Raises:
        ConfigError: If two have one name.
    """
    paths = {}
    for argument in arguments:
        name, separator, path = argument.partition('=')
        if not separator or Path(argument).exists():  # a path may have the sign in it
            name, path = str(Path(argument).with_suffix('')), argument
        if not name.strip():
            raise ConfigError(f'{field}={argument!r}: the name before the = is empty')
        if name in paths:
            raise ConfigError(f'{field}={argument!r}: {name!r} is the name of another one; put '
                              'NAME= in front')
        paths[name] = path
    return paths


def figure_files(out: Path) -> list[Path]:
    """Files of a figure: the .png of ``--out``, and beside it a .pdf.

    Raises:
        ConfigError: If it has another ending.
    """
    if out.suffix != '.png':
        raise ConfigError(f"--out='{out}': give a file that ends in .png; a .pdf is written too")
    return [out, out.with_suffix('.pdf')]


def default_work_dir(config: str) -> str:
    """``work_dirs/`` and the path of a config below its folder ``configs/``, or else below the
    current folder: ``work_dirs/mae/vit-b_300e`` and ``work_dirs/ccmim/vit-b_300e``."""
    path = Path(config).resolve().with_suffix('')
    roots = [folder for folder in path.parents if folder.name == 'configs'] or [Path.cwd()]
    below = path.relative_to(roots[0]) if path.is_relative_to(roots[0]) else Path(path.name)
    return str('work_dirs' / below)


def _set_loader_defaults(loader: ConfigDict, scope: str | None) -> None:
    """mmpretrain's configs count on these; mmdet's and mmseg's state what they need, and their
    samples of unequal size must not be stacked."""
    if scope in ('mmpretrain', 'mmguided'):
        loader.setdefault('collate_fn', dict(type='default_collate'))
        loader.setdefault('pin_memory', True)
        loader.setdefault('persistent_workers', True)
    if not loader.get('num_workers'):
        loader.persistent_workers = False  # torch refuses it without workers
