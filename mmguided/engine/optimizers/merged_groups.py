"""Optimizer constructors with one parameter group for equal settings."""
from mmengine.optim import DefaultOptimWrapperConstructor
from torch import nn

from mmguided.registry import OPTIM_WRAPPER_CONSTRUCTORS
from mmguided.utils.errors import ConfigError, did_you_mean


class MergedGroups:
    """Mixin of optimizer constructors: merge the parameter groups that have equal settings.

    MMEngine's constructors make one group per parameter. A torch optimizer runs its kernels once
    for each group, so merged groups need a fraction of the launches. The order of the groups
    stays the same, so the logged learning rate (of the first group) does too.

    Attributes:
        fields: Fields of ``paramwise_cfg`` that the constructor reads.

    Raises:
        ConfigError: If the model has a parameter twice, which torch would update twice, or if
            ``paramwise_cfg`` has a field that the constructor would ignore.
    """

    fields: frozenset[str]

    def add_params(self, params: list[dict], module: nn.Module, prefix: str = '',
                   **kwargs) -> None:
        """Add the parameter groups of ``module`` to ``params``."""
        super().add_params(params, module, prefix, **kwargs)
        if prefix:  # a submodule
            return
        for name in self.paramwise_cfg.keys() - self.fields:
            raise ConfigError(f'optim_wrapper.paramwise_cfg.{name}: {type(self).__name__} ignores '
                              f'this field{did_you_mean(name, self.fields)} Correct or remove it.')
        parameters = [parameter for group in params for parameter in group['params']]
        if len(set(parameters)) < len(parameters):
            raise ConfigError('optim_wrapper.paramwise_cfg.bypass_duplicate=False: modules share a '
                              'parameter. Set it to True.')
        merged = {}
        for group in params:
            settings = {name: value for name, value in group.items()
                        if name not in ('params', 'param_name')}
            key = repr(sorted(settings.items()))
            merged.setdefault(key, dict(params=[], **settings))['params'] += group['params']
        params[:] = merged.values()


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class OptimWrapperConstructor(MergedGroups, DefaultOptimWrapperConstructor):
    """MMEngine's DefaultOptimWrapperConstructor with merged parameter groups."""

    fields = frozenset('''
        bias_decay_mult bias_lr_mult bypass_duplicate custom_keys dcn_offset_lr_mult
        dwconv_decay_mult flat_decay_mult norm_decay_mult'''.split())
