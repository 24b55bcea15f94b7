"""The model itself, whatever distributes it."""
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn


def unwrapped_model(runner: Runner) -> nn.Module:
    """The runner's model, out of DistributedDataParallel if it is in one."""
    return runner.model.module if is_model_wrapper(runner.model) else runner.model
