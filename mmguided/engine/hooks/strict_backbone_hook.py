"""No silent evaluation of random weights."""
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner

from mmguided.registry import HOOKS
from mmguided.utils.checkpoints import check_backbone


@HOOKS.register_module()
class StrictBackboneHook(Hook):
    """Stops when the encoder in a loaded checkpoint is not the encoder of the config.

    Runner loads the checkpoint of ``tools/test.py CONFIG CHECKPOINT``, or ``load_from``, with
    ``strict=False``: what does not fit stays random, with no more than a line in the log.

    Args:
        prefix: What stands before the encoder's names, in the model and in the checkpoint.
        test_prefix: The same when there is no training; '' checks the whole model, heads included.
            None is ``prefix``.

    Raises:
        ConfigError: See :func:`mmguided.utils.checkpoints.check_backbone`.
    """

    def __init__(self, prefix: str = 'backbone.', test_prefix: str | None = None) -> None:
        self.prefix = prefix
        self.test_prefix = prefix if test_prefix is None else test_prefix

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Compare names and shapes before Runner copies the weights."""
        model = runner.model
        while hasattr(model, 'module'):  # DistributedDataParallel, test-time augmentation
            model = model.module
        state = checkpoint.get('state_dict', checkpoint)
        # Runner strips this prefix too, but after the hook.
        state = {name.removeprefix('module.'): value for name, value in state.items()}
        training = isinstance(runner.optim_wrapper, OptimWrapper)  # built for training alone
        prefix = self.prefix if training else self.test_prefix
        check_backbone(model.state_dict(), state, prefix)
        if not training:
            # The rest is not meant to be loaded; MMEngine would list it as unexpected.
            for name in [name for name in state if not name.startswith(prefix)]:
                del state[name]
            checkpoint['state_dict'] = state
