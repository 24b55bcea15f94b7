"""Pixel-shifted views of an image (CMAE)."""
from collections.abc import Callable, Sequence

import numpy as np
from mmcv.transforms import BaseTransform, Compose
from mmengine.utils import to_2tuple

from mmguided.registry import TRANSFORMS
from mmguided.utils.errors import ConfigError


@TRANSFORMS.register_module()
class PixelShift(BaseTransform):
    """Crop an online view and a shifted target view from a master image (CMAE, Sec. 3.2)::

        online = master[:h, :w]
        target = target_transforms(master[dy:dy + h, dx:dx + w])

    ``dy`` and ``dx`` are independent uniform integers from 0 to ``max_shift`` (inclusive). The
    paper states "[0, p)" with a master of 224 + p pixels in Sec. 3.2 and "the shift range of [0,
    31]" in Sec. 4.4, and its code shifts by up to 31 pixels in a master of 256 pixels.
    ``max_shift=31`` with a master of 256 pixels agrees with all three.

    Place this transform after the transforms that both views share and before ``PackInputs``, which
    packs the two views as a list::

        dict(type='RandomResizedCrop', scale=256),
        dict(type='mmguided.PixelShift', crop_size=224, max_shift=31, target_transforms=[...]),
        dict(type='PackInputs')

    Required key: ``img``, an array ``(H, W, C)``. Modified keys: ``img``, the list
    ``[online, target]`` of separate arrays ``(h, w, C)``, and ``img_shape``.

    Args:
        crop_size (int | Sequence[int]): Size of the views: a side, or ``(h, w)`` in the order of
            ``RandomResizedCrop.scale`` (mmcv's ``CenterCrop`` uses the reverse order).
        max_shift (int): Largest shift along each axis, in pixels.
        target_transforms (Sequence[dict | Callable]): Transforms of the target view only, such as
            color augmentation. Changes to keys other than ``img`` are dropped. Defaults to ().

    Raises:
        ConfigError: If ``crop_size`` or ``max_shift`` is invalid, or (when applied) the image is
            smaller than ``crop_size + max_shift``.
    """

    def __init__(self, crop_size: int | Sequence[int], max_shift: int,
                 target_transforms: Sequence[dict | Callable] = ()) -> None:
        sides = tuple(to_2tuple(crop_size))
        if len(sides) != 2 or min(sides) < 1:
            raise ConfigError(f'PixelShift.crop_size={crop_size}: invalid. Set a positive integer, '
                              'or (height, width).')
        if not isinstance(max_shift, int) or max_shift < 0:
            raise ConfigError(f'PixelShift.max_shift={max_shift}: invalid. Set an integer >= 0.')
        self.crop_size = sides
        self.max_shift = max_shift
        self.target_transforms = Compose(target_transforms)

    def transform(self, results: dict) -> dict:
        """Replace the image by its two views."""
        master = results['img']
        size, needed = master.shape[:2], tuple(side + self.max_shift for side in self.crop_size)
        if size[0] < needed[0] or size[1] < needed[1]:
            raise ConfigError(
                f'PixelShift.crop_size={self.crop_size}, max_shift={self.max_shift}: the image of '
                f'{size[0]} x {size[1]} pixels (height x width) is too small. Set '
                f'RandomResizedCrop.scale={needed}.')
        online = self._crop(master, 0, 0)
        shifted = self._crop(master, *np.random.randint(0, self.max_shift + 1, size=2))
        results['img'] = [online, self.target_transforms({**results, 'img': shifted})['img']]
        results['img_shape'] = self.crop_size
        return results

    def _crop(self, master: np.ndarray, top: int, left: int) -> np.ndarray:
        height, width = self.crop_size
        # Copy, because the views overlap and a transform may change the target in place.
        return master[top:top + height, left:left + width].copy()

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(crop_size={self.crop_size}, max_shift={self.max_shift}, '
                f'target_transforms={self.target_transforms})')
