"""Random resized crop."""
from collections.abc import Sequence

import mmpretrain.datasets
import numpy as np
from mmcv import rgb2bgr

from mmguided.registry import TRANSFORMS
from mmguided.utils.errors import ConfigError

from .resize import resize_array


@TRANSFORMS.register_module()
class RandomResizedCrop(mmpretrain.datasets.RandomResizedCrop):
    """Random crops of mmpretrain, resized by torchvision, which is eight times as fast. Crops that
    are not square have the aspect ratio of ``scale``, up to the drawn distortion.

    Resizing is antialiased as in mmpretrain's ``backend='pillow'``. Pixels differ by rounding, on
    average by .05 of 255, or by .3 if Pillow resizes the crop vertically first.

    Required key: ``img``, an array ``(H, W, C)`` or ``(H, W)``, uint8 or float32. Modified keys:
    ``img``, an array ``(*scale, C)``, and ``img_shape``.

    Args:
        scale (int | Sequence[int]): Size of the crop: a side, or (height, width).
        crop_ratio_range (Sequence[float]): Range of the crop's share of the area of the image.
            Defaults to (0.08, 1).
        aspect_ratio_range (Sequence[float]): Range of width / height of the cropped area, relative
            to that of ``scale``, so that it limits the distortion of the image. Drawn uniformly
            from the logarithm. Defaults to (3 / 4, 4 / 3).
        interpolation (str): 'bilinear' or 'bicubic'. Defaults to 'bilinear'.

    Raises:
        ConfigError: If ``interpolation`` is not supported.
    """

    def __init__(self, scale: int | Sequence[int], crop_ratio_range: Sequence[float] = (.08, 1.),
                 aspect_ratio_range: Sequence[float] = (3 / 4, 4 / 3),
                 interpolation: str = 'bilinear') -> None:
        if interpolation not in ('bilinear', 'bicubic'):
            raise ConfigError(f'RandomResizedCrop.interpolation={interpolation!r}: not supported. '
                              "Set 'bilinear' or 'bicubic'.")
        super().__init__(scale, crop_ratio_range, aspect_ratio_range, interpolation=interpolation,
                         backend='torchvision')
        height, width = self.scale
        self.aspect_ratio_range = tuple(ratio * (width / height) for ratio in aspect_ratio_range)

    def transform(self, results: dict) -> dict:
        """Replace the image by a crop."""
        image = results['img']
        top, left, height, width = self.rand_crop_params(image)
        results['img'] = self.resize(image[top:top + height, left:left + width])
        results['img_shape'] = results['img'].shape[:2]
        return results

    def resize(self, image: np.ndarray) -> np.ndarray:
        """Resize an image ``(H, W, C)`` or ``(H, W)`` to the size of the crop.

        Raises:
            ValueError: If the image is neither uint8 nor float32.
        """
        if image.dtype not in (np.uint8, np.float32):
            raise ValueError(f'img: {image.dtype}, but RandomResizedCrop needs uint8 or float32. '
                             'Use mmguided.LoadImage or mmguided.LoadRaster.')
        if image.shape[2:] == (3, ):
            # LoadImage gives a BGR view of RGB memory; copy it to contiguous BGR in one pass.
            image = rgb2bgr(image[..., ::-1])
        return resize_array(image, self.scale, self.interpolation)
