"""What can be wrong in a config, as far as it shows before torch and the toolboxes are imported.

Every check raises ConfigError with the field, its value and the remedy.
"""
import ast
import os.path as osp
import zipfile
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path

from mmengine.config import Config

from mmguided.utils.configs import pretrained_settings, walk
from mmguided.utils.errors import ConfigError, check_file
from mmguided.utils.names import nearest

from .signatures import arguments_of

#: Top-level fields that Runner or a tool reads; all others are variables of the config file.
RUNNER_FIELDS = frozenset('''
    activation_checkpointing auto_scale_lr compile custom_hooks custom_imports data_preprocessor
    default_hooks default_scope efficient_conv_bn_eval env_cfg experiment_name
    find_unused_parameters launcher load_from log_level log_processor model model_wrapper_cfg
    optim_wrapper param_scheduler randomness resume runner_type sync_bn test_cfg test_dataloader
    test_evaluator train_cfg train_dataloader tta_model tta_pipeline val_cfg val_dataloader
    val_evaluator visualizer work_dir'''.split())

#: Keys that a builder takes out of a dict before the class sees it.
BUILDER_KEYS = frozenset('''
    type _delete_ _scope_ constructor convert_to_iter_based paramwise_cfg priority'''.split())

#: What must lie in the ``data_root`` of data sets of mmpretrain that come as archives.
DATASET_FILES = dict(
    CIFAR10=('cifar-10-batches-py', ),
    CIFAR100=('cifar-100-python', ),
    CUB=('images', 'images.txt', 'image_class_labels.txt', 'train_test_split.txt'),
    DTD=('images', 'imdb/imdb.mat'),
    Flowers102=('jpg', 'imagelabels.mat', 'setid.mat'))

SCOPES = ('mmguided', 'mmengine', 'mmcv', 'mmpretrain', 'mmdet', 'mmseg')
INSTALL = ('run `bash tools/setup_env.sh tests`, or see README.md and docs/downstream.md for an '
           'installation by hand')


def check_options(cfg: Config, options: Mapping[str, object]) -> None:
    """Check that something will read each of ``--cfg-options``."""
    for name, value in options.items():
        option = f'--cfg-options {name}={value!r}'
        field = name.partition('.')[0]
        if field not in RUNNER_FIELDS and field in cfg:
            raise ConfigError(f'{option}: nothing reads the variable {field!r} once the config '
                              f'file has been read; {_users_of(cfg, field)}')
        if field not in RUNNER_FIELDS:
            raise ConfigError(f'{option}: a config has no field {field!r}'
                              + nearest(field, RUNNER_FIELDS))
        _check_path(cfg, name, option)


def check_variables(path: str, cfg: Config) -> None:
    """Check that something reads the variables that a config file sets anew: what its ``_base_``
    made of them has been read already."""
    assigned, read, bases = _names_of(path)
    for base in bases:
        inherited = (Config.fromstring(f'_base_ = {base!r}', '.py') if '::' in base else
                     Config.fromfile(Path(path).parent / base, import_custom_modules=False))
        for name in sorted((assigned - read - RUNNER_FIELDS) & set(inherited)):
            raise ConfigError(f'{path}: {name}={cfg[name]!r} has no effect, for the inherited '
                              f'fields were made before; {_users_of(inherited, name)}')


def _names_of(path: str) -> tuple[set[str], set[str], list[str]]:
    """Variables that a config file sets, names that it reads, and its ``_base_``."""
    try:
        tree = ast.parse(Path(path).read_text())
    except SyntaxError:  # JSON or YAML, or MMEngine's own {{$VARIABLE:default}}
        return set(), set(), []
    values = {target.id: statement.value
              for statement in tree.body if isinstance(statement, ast.Assign)
              for target in statement.targets if isinstance(target, ast.Name)}
    read = {node.id for node in ast.walk(tree)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    try:
        bases = ast.literal_eval(values.pop('_base_', ast.Constant([])))
    except ValueError:  # computed
        bases = []
    return set(values), read, [bases] if isinstance(bases, str) else list(bases)


def _users_of(cfg: Config, variable: str) -> str:
    value = cfg[variable]
    if variable == 'data_root':
        return 'use `--data-root FOLDER`, or set every `data_root` of the data sets'
    fields = [name for field in sorted(RUNNER_FIELDS & set(cfg))
              for name, found in walk(cfg[field], field) if found == value]
    if not fields:
        return 'set the field that is meant'
    return f'set what has its value: {", ".join(fields[:6])}' + (', ...' if fields[6:] else '')


def _check_path(cfg: Config, name: str, option: str) -> None:
    """Walk down a dotted name as far as the config knows it, and check the next key; the keys of a
    dict with a type are left to :func:`check_arguments`."""
    where, *keys = name.split('.')
    node = cfg.get(where)
    for key in keys:
        if isinstance(node, (list, tuple)):
            if not key.isdigit() or int(key) >= len(node):
                raise ConfigError(f'{option}: {where} is a list of {len(node)}; in place of '
                                  f'{key!r} give a number below that')
            node = node[int(key)]
        elif isinstance(node, dict) and key in node:
            node = node[key]
        elif isinstance(node, dict) and 'type' not in node and (
                close := nearest(key, node, 0.85)):
            raise ConfigError(f'{option}: {where} has no {key!r}{close}')
        else:
            return
        where += f'.{key}'


def check_arguments(cfg: Config) -> None:
    """Check that no option of a class is misspelled. One that resembles none of those that the
    class has is left to the class itself: not every reader of a config shows in the sources."""
    scope = cfg.get('default_scope', 'mmengine')
    for field in sorted(RUNNER_FIELDS & set(cfg)):
        for name, node in walk(cfg[field], field):
            if not isinstance(node, dict) or not isinstance(node.get('type'), str):
                continue
            arguments = arguments_of(node['type'], node.get('_scope_', scope)) or ()
            for key in set(node) - set(arguments) - BUILDER_KEYS:
                if close := nearest(key, arguments, 0.75):
                    raise ConfigError(f"{name}.{key}={node[key]!r}: {node['type']} has no option "
                                      f'{key!r}{close}')


def check_scopes(cfg: Config) -> None:
    """Check that the packages which the ``type`` of anything names are there."""
    named = [('default_scope', cfg.get('default_scope', 'mmengine'))]
    for field in sorted(RUNNER_FIELDS & set(cfg)):
        named += [(name, value) for name, value in walk(cfg[field], field)
                  if name.endswith('.type') and isinstance(value, str) and '.' in value]
    for field, value in named:
        scope = value.partition('.')[0]
        if not scope.isidentifier() or find_spec(scope):
            continue
        if scope in SCOPES:
            raise ConfigError(f'{field}={value!r}: {scope} is not installed; {INSTALL}')
        if close := nearest(scope, SCOPES, 0.75):
            raise ConfigError(f'{field}={value!r}: there is no package {scope!r}{close}')


def check_hooks(cfg: Config) -> None:
    """Check that every default hook says what it is: a name that is new is often a wrong one."""
    hooks = cfg.get('default_hooks') or {}
    for name, hook in hooks.items():
        if isinstance(hook, dict) and 'type' not in hook:
            raise ConfigError(f'default_hooks.{name} has no `type`; set it, or change a hook that '
                              'is there' + nearest(name, set(hooks) - {name}))


def check_data(cfg: Config, fields: Iterable[str]) -> None:
    """Check the folders of the data sets below these fields."""
    for field in fields:
        for name, node in walk(cfg.get(field), field):
            if isinstance(node, dict) and not node.get('backend_args'):
                _check_data_root(f'{name}.data_root', node.get('data_root'))
                _check_below_root(name, node)
                _check_files(f'{name}.data_root', node)
                _check_imagenet(f'{name}.data_root', node)


def _check_data_root(field: str, root: str | None) -> None:
    if isinstance(root, str) and '://' not in root and not osp.isdir(osp.expanduser(root or '.')):
        raise ConfigError(f'{field}={root!r}: no file or folder {root!r}; put it there, or set '
                          f'`--data-root FOLDER` or `--cfg-options {field}=PATH`')


def _check_below_root(name: str, dataset: Mapping) -> None:
    """A data set looks for its images and annotations below ``data_root``."""
    root = dataset.get('data_root')
    for key in ('data_prefix', 'ann_file'):
        path = dataset.get(key)
        if not isinstance(root, str) or not isinstance(path, str) or '://' in root + path:
            continue
        found = osp.join(osp.expanduser(root), path)
        if not osp.exists(found):
            remedy = 'put it there or set'
            if key == 'ann_file' and _is_imagenet(dataset):
                remedy = 'make it by tools/dataset_converters/make_low_shot_subset.py or set'
            raise ConfigError(f'{name}.{key}={path!r}: no file or folder {found!r}; {remedy} '
                              f'`--cfg-options {name}.{key}=PATH`')


def _is_imagenet(dataset: Mapping) -> bool:
    return dataset.get('type') in ('ImageNet', 'mmpretrain.ImageNet')


def _check_files(field: str, dataset: Mapping) -> None:
    """Check the files and folders that some data sets of mmpretrain must have."""
    kind = str(dataset.get('type')).removeprefix('mmpretrain.')
    if kind.startswith('CIFAR') and dataset.get('download', True):
        return
    root = Path(dataset.get('data_root') or '.').expanduser()
    for name in DATASET_FILES.get(kind, ()):
        if not (root / name).exists():
            raise ConfigError(f'{field}={str(root)!r}: {kind} needs {name!r} in it; unpack the '
                              'published archives there, or set `--data-root FOLDER`')


def _check_imagenet(field: str, dataset: Mapping) -> None:
    """mmpretrain's ImageNet wants a folder for each of 1000 classes, or a list of the images."""
    root, split = Path(dataset.get('data_root') or '.').expanduser(), dataset.get('split', '')
    if not _is_imagenet(dataset) or not split:
        return
    if dataset.get('ann_file'):
        if not dataset.get('data_prefix') and not (root / split).is_dir():
            raise ConfigError(f'{field}={str(root)!r} has no folder {split!r}, which holds the '
                              'images; put it there, or set `--data-root FOLDER`')
        return
    if not (root / 'meta' / f'{split}.txt').is_file():
        num = sum(path.is_dir() for path in (root / split).glob('*'))
        if num != 1000:
            raise ConfigError(
                f'{field}={str(root)!r}: {str(root / split)!r} has {num} folders and ImageNet one '
                'for each of its 1000 classes; for classes of your own see '
                'configs/benchmarks/folder')


def check_pretrained(cfg: Config) -> None:
    """Check that every ``init_cfg`` of the model that loads a checkpoint names one."""
    for name, node in walk(cfg.model, 'model'):
        if name.endswith('.init_cfg') and (settings := pretrained_settings(node)):
            field, path = f'{name}.checkpoint', settings.get('checkpoint')
            remedy = f'name a checkpoint, with --cfg-options {field}=PATH'
            if not path:
                raise ConfigError(f'{field} is empty: {remedy}')
            check_checkpoint(field, path, remedy)


def check_teacher(cfg: Config) -> None:
    """Check that the files which ``model.teacher`` names are there; a tag of open_clip is not a
    file, and left to it."""
    teacher = cfg.model.get('teacher') or {}
    field = 'model.teacher'
    if teacher.get('checkpoint'):
        check_checkpoint(f'{field}.checkpoint', teacher.checkpoint,
                         f'name a checkpoint, with --cfg-options {field}.checkpoint=PATH')
    path = teacher.get('pretrained')
    if path and (osp.dirname(path) or osp.splitext(path)[1]):
        check_file(f'{field}.pretrained', path,
                   f"give CLIP's weights, with --cfg-options {field}.pretrained=PATH")
    scheme, _, folder = teacher.get('model_name', '').partition(':')
    if scheme == 'local-dir' and not osp.isdir(folder):
        raise ConfigError(f'{field}.model_name={teacher.model_name!r}: no such folder; make it by '
                          'tools/train_clip.py, or give a folder in open_clip\'s format, with '
                          f'--cfg-options {field}.model_name=local-dir:FOLDER')


def check_checkpoint(field: str, path: str, remedy: str) -> None:
    """Check that a file is there and is not cut off; what torch cannot read shows on loading."""
    check_file(field, path, remedy)
    path = osp.expanduser(path)
    if '://' in path or zipfile.is_zipfile(path):
        return
    with open(path, 'rb') as file:
        start = file.read(2)
    if start == b'PK':
        raise ConfigError(f'{field}={path!r} cannot be read as a checkpoint (its end is missing): '
                          f'is the file whole? If not, {remedy}')
    if start[:1] != b'\x80':  # a pickle, as torch wrote them before 1.6
        raise ConfigError(f'{field}={path!r} is no checkpoint of torch; {remedy}')


def check_work_dir(cfg: Config) -> None:
    """A new run must not overwrite the checkpoints of another one."""
    found = sorted(path for pattern in ('epoch_*.pth', 'iter_*.pth')
                   for path in Path(cfg.work_dir).glob(pattern))
    if found and not cfg.get('resume'):
        raise ConfigError(f'work_dir={cfg.work_dir!r} holds {found[-1].name!r} of an earlier run: '
                          'go on with it by --resume, or start in another folder by --work-dir')


def check_start(cfg: Config) -> None:
    """Check the checkpoint that training starts from, or goes on from."""
    latest = cfg.get('resume') and latest_checkpoint(cfg.work_dir)
    if cfg.get('load_from'):
        check_checkpoint('load_from', cfg.load_from, 'give another one')
    elif latest:
        note, remedy = osp.join(cfg.work_dir, 'last_checkpoint'), 'resume from: --resume CKPT'
        if not osp.isfile(latest):
            raise ConfigError(f'{note!r} names {latest!r}, which is not there; give the one to '
                              + remedy)
        check_checkpoint(note, latest, f'give the one to {remedy}')


def latest_checkpoint(work_dir: str) -> str | None:
    """What ``--resume`` without a path goes on from, as MMEngine notes it."""
    note = Path(work_dir) / 'last_checkpoint'
    return note.read_text().strip() if note.is_file() else None


def drop_pretrained(cfg: Config) -> None:
    """Take the pretraining checkpoint out of ``cfg`` where another one is sure to hold the encoder:
    one to resume from, or ``load_from`` if StrictBackboneHook checks it."""
    hooks = [*(cfg.get('default_hooks') or {}).values(), *(cfg.get('custom_hooks') or ())]
    holds_all = cfg.get('load_from') and (cfg.get('resume') or any(
        'StrictBackboneHook' in str(hook.get('type')) for hook in hooks if hook))
    resumed = cfg.get('resume') and latest_checkpoint(cfg.work_dir)
    backbone = cfg.model.get('backbone') or {}
    if (holds_all or resumed) and pretrained_settings(backbone.get('init_cfg')):
        backbone.init_cfg = None
