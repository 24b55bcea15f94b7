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
        ConfigError: If the backbone cannot tell depths.
    """

    def add_params(self,
                   params: list[dict],
                   module: nn.Module,
                   prefix: str = '',
                   get_layer_depth=None,
                   **kwargs) -> None:
        """Add a group for each parameter of ``module`` to ``params``."""
        if get_layer_depth is None:
            backbone = module.backbone
            if not hasattr(backbone, 'get_layer_depth'):
                raise ConfigError(f'model.backbone.type={type(backbone).__name__} does not tell '
                                  'the depth of its parameters: take another optimiser '
                                  'constructor (optim_wrapper.constructor)')

            def get_layer_depth(name: str) -> tuple[int, int]:
                return backbone.get_layer_depth(name, 'backbone.')

        super().add_params(params, module, prefix, get_layer_depth, **kwargs)
