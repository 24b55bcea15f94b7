"""Resume optimizer states saved with other parameter groups, kernels or precision."""
from itertools import chain

from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from torch import Tensor

from mmguided.registry import HOOKS
from mmguided.utils.errors import ConfigError
from mmguided.utils.modules import unwrap_ddp

#: Settings that select the kernels of a torch optimizer.
KERNELS = ('foreach', 'fused')
#: Optimizer states that have the shape of their parameter.
MOMENTS = ('exp_avg', 'momentum_buffer')


@HOOKS.register_module()
class OptimizerStateHook(Hook):
    """Make the optimizer state of checkpoints independent of parameter groups and kernels.

    torch numbers the parameters of an optimizer group by group. In a checkpoint, this hook numbers
    them in the order of the model. On resume, it moves the saved state of the optimizer and the
    schedulers into the groups of the current optimizer, which also keeps its own kernels
    (``fused``, ``foreach``). Checkpoints with one group per parameter, which MMEngine's
    constructors create, therefore resume too. fp16 training also resumes from checkpoints that have
    no loss scaler state (bfloat16), and starts with a new loss scale.

    A state of another number of parameters is left unchanged, so that loading it raises torch's
    error.

    Raises:
        ConfigError: If a state has another shape than its parameter. torch does not check this, and
            fused optimizers would write outside of the memory of the state.
    """

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        if 'optimizer' in checkpoint and isinstance(runner.optim_wrapper, OptimWrapper):
            numbers = list(chain(*_numbers(runner)))
            state = checkpoint['optimizer']
            state['state'] = {numbers[i]: value for i, value in state['state'].items()}
            for group in state['param_groups']:
                group['params'] = [numbers[i] for i in group['params']]

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        if 'optimizer' not in checkpoint or not isinstance(runner.optim_wrapper, OptimWrapper):
            return
        saved, wrapper = checkpoint['optimizer'], runner.optim_wrapper
        if not saved.get('loss_scaler', True):
            del saved['loss_scaler']  # GradScaler rejects an empty state
        groups, numbers = saved['param_groups'], _numbers(runner)
        source = {number: index for index, group in enumerate(groups) for number in group['params']}
        if source.keys() != set(chain(*numbers)):
            return
        _check_shapes(runner, saved['state'])
        indices = [source[group[0]] for group in numbers]
        saved['param_groups'] = [
            groups[index] | {name: group[name] for name in KERNELS if name in group}
            | dict(params=params) for index, params, group in zip(
                indices, numbers, wrapper.optimizer.param_groups, strict=True)]
        if wrapper.base_param_settings is None:
            saved.pop('base_param_settings', None)
        else:  # MMEngine schedules these settings as a last group
            indices.append(-1)
        for scheduler in checkpoint.get('param_schedulers', ()):
            for name in ('base_values', '_last_value'):
                scheduler[name] = [scheduler[name][index] for index in indices]


def _numbers(runner) -> list[list[int]]:
    """Numbers of the parameters of each group, in the order of the model."""
    number = {parameter: index for index, parameter in enumerate(_parameters(runner).values())}
    return [[number[parameter] for parameter in group['params']]
            for group in runner.optim_wrapper.optimizer.param_groups]


def _parameters(runner) -> dict[str, Tensor]:
    """Parameters of the optimizer by name, in the order of the model."""
    trained = set(chain(*(group['params']
                          for group in runner.optim_wrapper.optimizer.param_groups)))
    return {name: parameter for name, parameter in unwrap_ddp(runner.model).named_parameters()
            if parameter in trained}


def _check_shapes(runner, states: dict[int, dict]) -> None:
    for number, (name, parameter) in enumerate(_parameters(runner).items()):
        for moment in MOMENTS:
            value = states.get(number, {}).get(moment)
            if value is not None and value.shape != parameter.shape:
                raise ConfigError(
                    f'resume: the checkpoint has an optimizer state of shape {tuple(value.shape)} '
                    f'for {name}, whose shape is {tuple(parameter.shape)}. Start a new run with '
                    'load_from=CHECKPOINT.')
