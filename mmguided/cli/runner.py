"""Build a Runner from a config and run it."""
import gc
import math
import tempfile
from contextlib import suppress

import torch
from mmengine.config import Config
from mmengine.dist import broadcast_object_list
from mmengine.hooks import Hook
from mmengine.registry import METRICS, RUNNERS
from mmengine.runner import BaseLoop, Runner
from torch import distributed

from mmguided.utils.error_messages import explain_config_errors
from mmguided.utils.errors import ConfigError
from mmguided.utils.toolboxes import import_parts

from .data_checks import check_test_data, check_training_data, describe_test_data
from .device import prepare_device
from .launch import check_ranks, explain_timeouts, is_first_rank, lock_folder

#: Images of the online evaluation in a dry run.
DRY_RUN_IMAGES = 64


def build_runner(cfg: Config) -> Runner:
    """Build the Runner, or the class that ``runner_type`` names."""
    import_parts(cfg)
    if cfg.get('compile'):
        _compile_by_hook(cfg)
    runner = RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)
    _scale_lr_per_optimizer_step(runner)
    return runner


def _scale_lr_per_optimizer_step(runner: Runner) -> None:
    """Scale the learning rate by the images of an optimizer step. MMEngine scales it by the images
    of an iteration, without gradient accumulation. The saved config does not change."""
    owner, field = ((runner.strategy, '_auto_scale_lr') if hasattr(runner, 'strategy') else
                    (runner, 'auto_scale_lr'))
    scaling = getattr(owner, field)
    if scaling and scaling.get('enable'):
        steps = runner.cfg.optim_wrapper.get('accumulative_counts', 1)
        setattr(owner, field, scaling | dict(base_batch_size=scaling['base_batch_size'] / steps))


def _compile_by_hook(cfg: Config) -> None:
    """Compile our algorithms by :class:`mmguided.engine.hooks.CompileHook`. MMEngine would compile
    ``train_step``, which breaks into dozens of graphs."""
    if not isinstance(cfg.compile, (bool, dict)):
        raise ConfigError(f'compile={cfg.compile!r}: neither a Boolean nor a dict. Set True, '
                          'or a dict of arguments of torch.compile.')
    # Imported late because mmpretrain must be imported by import_parts.
    from mmguided.models import MaskedImageModel
    from mmguided.registry import MODELS
    algorithm = MODELS.get(cfg.model.type)
    if isinstance(algorithm, type) and issubclass(algorithm, MaskedImageModel):
        settings = {} if cfg.compile is True else cfg.compile
        cfg.custom_hooks = [*(cfg.get('custom_hooks') or ()),
                            dict(type='mmguided.CompileHook', **settings)]
        cfg.compile = False


def train(cfg: Config) -> int:
    """Train; raise ConfigError for a mistake in ``cfg``.

    Returns:
        Exit code: 0, or the code with which a hook has ended the run.
    """
    if is_first_rank(cfg.launcher):
        lock_folder('work_dir', cfg.work_dir)
    prepare_device(cfg)
    with explain_config_errors(cfg, cfg.work_dir), explain_timeouts(cfg):
        runner = build_runner(cfg)
        check_ranks(runner)
        check_training_data(runner)
        code = 0
        try:
            runner.train()
        except SystemExit as end:
            code = end.code
        _end_workers(runner.train_loop)
        if runner.val_loop:
            _end_workers(runner.val_loop)
    return code


def dry_run(cfg: Config) -> None:
    """Run one training step and one validation batch; raise ConfigError for a mistake in ``cfg``.
    No file remains, except the traceback of an error."""
    prepare_device(cfg)
    with explain_config_errors(cfg, cfg.work_dir), \
            tempfile.TemporaryDirectory(dir=cfg.work_dir) as cfg.work_dir:
        runner = build_runner(cfg)
        check_training_data(runner)
        folder = [runner.work_dir]  # the processes share score maps
        broadcast_object_list(folder)
        runner._work_dir, = folder
        _score_few_images(runner)
        runner.train_loop.val_begin = math.inf  # a resumed run may validate first
        runner.register_hook(DryRunHook())
        with suppress(DryRunEnd):
            runner.train()
        if runner.val_loop is not None:
            validate_batch(runner)
    print('dry run: one training step and one validation batch ran without an error')


def _score_few_images(runner: Runner) -> None:
    """Limit score maps and online evaluation to a few images, but enough for k-NN, so that the
    first step starts soon."""
    from mmguided.engine.hooks import OnlineEvaluationHook, ScoreMapsHook
    for hook in runner.hooks:
        if isinstance(hook, ScoreMapsHook):
            hook.limit = DRY_RUN_IMAGES
        if isinstance(hook, OnlineEvaluationHook):
            hook.num_images = min(hook.num_images, max(DRY_RUN_IMAGES, 2 * max(hook.ks, default=0)))


class DryRunEnd(Exception):
    """End of a dry run."""


class DryRunHook(Hook):
    """Check the loss of the first step, and end the run before it writes a checkpoint."""

    priority = 'LOW'

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        losses = {name: torch.as_tensor(value).detach().item()
                  for name, value in (outputs or {}).items()}
        if not all(map(math.isfinite, losses.values())):
            raise ConfigError(f'model: the first step has the losses {losses}. Check the learning '
                              'rate, model.data_preprocessor and the images.')
        raise DryRunEnd


def validate_batch(runner: Runner) -> None:
    """Evaluate the first validation batch as if it were all validation data."""
    loop = runner.val_loop
    runner.call_hook('before_val')
    runner.call_hook('before_val_epoch')
    runner.model.eval()
    loop.run_iter(0, next(iter(loop.dataloader)))
    metrics = loop.evaluator.evaluate(len(loop.dataloader.dataset))
    runner.call_hook('after_val_epoch', metrics=metrics)


def test(cfg: Config, predictions: str | None = None) -> dict[str, float]:
    """Test ``cfg.load_from``; raise ConfigError for a mistake in ``cfg``.

    Args:
        cfg: A config with a ``test_dataloader``.
        predictions: A .pkl file for the predictions.

    Returns:
        Metrics by name, and :func:`describe_test_data`; empty in all processes except the first.
    """
    prepare_device(cfg)
    with explain_config_errors(cfg, cfg.work_dir), explain_timeouts(cfg):
        runner = build_runner(cfg)
        if predictions:
            # mmdet's own metric stores masks as run lengths.
            kind = 'mmdet.DumpDetResults' if cfg.get('default_scope') == 'mmdet' else 'DumpResults'
            runner.test_evaluator.metrics.append(
                METRICS.build(dict(type=kind, out_file_path=predictions)))
        check_test_data(runner)
        metrics = runner.test()
        _end_workers(runner.test_loop)
        return metrics | describe_test_data(runner.test_dataloader.dataset) if metrics else {}


def _end_workers(loop: BaseLoop) -> None:
    """End the workers of a data loader. Otherwise, garbage collection would first destroy their
    queues and then wait 5 seconds for each worker."""
    loop.dataloader._iterator = None
    vars(loop).pop('dataloader_iterator', None)  # of an IterBasedTrainLoop


def leave_process_group() -> None:
    """Destroy the process group and join its threads, after the Runner has gone out of scope.

    A gloo thread releases the tensors of a collective after the collective has returned. This
    release needs the interpreter. If the interpreter is shutting down, the process aborts. The
    threads end with the last reference to the group. Reference cycles of Runner and model may hold
    such references, so this function runs garbage collection.
    """
    if distributed.is_initialized():
        gc.collect()
        distributed.destroy_process_group()
