"""Compilation of the model."""
from mmengine.hooks import Hook

from mmguided.registry import HOOKS
from mmguided.utils.modules import is_sharded, unwrap_ddp


@HOOKS.register_module()
class CompileHook(Hook):
    """Compile the forward of a :class:`mmguided.models.MaskedImageModel`, from images to losses, by
    torch.compile.

    ``tools/train.py`` adds this hook for ``compile=True`` or ``compile=dict(...)`` in the config.
    The forward is one graph. Under DistributedDataParallel, torch splits the graph at the gradient
    buckets, so that the communication overlaps with the backward pass. Parts sharded by FSDP are
    compiled one by one, because each part gathers its parameters separately.

    Args:
        **settings: Arguments of ``torch.compile``.
    """

    def __init__(self, **settings) -> None:
        self.settings = settings

    def before_train(self, runner) -> None:
        import torch._dynamo.config
        import torch._inductor.config
        # Draw the same masks as an eager run. torch 2.11 cannot compile random masks on a CPU.
        torch._inductor.config.fallback_random = True
        # A schedule has a graph per stage, and sharded blocks share the limit. Beyond it, torch
        # would run them without compilation.
        torch._dynamo.config.cache_size_limit = max(torch._dynamo.config.cache_size_limit, 64)
        model = unwrap_ddp(runner.model)
        sharded = [part for part in model.modules()
                   if is_sharded(part) and part is not model]
        for part in sharded or [model]:
            part.compile(**self.settings)
        runner.logger.info('torch.compile: the first step is slow because it compiles the model')
