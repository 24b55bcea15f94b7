"""Resize images with any number of channels."""
from collections.abc import Sequence

import mmcv.transforms
import mmpretrain.datasets
import numpy as np
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2.functional import resize

from mmguided.registry import TRANSFORMS


def resize_array(image: np.ndarray, size: Sequence[int], interpolation: str) -> np.ndarray:
    """Resize an image ``(H, W, C)`` or ``(H, W)`` to ``(*size, C)``, size (height, width), with
    antialiasing, by torchvision."""
    pixels = torch.from_numpy(np.ascontiguousarray(np.atleast_3d(image))).permute(2, 0, 1)
    resized = resize(pixels, list(size), InterpolationMode(interpolation), antialias=True)
    return resized.permute(1, 2, 0).numpy()


class _AnyChannels:
    """Resize uint8 images with three channels by Pillow, and the images that Pillow does not
    support by torchvision."""

    def _resize_img(self, results: dict) -> None:
        image = results['img']
        if image.dtype == np.uint8 and image.shape[2:] == (3, ):
            super()._resize_img(results)
            return
        results['img'] = resize_array(image, results['scale'][::-1], self.interpolation)
        results['img_shape'] = results['img'].shape[:2]


@TRANSFORMS.register_module()
class Resize(_AnyChannels, mmcv.transforms.Resize):
    """mmcv's ``Resize``, by Pillow for uint8 images with three channels and by torchvision for all
    other images.

    Required key: ``img``, an array ``(H, W, C)`` or ``(H, W)``. Modified keys: ``img`` and
    ``img_shape``.

    Args:
        scale (tuple[int, int]): Size (width, height).
        interpolation (str): 'bilinear' or 'bicubic'. Defaults to 'bilinear'.
    """

    def __init__(self, scale: tuple[int, int], interpolation: str = 'bilinear') -> None:
        super().__init__(scale, backend='pillow', interpolation=interpolation)


@TRANSFORMS.register_module()
class ResizeEdge(_AnyChannels, mmpretrain.datasets.ResizeEdge):
    """mmpretrain's ``ResizeEdge``, by Pillow for uint8 images with three channels and by
    torchvision for all other images.

    Required key: ``img``, an array ``(H, W, C)`` or ``(H, W)``. Modified keys: ``img`` and
    ``img_shape``.

    Args:
        scale (int | Sequence[int]): Length of the edge; or (height, width): the image is resized,
            with its aspect ratio, to the smallest size that covers this area, so that
            ``CenterCrop`` cuts one direction only.
        edge (str): 'short', 'long', 'width' or 'height'; ignored for a size. Defaults to 'short'.
        interpolation (str): 'bilinear' or 'bicubic'. Defaults to 'bilinear'.
    """

    def __init__(self, scale: int | Sequence[int], edge: str = 'short',
                 interpolation: str = 'bilinear') -> None:
        super().__init__(scale, edge, backend='pillow', interpolation=interpolation)

    def transform(self, results: dict) -> dict:
        """Resize the image."""
        if isinstance(self.scale, int):
            return super().transform(results)
        (height, width), (rows, columns) = results['img'].shape[:2], self.scale
        results['scale'] = ((rows * width // height, rows) if rows * width >= columns * height else
                            (columns, columns * height // width))
        self._resize_img(results)
        return results
