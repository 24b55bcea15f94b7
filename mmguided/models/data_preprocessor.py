"""Normalize images; decode and augment training images on the device of the model."""
from collections.abc import Mapping, Sequence

import torch
from mmpretrain.models import SelfSupDataPreprocessor
from torch import Tensor
from torchvision.io import ImageReadMode, decode_jpeg
from torchvision.transforms import InterpolationMode, v2

from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError
from mmguided.utils.rng_state import preserve_rng_state


@MODELS.register_module()
class DataPreprocessor(SelfSupDataPreprocessor):
    """mmpretrain's SelfSupDataPreprocessor for images with any number of channels.

    Args:
        mean, std (Sequence[float]): One value per channel, or one value for all channels, for
            pixels in [0, 255].
        to_rgb (bool): Convert images of three channels from BGR to RGB. Other images have their
            channels in order. Defaults to False.
        **kwargs: Other arguments of SelfSupDataPreprocessor.

    Raises:
        ConfigError: If the numbers of values differ.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float], to_rgb: bool = False,
                 **kwargs) -> None:
        if len(mean) != len(std):
            raise ConfigError(f'data_preprocessor.mean={mean}: {len(mean)} values, but std has '
                              f'{len(std)}. Give one value per channel.')
        # The base class accepts one or three values.
        super().__init__(mean[:1], std[:1], to_rgb=to_rgb, **kwargs)
        self.mean, self.std = (torch.tensor(values).view(-1, 1, 1) for values in (mean, std))
        self._converts_rgb = self._channel_conversion

    def forward(self, data: dict, training: bool = False) -> dict:
        """See the base class, which would also reverse images of other than three channels."""
        inputs = data['inputs']
        images = inputs if isinstance(inputs, Tensor) else inputs[0]
        self._channel_conversion = self._converts_rgb and images.shape[-3] == 3
        return super().forward(data, training)


@MODELS.register_module()
class DecodingPreprocessor(SelfSupDataPreprocessor):
    """Decode, augment and normalize training images on the device, so that the workers of the
    loader only read files. It has not been measured on a GPU.

    The pipeline is ``mmguided.LoadImage(decode=False)`` and ``PackInputs``, and the collate
    function is ``pseudo_collate``. The random draws come from the RNG of the training process.
    Other batches, such as validation images, are only normalized.

    Args:
        transforms: Transforms of ``torchvision.transforms.v2`` by name, with their arguments. They
            take an RGB image ``(3, H, W)``, uint8, and must return images of one size.
        **kwargs: Arguments of mmpretrain's SelfSupDataPreprocessor.

    Attributes:
        image_size: Size (height, width) of the augmented images.
    """

    def __init__(self, transforms: Mapping[str, Mapping], **kwargs) -> None:
        super().__init__(**kwargs)
        self.transforms = v2.Compose([
            getattr(v2, name)(**{key: InterpolationMode(value) if key == 'interpolation' else value
                                 for key, value in settings.items()})
            for name, settings in transforms.items()])
        with preserve_rng_state():
            self.image_size = tuple(
                self.transforms(torch.zeros(3, 300, 400, dtype=torch.uint8)).shape[-2:])

    def forward(self, data: dict, training: bool = False) -> dict:
        """Normalized images ``(B, 3, H, W)`` as ``inputs``, and ``data_samples``.

        Args:
            data: ``inputs``; in training, a list of JPEG files as bytes ``(n, )``, uint8, or of
                images ``(3, H, W)``, uint8, BGR.
            training: Augment the images. Files are always decoded and augmented.
        """
        if training or any(item.ndim == 1 for item in data['inputs']):
            images = [self.transforms(image) for image in self._decode(data['inputs'])]
            data = data | dict(inputs=torch.stack(images).flip(1))  # BGR, as all pipelines
        return super().forward(data, training)

    def _decode(self, inputs: list[Tensor]) -> list[Tensor]:
        """RGB images ``(3, H, W)`` on the device."""
        files = [item for item in inputs if item.ndim == 1]
        decoded = iter(decode_jpeg(files, ImageReadMode.RGB, self.device) if files else ())
        return [next(decoded) if item.ndim == 1 else item.to(self.device).flip(0)
                for item in inputs]
