"""Check of the input resolution and channels."""
from mmengine.hooks import Hook
from mmengine.utils import to_2tuple

from mmguided.models import DecodingPreprocessor
from mmguided.registry import HOOKS
from mmguided.utils.errors import ConfigError
from mmguided.utils.modules import unwrap_ddp


@HOOKS.register_module()
class InputSizeHook(Hook):
    """Check that the images have the size ``model.backbone.img_size`` and the channels of the
    encoder.

    Position embeddings are interpolated to any input size. Without this check, training and
    evaluation would run at the wrong resolution without an error. Detectors and segmentors take
    images of any size and do not use this hook.

    Args:
        any_size: Disable the check of the size.

    Raises:
        ConfigError: In the first iteration, if sizes or channels differ.
    """

    def __init__(self, any_size: bool = False) -> None:
        self.any_size = any_size

    def _before_iter(self, runner, batch_idx: int, data_batch: dict, mode: str) -> None:
        model = unwrap_ddp(runner.model)
        encoder = getattr(model, 'backbone', None)
        in_channels = getattr(encoder, 'in_channels', None)
        img_size = getattr(encoder, 'img_size', None)  # of mmpretrain's ViT
        input_size = getattr(encoder, 'input_size', img_size and to_2tuple(img_size))
        preprocessor = getattr(model, 'data_preprocessor', None)
        if mode == 'train' and isinstance(preprocessor, DecodingPreprocessor):
            source, shape = 'data_preprocessor.transforms', (3, *preprocessor.image_size)
        else:
            inputs = data_batch['inputs']  # a tensor, or a list of images or of views
            source = f'{mode}_dataloader.dataset.pipeline'
            shape = tuple((inputs if hasattr(inputs, 'shape') else inputs[0]).shape[-3:])
        channels, size = shape[0], shape[1:]
        if in_channels not in (None, channels):
            raise ConfigError(
                f'model.backbone.in_channels={in_channels}: {source} returns images of '
                f'{channels} channels. Set model.backbone.in_channels={channels}, or another '
                'loading transform, such as mmguided.LoadRaster.')
        mean = getattr(preprocessor, 'mean', None)
        if mean is not None and len(mean) not in (1, channels):
            raise ConfigError(
                f'data_preprocessor.mean: {len(mean)} values for images of {channels} channels. '
                'Set mean and std to one value per channel; tools/dataset_stats.py computes them.')
        if input_size not in (None, size) and not self.any_size:
            raise ConfigError(
                f'model.backbone.img_size={input_size}: {source} returns images of '
                f'{size}. Change one of the two, or allow any size with '
                '`--cfg-options default_hooks.input_size.any_size=True`.')
