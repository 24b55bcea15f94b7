"""Layer-wise learning-rate decay for models of any toolbox."""
from functools import partial

from mmpretrain.engine.optimizers import LearningRateDecayOptimWrapperConstructor
from torch import nn

from mmguided.registry import OPTIM_WRAPPER_CONSTRUCTORS
from mmguided.utils.errors import ConfigError

from .merged_groups import MergedGroups


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class LayerDecayOptimWrapperConstructor(MergedGroups, LearningRateDecayOptimWrapperConstructor):
    """Optimizer constructor with layer-wise learning-rate decay, also for detectors and segmentors.

    ``paramwise_cfg`` has the fields of mmpretrain's constructor. The depth of a parameter comes
    from ``model.backbone.get_layer_depth``; necks and heads have the depth of the last layer.

    Raises:
        ConfigError: If an entry of ``custom_keys`` contains ``lr_mult``, or see
            :class:`MergedGroups`.
    """

    fields = frozenset('''
        bias_decay_mult custom_keys flat_decay_mult layer_decay_rate norm_decay_mult'''.split())

    def add_params(self,
                   params: list[dict],
                   module: nn.Module,
                   prefix: str = '',
                   get_layer_depth=None,
                   **kwargs) -> None:
        """Add the parameter groups of ``module`` to ``params``."""
        if get_layer_depth is None:
            for key, settings in self.paramwise_cfg.get('custom_keys', {}).items():
                if 'lr_mult' in settings:
                    raise ConfigError(
                        f'optim_wrapper.paramwise_cfg.custom_keys[{key!r}].lr_mult='
                        f'{settings["lr_mult"]}: has no effect because only layer_decay_rate sets '
                        'the learning rates. Remove it.')
            get_layer_depth = partial(module.backbone.get_layer_depth, prefix='backbone.')
        super().add_params(
            params, module, prefix, get_layer_depth=get_layer_depth, **kwargs)
