"""Config checks that need neither torch nor the toolboxes.

They find mistakes that would otherwise change the trained model without an error, or stop the run
only after minutes. Each check raises ConfigError with the field, its value and the remedy.
"""
import ast
import os
import os.path as osp
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import yaml
from mmengine.config import Config

from mmguided.hub import config_path
from mmguided.utils.checkpoint_files import newest_complete, run_checkpoints
from mmguided.utils.configs import check_data_preprocessor, pretrained_settings, walk
from mmguided.utils.errors import MODEL_SOURCES, ConfigError, check_file, did_you_mean

#: Top-level fields that Runner or a tool reads; all other names are variables of the config.
RUNNER_FIELDS = frozenset('''
    activation_checkpointing auto_scale_lr compile custom_hooks custom_imports data_preprocessor
    default_hooks default_scope efficient_conv_bn_eval env_cfg experiment_name
    find_unused_parameters launcher load_from log_level log_processor model model_wrapper_cfg
    optim_wrapper param_scheduler randomness resume runner_type strategy sync_bn test_cfg
    test_dataloader test_evaluator train_cfg train_dataloader tta_model tta_pipeline val_cfg
    val_dataloader val_evaluator visualizer work_dir'''.split())

#: Fields whose value is None or a dict.
SECTIONS = ('train_dataloader', 'val_dataloader', 'test_dataloader', 'train_cfg', 'val_cfg',
            'test_cfg', 'optim_wrapper', 'default_hooks', 'env_cfg', 'randomness', 'auto_scale_lr')
#: Fields that Runner accepts only together.
GROUPS = (('train_dataloader', 'train_cfg', 'optim_wrapper'),
          ('val_dataloader', 'val_cfg', 'val_evaluator'),
          ('test_dataloader', 'test_cfg', 'test_evaluator'))
#: Allowed range of a number, by the last part of its field. If the lower limit is an integer, the
#: number must be an integer.
RANGES = dict(
    batch_size=(1, float('inf')), num_workers=(0, 32 * (os.cpu_count() or 1)),
    window_size=(1, float('inf')), out_channels=(1, float('inf')),
    max_epochs=(1, float('inf')), max_iters=(1, float('inf')), val_interval=(1, float('inf')),
    interval=(-1, float('inf')), accumulative_counts=(1, float('inf')),
    base_batch_size=(1, float('inf')), lr=(5e-324, float('inf')), max_norm=(5e-324, float('inf')),
    img_size=(1, float('inf')), patch_size=(1, float('inf')), num_layers=(1, float('inf')),
    num_heads=(1, float('inf')), depth=(0, float('inf')), drop_path_rate=(0., .999))


def check_values(cfg: Config) -> None:
    """Check the types of the sections and the ranges of numbers.

    Without this check, a wrong number would train nothing (``max_epochs=0``), fail in the first
    validation (``val_interval=0``) or exhaust the memory (``num_workers=100000``).
    """
    if not isinstance(cfg.get('model'), dict):
        raise ConfigError(f'model={cfg.get("model")!r}: not a dict. Set `model=dict(type=...)`.')
    for field in SECTIONS:
        if not isinstance(cfg.get(field), (dict, type(None))):
            raise ConfigError(f'{field}={cfg[field]!r}: not a dict. Set a dict, or None.')
    for group in GROUPS:
        unset = [field for field in group if cfg.get(field) is None]
        if 0 < len(unset) < len(group):
            raise ConfigError(f'{unset[0]}=None: {", ".join(group)} belong together. Set all, or '
                              'none.')
    for field in sorted(RUNNER_FIELDS & set(cfg)):
        for name, value in walk(cfg[field], field):
            key = name.rpartition('.')[2]
            if key not in RANGES or not isinstance(value, (int, float, str)):
                continue
            low, high = RANGES[key]
            kinds = int if isinstance(low, int) else (int, float)
            if (not isinstance(value, kinds) or not low <= value <= high
                    or key == 'interval' and value == 0):  # -1 turns a hook off
                kind = 'an integer' if kinds is int else 'a number'
                raise ConfigError(f'{name}={value!r}: not {kind} from {low} to {high}. Correct the '
                                  'value.')
    check_data_preprocessor(cfg)
    check_strategy(cfg)


def check_strategy(cfg: Config) -> None:
    """Check that ``strategy`` is used and supported, and that no field of the config is ignored.

    MMEngine's other strategies save folders instead of files. Some of them do not save the states
    of hooks, so their runs would not resume.
    """
    strategy = cfg.get('strategy') or {}
    if cfg.get('runner_type') != 'FlexibleRunner':
        if strategy:
            raise ConfigError('strategy: ignored without FlexibleRunner. Set '
                              "`runner_type='FlexibleRunner'`.")
        return
    kind = strategy.get('type', 'DDPStrategy')
    if kind in ('FSDPStrategy', 'DeepSpeedStrategy', 'ColossalAIStrategy'):
        raise ConfigError(f'strategy.type={kind!r}: not supported. Set '
                          "'mmguided.FSDP2Strategy'.")
    for field in ('activation_checkpointing', 'efficient_conv_bn_eval', 'sync_bn'):
        if cfg.get(field):
            raise ConfigError(f'{field}={cfg[field]!r}: FlexibleRunner ignores it. Remove '
                              f'{field}.')


def check_options(cfg: Config, options: Mapping[str, object]) -> None:
    """Check that each option in ``--cfg-options`` has an effect."""
    for name, value in options.items():
        option = f'--cfg-options {name}={value!r}'
        field = name.partition('.')[0]
        if field not in RUNNER_FIELDS and field in cfg:
            raise ConfigError(f'{option}: has no effect because the config has already used its '
                              f'variable {field!r}. {_users_of(cfg, field)}')
        if field not in RUNNER_FIELDS:
            raise ConfigError(
                f'{option}: the config has no field {field!r}{did_you_mean(field, RUNNER_FIELDS)}')
        _check_keys(cfg, name, option, options)


def _check_keys(cfg: Config, name: str, option: str, options: Mapping[str, object]) -> None:
    """Follow a dotted name as far as it exists in the config, and check that the next key is not
    misspelled. Classes reject other unknown arguments themselves."""
    where, *keys = name.split('.')
    if where not in cfg:
        return
    node = cfg[where]
    for key in keys:
        if not key or isinstance(node, list) and not (key.isdigit() and int(key) < len(node)):
            raise ConfigError(f'{option}: {where} has no entry {key!r}. '
                              + (f'Give a number below {len(node)}.' if isinstance(node, list) else
                                 'Correct the name.'))
        if not isinstance(node, (dict, list)) and f'{where}._delete_' not in options:
            raise ConfigError(f'{option}: {where}={node!r} has no fields. Set {where} itself.')
        if isinstance(node, list):
            node = node[int(key)]
        elif isinstance(node, dict) and key in node:
            node = node[key]
        else:
            # Arguments of one class may be as similar as class_weight and loss_weight, or
            # target_generator and target_mask_generator.
            similar = [name for name in node if name[0] == key[0]
                       and abs(len(name) - len(key)) < 3] if isinstance(node, dict) else []
            if (close := did_you_mean(key, similar, 0.85)) != '.':
                raise ConfigError(f'{option}: {where} has no {key!r}{close}')
            return
        where += f'.{key}'
    if isinstance(node, bool) and options[name] in ('yes', 'no', 'on', 'off'):  # all are true
        raise ConfigError(f'{option}: not a Boolean. Set True or False.')


def check_variables(path: str, cfg: Config) -> None:
    """Check that a config file, and each ``_base_`` of the user's, sets no variable of its
    ``_base_`` that the ``_base_`` has already used."""
    assigned, read, bases = _names_in(path)
    for base in bases:
        if '{{' in base:  # a variable of MMEngine, such as {{fileDirname}}
            continue
        if '::' in base:
            inherited = Config.fromstring(f'_base_ = {base!r}', '.py')
        else:
            file = Path(path).parent / base
            inherited = Config.fromfile(file, import_custom_modules=False)
            if not file.resolve().is_relative_to(Path(config_path('mmguided::')).resolve()):
                check_variables(str(file), inherited)
        for name in sorted((assigned - read - RUNNER_FIELDS) & set(inherited)):
            raise ConfigError(f'{path}: {name}={cfg[name]!r} has no effect because `_base_` has '
                              f'already been evaluated. {_users_of(inherited, name)}')


def _names_in(path: str) -> tuple[set[str], set[str], list[str]]:
    """Variables that a config file sets, names that it reads, and its ``_base_``."""
    text, values, bases = Path(path).read_text(), {}, []
    if not path.endswith('.py'):  # JSON is YAML
        values = {} if '{{' in text else yaml.safe_load(text)
        tree, bases = ast.parse(''), values.get('_base_', [])
    else:
        try:
            tree = ast.parse(text)
        except SyntaxError:  # MMEngine's {{$VARIABLE:default}}
            return set(), set(), []
        for statement in tree.body:
            if isinstance(statement, (ast.Assign, ast.AnnAssign)):
                values |= dict.fromkeys(_names(statement, ast.Store), statement.value)
        with suppress(ValueError):  # the value is computed
            bases = ast.literal_eval(values.get('_base_', ast.Constant([])))
    return (set(values) - {'_base_'}, _names(tree, ast.Load),
            [bases] if isinstance(bases, str) else list(bases))


def _names(tree: ast.AST, context: type) -> set[str]:
    return {node.id for node in ast.walk(tree)
            if isinstance(node, ast.Name) and isinstance(node.ctx, context)}


def _users_of(cfg: Config, variable: str) -> str:
    """Build an error remedy: the fields whose value equals that of a variable."""
    if variable == 'data_root':
        return 'Use `--data-root FOLDER`, or set every `data_root` of the datasets.'
    fields = [name for field in sorted(RUNNER_FIELDS & set(cfg))
              for name, found in walk(cfg[field], field) if found == cfg[variable]]
    return f'Set {", ".join(fields[:6]) or "the field itself"}.'


def check_data(cfg: Config, fields: Iterable[str]) -> None:
    """Check the folders and annotation files of datasets and metrics below these fields."""
    for field in fields:
        for name, node in walk(cfg.get(field), field):
            if not isinstance(node, dict) or node.get('backend_args'):
                continue
            root = node.get('data_root') or ''
            for key in ('data_root', 'data_prefix', 'ann_file'):
                path = node.get(key)
                if not path or not isinstance(path, str) or '://' in root + path or (
                        root.startswith(MODEL_SOURCES)):
                    continue
                found = path if key == 'data_root' else osp.join(root, path)
                if not osp.exists(found):
                    raise ConfigError(f'{name}.{key}={path!r}: {found!r} does not exist. Set '
                                      f'`--data-root FOLDER` or `--cfg-options {name}.{key}=PATH`.')


def check_checkpoint(field: str, path: str) -> None:
    """Check that a local checkpoint exists."""
    check_file(field, path, 'Give the path of a checkpoint.')


def check_start(cfg: Config) -> str | None:
    """Check the checkpoints that training starts from; return the one that contains the encoder.

    The backbone loads no pretrained checkpoint if another checkpoint contains the encoder: the
    checkpoint to resume from, or ``load_from`` if StrictBackboneHook checks it.
    """
    if cfg.get('resume') and not cfg.get('load_from'):
        resume_newest(cfg)
    resume, start = cfg.get('resume'), cfg.get('load_from')
    if start:
        check_checkpoint('--resume' if resume else 'load_from', start)
    hooks = [*(cfg.get('default_hooks') or {}).values(), *(cfg.get('custom_hooks') or ())]
    strict = any('StrictBackboneHook' in str(hook.get('type')) for hook in hooks if hook)
    backbone = cfg.model.get('backbone') or {}
    if start and (resume or strict) and pretrained_settings(backbone.get('init_cfg')):
        backbone.init_cfg = None
    for name, node in walk(cfg.model, 'model'):
        if name.endswith('.init_cfg') and (settings := pretrained_settings(node)):
            field, path = f'{name}.checkpoint', settings.get('checkpoint')
            if not path:
                raise ConfigError(f'{field}: empty. Set `--cfg-options {field}=PATH`.')
            check_checkpoint(field, path)
    return start or (pretrained_settings(backbone.get('init_cfg')) or {}).get('checkpoint')


def resume_newest(cfg: Config) -> None:
    """Resume from the newest complete checkpoint in the work dir, or start a new run if there is no
    checkpoint. MMEngine's file last_checkpoint is ignored, because a kill may have emptied it.

    Raises:
        ConfigError: If all checkpoints are damaged.
    """
    newest = newest_complete(cfg.work_dir)
    if newest is None and (found := run_checkpoints(cfg.work_dir)):
        raise ConfigError(f'work_dir={cfg.work_dir!r}: {found[0].name!r} and all other checkpoints '
                          'are damaged. Set another --work-dir to start a new run.')
    cfg.resume = newest is not None
    if newest:
        cfg.load_from = str(newest)


def check_work_dir(cfg: Config) -> None:
    """Create the work dir; check that a new run does not overwrite the checkpoints of an earlier
    run."""
    try:
        os.makedirs(cfg.work_dir, exist_ok=True)
    except OSError as error:
        raise ConfigError(f'work_dir={cfg.work_dir!r}: cannot be created ({error.strerror}). Set '
                          'another --work-dir.') from error
    found = run_checkpoints(cfg.work_dir)
    if found and not cfg.get('resume'):
        raise ConfigError(f'work_dir={cfg.work_dir!r}: contains {found[0].name!r} of an earlier '
                          'run. Continue it by --resume, or set another --work-dir.')
