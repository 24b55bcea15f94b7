"""From a config to a Runner, and to its end."""
import gc

from mmengine.config import Config
from mmengine.registry import METRICS, RUNNERS
from mmengine.runner import Runner
from torch import distributed

from mmguided.utils.toolboxes import import_parts

from .config_checks import latest_checkpoint
from .data_checks import check_test_data, check_training_data
from .device import prepare_device
from .error_messages import explain_config_errors


def build_runner(cfg: Config) -> Runner:
    """The Runner of ``cfg``, or the class that it names as ``runner_type``."""
    import_parts(cfg)
    return RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)


def train(cfg: Config) -> None:
    """Train as ``cfg`` says; what is wrong in it becomes a ConfigError."""
    prepare_device(cfg)
    with explain_config_errors(cfg, (
            'train_dataloader', 'val_dataloader', 'val_evaluator', 'model', 'optim_wrapper',
            'param_scheduler', 'train_cfg', 'load_from', 'custom_hooks', 'default_hooks')):
        runner = build_runner(cfg)
        if cfg.get('resume') and not cfg.get('load_from') and not latest_checkpoint(cfg.work_dir):
            runner.logger.info(
                f'--resume: no checkpoint in {cfg.work_dir}; training starts from epoch 0')
        check_training_data(runner)
        runner.train()


def test(cfg: Config, predictions: str | None = None) -> dict[str, float]:
    """Test ``cfg.load_from``; what is wrong in ``cfg`` becomes a ConfigError.

    Args:
        cfg: A config with a ``test_dataloader``.
        predictions: A .pkl file to write the predictions to.

    Returns:
        The metrics by name; none on other processes than the first.
    """
    prepare_device(cfg)
    with explain_config_errors(cfg, (
            'test_dataloader', 'test_evaluator', 'model', 'load_from', 'custom_hooks',
            'default_hooks')):
        runner = build_runner(cfg)
        if predictions:
            # mmdet's own metric keeps masks as run lengths.
            kind = 'mmdet.DumpDetResults' if cfg.get('default_scope') == 'mmdet' else 'DumpResults'
            runner.test_evaluator.metrics.append(
                METRICS.build(dict(type=kind, out_file_path=predictions)))
        check_test_data(runner)
        return runner.test()


def leave_process_group() -> None:
    """End the process group and its threads; to be called when the Runner has gone out of scope.

    A gloo thread lets go of the tensors of a collective after the collective has returned, and
    needs Python for that. Where Python has begun to shut down by then, the process is aborted with
    all its work done. The threads end with the group, and the group when nobody holds it any more:
    hence the collection, for a Runner and its model are part of reference cycles.
    """
    if distributed.is_initialized():
        gc.collect()
        distributed.destroy_process_group()
