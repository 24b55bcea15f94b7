"""Check of the input resolution."""
from mmengine.hooks import Hook
from mmengine.utils import to_2tuple

from mmguided.models import DecodingPreprocessor
from mmguided.registry import HOOKS
from mmguided.utils.errors import ConfigError
from mmguided.utils.modules import unwrap_ddp


@HOOKS.register_module()
class InputSizeHook(Hook):
    """Check that the size of the images equals ``model.backbone.img_size``.

    Position embeddings are interpolated to any input size. Without this check, training and
    evaluation would run at the wrong resolution without an error. Detectors and segmentors take
    images of any size and do not use this hook.

    Args:
        any_size: Disable the check.

    Raises:
        ConfigError: In the first iteration, if the sizes differ.
    """

    def __init__(self, any_size: bool = False) -> None:
        self.any_size = any_size

    def _before_iter(self, runner, batch_idx: int, data_batch: dict, mode: str) -> None:
        model = unwrap_ddp(runner.model)
        img_size = getattr(getattr(model, 'backbone', None), 'img_size', None)
        if img_size is None or self.any_size:
            return
        preprocessor = getattr(model, 'data_preprocessor', None)
        if mode == 'train' and isinstance(preprocessor, DecodingPreprocessor):
            source, size = 'data_preprocessor.transforms', preprocessor.image_size
        else:
            inputs = data_batch['inputs']  # a tensor, or a list of images or of views
            source = f'{mode}_dataloader.dataset.pipeline'
            size = tuple((inputs if hasattr(inputs, 'shape') else inputs[0]).shape[-2:])
        expected = to_2tuple(img_size)
        if size != expected:
            raise ConfigError(
                f'model.backbone.img_size={expected}: {source} returns images of {size}. Change '
                'one of the two, or allow any size with '
                '`--cfg-options default_hooks.input_size.any_size=True`.')
