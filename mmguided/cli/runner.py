"""Build a Runner from a config and run it."""
import gc

from mmengine.config import Config
from mmengine.registry import METRICS, RUNNERS
from mmengine.runner import Runner
from torch import distributed

from mmguided.utils.toolboxes import import_parts

from .data_checks import check_test_data, check_training_data, describe_test_data
from .device import prepare_device
from .error_messages import explain_config_errors


def build_runner(cfg: Config) -> Runner:
    """Build the Runner, or the class that ``runner_type`` names."""
    import_parts(cfg)
    return RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)


def train(cfg: Config) -> None:
    """Train; raise ConfigError for a mistake in ``cfg``."""
    prepare_device(cfg)
    with explain_config_errors(cfg):
        runner = build_runner(cfg)
        check_training_data(runner)
        runner.train()


def test(cfg: Config, predictions: str | None = None) -> dict[str, float]:
    """Test ``cfg.load_from``; raise ConfigError for a mistake in ``cfg``.

    Args:
        cfg: A config with a ``test_dataloader``.
        predictions: A .pkl file for the predictions.

    Returns:
        Metrics by name, and :func:`describe_test_data`; empty in all processes except the first.
    """
    prepare_device(cfg)
    with explain_config_errors(cfg):
        runner = build_runner(cfg)
        if predictions:
            # mmdet's own metric stores masks as run lengths.
            kind = 'mmdet.DumpDetResults' if cfg.get('default_scope') == 'mmdet' else 'DumpResults'
            runner.test_evaluator.metrics.append(
                METRICS.build(dict(type=kind, out_file_path=predictions)))
        check_test_data(runner)
        metrics = runner.test()
        return metrics | describe_test_data(runner.test_dataloader.dataset) if metrics else {}


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
