"""Command-line arguments of all tools, and the config that ``train.py`` and ``test.py`` run.

All tools use the same names for inputs:

- ``CONFIG [CHECKPOINT]``: a config (its path, ``mmguided::METHOD/FILE.py``, or a name of
  :func:`mmguided.list_models`), and a checkpoint to load into its model.
- ``[NAME=]CHECKPOINT ...``: models to compare. A checkpoint saved by our training contains its
  config; ``--configs NAME=CONFIG ...`` sets the config of any other checkpoint.
- ``[NAME=]WORK_DIR ...``: training runs to compare.
- ``[NAME=]CONFIG ...``: configs to compare.

Tables and figures are labeled by NAME, by default the folder and the file name (`default_name`).
Options that several tools share are defined in `SHARED`. A leading ``~`` in a path
is expanded to the home folder. This module does not import torch, so that errors are reported
immediately.
"""
import argparse
import ast
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmengine.config import Config, ConfigDict, DictAction
from mmengine.utils import to_2tuple

from mmguided.hub import checkpoint_config, config_path, get_model
from mmguided.utils.configs import drop_scope, expand_home, read_config, unset_num_classes, walk
from mmguided.utils.errors import MODEL_SOURCES, ConfigError, check_file
from mmguided.utils.image_folders import IMAGE_EXTENSIONS, class_folders, read_classes

from .config_checks import check_checkpoint, check_options, check_variables

#: Hooks that MMEngine's Runner registers by default.
RUNNER_HOOKS = ('runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint')
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
FIGURE_FORMATS = ('.png', '.pdf', '.svg')
#: Size of an encoder, and the defaults of :class:`mmguided.models.MaskedViT`.
ENCODER_SIZE = dict(arch='base', img_size=224, patch_size=16)
#: Transforms and the field of their size.
IMAGE_SIZE = dict(ResizeEdge='scale', RandomResizedCrop='scale', CenterCrop='crop_size')
#: Transforms whose size is (width, height).
WIDTH_FIRST = ('CenterCrop', 'Resize')


class OptionAction(DictAction):
    """Action for ``KEY=VALUE ...`` as in MMEngine, except that paths keep blanks and commas. A text
    with a slash, or with a blank that does not follow a comma, is a path."""

    def __call__(self, parser, namespace, values, option_string=None) -> None:
        for value in values:
            if '=' not in value:
                parser.error(f'{option_string} {value!r}: write KEY=VALUE.')
        try:
            super().__call__(parser, namespace, values, option_string)
        except (AssertionError, RecursionError):  # MMEngine's parser
            parser.error(f'{option_string} {" ".join(values)!r}: cannot be read. Close all '
                         """brackets, and write dicts as "[{'type':'NAME'}]".""")

    @staticmethod
    def _parse_iterable(text: str) -> object:
        if text[:1] in ('[', '(', '"', "'"):
            try:
                return ast.literal_eval(text)
            except (SyntaxError, ValueError):  # names without quotes, as in [a,b]
                return DictAction._parse_iterable(text)
        is_path = re.search(r'[/=]|(?<!,)\s', text)
        return text if is_path else DictAction._parse_iterable(text)


class TrustAction(argparse.Action):
    """Action for ``--trust-checkpoint``: set torch's variable for :func:`mmguided.utils.checkpoints
    .trusts_checkpoints`."""

    def __call__(self, parser, namespace, values, option_string=None) -> None:
        os.environ['TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'] = '1'


def local_path(text: str) -> Path:
    """Path with ``~`` expanded to the home folder."""
    return Path(text).expanduser()


def positive(text: str) -> int:
    """Integer of at least 1."""
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f'{text}: not positive. Give an integer >= 1')
    return int(text)


def shuffle_level(text: str) -> int | str:
    """Level of ``--shuffle``: cells along each side of an image, or 'patches'."""
    return text if text == 'patches' else int(text)


#: Arguments that several tools share.
SHARED = {
    'config': dict(type=config_path, help='config file, mmguided::METHOD/FILE.py, or a name of '
                   'mmguided.list_models()'),
    'configs': dict(nargs='+', metavar='[NAME=]CONFIG'),
    'checkpoints': dict(nargs='+', metavar='[NAME=]CHECKPOINT'),
    'runs': dict(nargs='+', metavar='[NAME=]WORK_DIR'),
    '--configs': dict(nargs='+', default=[], metavar='NAME=CONFIG',
                      help='configs of checkpoints that do not contain one'),
    '--data-root': dict(type=os.path.expanduser, metavar='FOLDER',
                        help='data folder; replaces every `data_root` of the config'),
    '--images': dict(nargs='+', required=True, type=local_path, metavar='IMAGE'),
    '--img-size': dict(type=positive, nargs='+', metavar='N',
                       help='size of the images for the encoder and for all transforms: a side, or '
                       'height and width'),
    '--out': dict(type=local_path),
    '--seed': dict(type=int, default=0),
    '--seeds': dict(type=int, nargs='+', default=[0]),
    '--trust-checkpoint': dict(action=TrustAction, nargs=0, help='load checkpoints that contain '
                               'more than tensors and plain types; such a file can run code'),
    '--cfg-options': dict(nargs='+', action=OptionAction, metavar='KEY=VALUE', default={},
                          help='override config fields: a.b=1 c="[1,2]" d="[(1,2),(3,4)]"'),
}


def add_shared(parser: argparse.ArgumentParser, *names: str, **changes) -> None:
    """Add arguments of `SHARED`, with changed settings."""
    for name in names:
        parser.add_argument(name, **SHARED[name] | changes)


def tool_parser(description: str, *names: str) -> argparse.ArgumentParser:
    """Parser of a tool with arguments of `SHARED`."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_shared(parser, *names)
    return parser


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that ``train.py`` and ``test.py`` share."""
    parser.add_argument('--work-dir', type=os.path.expanduser, help='folder of logs and '
                        "checkpoints; default: the config's `work_dir`, or "
                        'work_dirs/METHOD/CONFIG_NAME')
    add_shared(parser, '--data-root', '--cfg-options', '--trust-checkpoint')
    parser.add_argument('--amp', action='store_true', help='automatic mixed precision: '
                        'bfloat16, or fp16 on GPUs without bfloat16')
    parser.add_argument('--no-pin-memory', action='store_true', help='do not pin memory')
    parser.add_argument('--no-persistent-workers', action='store_true',
                        help='restart the data loader workers at each epoch')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none',
                        help='job launcher')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0,
                        help='set by old launchers; new launchers set the variable LOCAL_RANK')


def load_config(path: str, options: Mapping | None = None) -> Config:
    """Read a config and merge ``--cfg-options`` into it. :func:`mmguided.cli.runner.build_runner`
    runs the ``custom_imports`` of the config.

    Raises:
        ConfigError: If the config cannot be read, or a variable or option has no effect.
    """
    path = config_path(path)
    cfg = read_config(path)
    drop_scope(cfg)
    check_variables(path, cfg)
    check_options(cfg, options or {})
    cfg.merge_from_dict(dict(options or {}))
    expand_home(cfg)
    return cfg


def merge_run_arguments(cfg: Config, args: argparse.Namespace) -> None:
    """Write the options of :func:`add_run_arguments` into ``cfg``, except ``--amp``, which differs
    between training and testing."""
    cfg.launcher = args.launcher
    # MMEngine accepts None only for its own default hooks.
    hooks = cfg.get('default_hooks') or {}
    for name in [name for name, hook in hooks.items() if hook is None and name not in RUNNER_HOOKS]:
        del hooks[name]
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or default_work_dir(args.config)
    if args.data_root is not None:
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
    """Replace every ``data_root``, and the same folder at the start of other paths, such as an
    evaluator's ``ann_file``."""
    fields = [field for field in (*LOADERS, 'model', 'val_evaluator', 'test_evaluator',
                                  'custom_hooks') if cfg.get(field)]
    # A dict may belong to several fields.
    nodes = {id(node): node for field in fields for _, node in walk(cfg[field], field)
             if isinstance(node, dict)}.values()
    # One root may be below another.
    roots = sorted({node['data_root'].rstrip('/') for node in nodes if node.get('data_root')},
                   key=len, reverse=True)
    if not folder:
        raise ConfigError("--data-root='': empty. Give a folder.")
    if not roots:
        raise ConfigError(f'--data-root={folder!r}: the config has no `data_root`. Set the paths '
                          'of the datasets by --cfg-options.')
    for node in nodes:
        for key, value in node.items():
            old = next((root for root in roots
                        if isinstance(value, str) and f'{value}/'.startswith(f'{root}/')), None)
            if old is not None:
                node[key] = os.path.join(folder, value[len(old):].lstrip('/')).rstrip('/')


def fill_num_classes(cfg: Config) -> None:
    """Replace ``num_classes=None`` in the model by the number of training classes: ``classes`` of
    the dataset, or the number of class folders."""
    unset = unset_num_classes(cfg.get('model'))
    if not unset:
        return
    dataset = cfg.train_dataloader.dataset
    folder = Path(dataset.data_root, dataset.get('data_prefix', '')).expanduser()
    if dataset.get('classes') is not None:
        num = len(read_classes(dataset.classes))
    else:
        extensions = dataset.get('extensions', IMAGE_EXTENSIONS)
        extensions = [extensions] if isinstance(extensions, str) else extensions
        num = len(class_folders(folder, extensions)) if folder.is_dir() else 0
    if not num:
        raise ConfigError(f'train_dataloader.dataset.data_root={dataset.data_root!r}: '
                          f'{str(folder)!r} has no class folders. Set `--data-root FOLDER`, or set '
                          f'{next(iter(unset))}.num_classes.')
    for node in unset.values():
        node['num_classes'] = num


def fill_encoder(cfg: Config, checkpoint: str | None) -> None:
    """Fill in the sizes of the encoder and of the images that are None in the config.

    ``model.backbone`` gets its :data:`ENCODER_SIZE` fields from the config in the checkpoint, and
    then also the number of channels unless the config sets it. The transforms in :data:`IMAGE_SIZE`
    get the image size of the encoder.

    Raises:
        ConfigError: If a field of the encoder is None and no checkpoint is given, the checkpoint
            contains no config, or its encoder has another type. See also :func:`set_image_size`.
    """
    backbone = cfg.model.get('backbone') or {}
    unset = [key for key in ENCODER_SIZE if backbone.get(key, 0) is None]
    if unset:
        options = ' '.join(f'model.backbone.{key}=VALUE' for key in unset)
        remedy = f'Set `--cfg-options {options}`.'
        if not checkpoint:
            raise ConfigError(f'model.backbone.{unset[0]}=None: the value is read from a '
                              f'checkpoint, but none is given. {remedy}')
        theirs = checkpoint_config(checkpoint, 'checkpoint', remedy).model.get('backbone', {})
        types = [config.get('type', 'None').rpartition('.')[2] for config in (backbone, theirs)]
        if types[0] != types[1]:
            raise ConfigError(f'model.backbone.type={backbone.type}: the encoder of {checkpoint!r} '
                              f'is a {types[1]}. Use a protocol of configs/benchmarks/imagenet.')
        for key in unset:
            backbone[key] = theirs.get(key, ENCODER_SIZE[key])
        if 'in_channels' in theirs:
            backbone.setdefault('in_channels', theirs['in_channels'])
    for field in ('model', *LOADERS):
        for _, node in walk(cfg.get(field), field):
            key = IMAGE_SIZE.get(_transform(node))
            if key and node.get(key, 0) is None:
                set_image_size(node, key, tuple(to_2tuple(backbone.img_size)))


def image_size(node: dict, key: str) -> tuple[int, int] | None:
    """Size (height, width) of a transform; None if the field is not a size in pixels."""
    value = node.get(key)
    if isinstance(value, int):
        return value, value
    if not isinstance(value, (list, tuple)) or [type(side) for side in value] != [int, int]:
        return None
    return tuple(value[::-1] if _transform(node) in WIDTH_FIRST else value)


def set_image_size(node: dict, key: str, size: tuple[int, int]) -> None:
    """Set the size (height, width) of a transform: one number if both sides are equal, otherwise
    both sides in the order that the transform expects.

    Raises:
        ConfigError: If the size is not square, and the transform would distort the images or not
            cover the size.
    """
    name, (height, width) = _transform(node), size
    if height != width and name in ('ResizeEdge', 'RandomResizedCrop') and (
            'mmguided.' not in str(node['type'])):
        raise ConfigError(f'model.backbone.img_size={size}: not square, and {name} of mmpretrain '
                          f'does not keep the aspect ratio. Set type=mmguided.{name}.')
    node[key] = height if height == width else (
        (width, height) if name in WIDTH_FIRST else (height, width))


def _transform(node: object) -> str | None:
    """Name of a transform without its scope."""
    return str(node.get('type')).rpartition('.')[2] if isinstance(node, dict) else None


def default_work_dir(config: str) -> str:
    """``work_dirs/`` plus the path of a config below ``configs/`` or the current folder, such as
    ``work_dirs/mae/vit-b_300e``."""
    path = Path(config).resolve().with_suffix('')
    root = next((folder for folder in path.parents if folder.name == 'configs'), Path.cwd())
    below = path.relative_to(root) if path.is_relative_to(root) else Path(path.name)
    return str('work_dirs' / below)


def _set_loader_defaults(loader: ConfigDict, scope: str | None) -> None:
    """Set the defaults of mmpretrain's tools, except for configs of mmdet and mmseg, which set
    their own defaults because their samples differ in size and cannot be stacked."""
    if scope in ('mmpretrain', 'mmguided'):
        loader.setdefault('collate_fn', dict(type='default_collate'))
        loader.setdefault('pin_memory', True)
        loader.setdefault('persistent_workers', True)
    if not loader.get('num_workers'):
        loader.persistent_workers = False  # torch requires workers for this option


def default_name(path: str) -> str:
    """Folder and file name, such as ``mae/epoch_800``; a name that is not a path is unchanged."""
    if '/' not in path and not os.path.exists(path):
        return path
    return re.sub(r'\.(pth|pt|py|json|ya?ml)$', '', '/'.join(Path(path).resolve().parts[-2:]))


def named_paths(field: str, arguments: Sequence[str]) -> dict[str, str]:
    """Map the names of ``[NAME=]PATH ...`` to the paths.

    Raises:
        ConfigError: If a name is empty or used twice.
    """
    paths = {}
    for argument in arguments:
        name, separator, path = argument.partition('=')
        if not separator or Path(argument).exists():  # a path may contain =
            name, path = default_name(argument), argument
        if not name.strip() or name in paths:
            raise ConfigError(f'{field}={argument!r}: the name {name!r} is empty or used twice. '
                              'Put NAME= in front of the path.')
        paths[name] = os.path.expanduser(path)
    return paths


def split_options(argument: str) -> tuple[str, dict]:
    """Split ``CONFIG KEY=VALUE ...``, given as one argument, into the path, which may contain
    blanks, and the options."""
    path, *options = [argument] if Path(argument).exists() else re.split(
        r'\s+(?=[^\s=]+=)', argument.strip(), maxsplit=1)
    options = options[0].split() if options else []
    parser = tool_parser('', '--cfg-options')
    return path, parser.parse_args(['--cfg-options', *options] if options else []).cfg_options


def named_checkpoints(arguments: Sequence[str]) -> dict[str, Path]:
    """Map the names of ``[NAME=]CHECKPOINT ...`` to the files or model folders, see
    :func:`named_paths`."""
    paths = named_paths('checkpoint', arguments)
    for name, path in paths.items():
        check_checkpoint('checkpoint', path)
        if path.startswith(MODEL_SOURCES):
            from mmguided.utils.exchange import local_folder  # imports torch
            paths[name] = local_folder(path, 'checkpoint')
    return {name: Path(path) for name, path in paths.items()}


def named_configs(arguments: Sequence[str], models: Mapping[str, object]) -> dict[str, str]:
    """Map the names of ``--configs NAME=CONFIG ...`` to the configs.

    Raises:
        ConfigError: If no model has the name, or the file does not exist.
    """
    named = {}
    for argument in arguments:
        # The name of a model may contain =.
        name = next((name for name in models if argument.startswith(f'{name}=')), None)
        if name is None:
            raise ConfigError(f'--configs={argument!r}: not NAME=CONFIG with the name of a model. '
                              f'Start with one of {", ".join(f"{name}=" for name in models)}.')
        named[name] = config_path(argument.removeprefix(f'{name}='))
        check_file('--configs', named[name], 'Give the path of a config.')
    return named


def load_models(checkpoints: Mapping[str, Path], configs: Mapping[str, str]) -> dict:
    """Load models in eval mode on the device; return them by name."""
    from mmengine.device import get_device
    return {name: get_model(configs[name], str(path), device=get_device()) if name in configs else
            get_model(path, device=get_device()) for name, path in checkpoints.items()}


def figure_files(out: Path) -> list[Path]:
    """Files of a figure: ``--out``, plus a .pdf copy of a .png.

    Raises:
        ConfigError: If the file extension is another one.
    """
    if out.suffix not in FIGURE_FORMATS:
        raise ConfigError(f'--out={str(out)!r}: unsupported file extension. Use one of '
                          f'{", ".join(FIGURE_FORMATS)}.')
    return [out, out.with_suffix('.pdf')] if out.suffix == '.png' else [out]
