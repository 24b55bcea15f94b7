"""Layer-wise learning rates for models of any toolbox."""
from mmpretrain.engine.optimizers import LearningRateDecayOptimWrapperConstructor
from torch import nn

from mmguided.registry import OPTIM_WRAPPER_CONSTRUCTORS
from mmguided.utils.errors import ConfigError


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class LayerDecayOptimWrapperConstructor(LearningRateDecayOptimWrapperConstructor):
    """mmpretrain's constructor, for detectors and segmentors too.

    Of ``paramwise_cfg``, ``layer_decay_rate`` and the rest are mmpretrain's. The depth of a
    parameter is what ``model.backbone.get_layer_depth`` says of its name; necks and heads are at
    the last.

    Raises:
        ConfigError: If the backbone cannot tell depths, or ``custom_keys`` have a ``lr_mult``.
    """

    def add_params(self,
                   params: list[dict],
                   module: nn.Module,
                   prefix: str = '',
                   get_layer_depth=None,
                   **kwargs) -> None:
        """Add a group for each parameter of ``module`` to ``params``."""
        if get_layer_depth is None:
            self._check_custom_keys()
            backbone = getattr(module, 'backbone', None)

            def get_layer_depth(name: str) -> tuple[int, int]:
                try:
                    return backbone.get_layer_depth(name, 'backbone.')
                except (AttributeError, NotImplementedError) as error:
                    raise ConfigError(
                        f'model.backbone.type={type(backbone).__name__} does not tell the depth of '
                        'its parameters: take another optimizer constructor '
                        '(optim_wrapper.constructor)') from error

        super().add_params(params, module, prefix, get_layer_depth, **kwargs)

    def _check_custom_keys(self) -> None:
        for key, settings in self.paramwise_cfg.get('custom_keys', {}).items():
            if 'lr_mult' in settings:
                raise ConfigError(
                    f'optim_wrapper.paramwise_cfg.custom_keys[{key!r}].lr_mult='
                    f'{settings["lr_mult"]} would have no effect: rates follow from '
                    'layer_decay_rate alone; remove it')
