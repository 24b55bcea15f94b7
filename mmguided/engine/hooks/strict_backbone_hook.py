"""Check that a checkpoint matches the backbone."""
import logging

import torch
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from torch import nn

from mmguided.registry import HOOKS
from mmguided.utils.checkpoints import (
    check_backbone,
    check_classes,
    normalization_of,
    rename_weights,
)


@HOOKS.register_module()
class StrictBackboneHook(Hook):
    """Check that the encoder weights of a loaded checkpoint match the model.

    Runner loads the checkpoint of ``tools/test.py CONFIG CHECKPOINT`` and of ``load_from`` with
    ``strict=False``: weights that do not match keep their random initialization, and only one log
    line reports them.

    Args:
        prefix: Prefix of the encoder's weights in the model and in the checkpoint.
        test_prefix: Prefix to check in tests; '' checks the whole model, including heads, and the
            classes of the test data. Defaults to ``prefix``.

    The hook also logs a warning if the encoder was trained with another mean or std of the images.

    Raises:
        ConfigError: See :func:`mmguided.utils.checkpoints.check_backbone` and ``check_classes``.
    """

    def __init__(self, prefix: str = 'backbone.', test_prefix: str | None = None) -> None:
        self.prefix = prefix
        self.test_prefix = prefix if test_prefix is None else test_prefix

    def before_train(self, runner: Runner) -> None:
        """Compare the normalization after ``init_cfg`` has loaded the encoder."""
        model = _unwrapped(runner)
        _compare_normalization(
            model, getattr(getattr(model, 'backbone', None), 'normalization', None))

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Compare names and shapes before Runner loads the weights."""
        model = _unwrapped(runner)
        _compare_normalization(model, normalization_of(checkpoint))
        state = checkpoint.get('state_dict', checkpoint)
        # Runner also strips this prefix, but after this hook, and not in the metadata.
        state = rename_weights(state, lambda name: name.removeprefix('module.'))
        training = isinstance(runner.optim_wrapper, OptimWrapper)  # a config dict in tests
        prefix = self.prefix if training else self.test_prefix
        check_backbone(model.state_dict(), state, prefix)
        if not training and not prefix and runner.test_loop:
            check_classes(checkpoint, runner.test_dataloader.dataset)
        if not training:
            # Drop the other weights because MMEngine would list them as unexpected.
            for name in [name for name in state if not name.startswith(prefix)]:
                del state[name]
        checkpoint['state_dict'] = state


def _unwrapped(runner: Runner) -> nn.Module:
    model = runner.model
    while hasattr(model, 'module'):  # DistributedDataParallel, test-time augmentation
        model = model.module
    return model


def _compare_normalization(model: nn.Module, expected: dict[str, list[float]] | None) -> None:
    """Log a warning if the images of the model have another mean or std than ``expected``."""
    if expected is None:
        return
    preprocessor = getattr(model, 'data_preprocessor', None)
    for name, theirs in expected.items():
        ours = getattr(preprocessor, name, None)
        ours = None if ours is None else ours.flatten().cpu()
        theirs = torch.tensor(theirs)
        if ours is None or len({1, len(ours), len(theirs)}) > 2 or not (ours == theirs).all():
            print_log(f'data_preprocessor.{name}={None if ours is None else ours.tolist()}: the '
                      f'encoder was trained with {theirs.tolist()}. Set the values of its '
                      'training.', 'current', logging.WARNING)
