"""Two views of one image that are a few pixels apart (CMAE)."""
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from mmcv.transforms import BaseTransform, Compose
from mmcv.transforms.utils import cache_randomness

from mmguided.registry import TRANSFORMS
from mmguided.utils.errors import ConfigError


@TRANSFORMS.register_module()
class PixelShift(BaseTransform):
    """Cuts an online and a shifted target view from one master image (CMAE, Sec. 3.2)::

        online = master[:h, :w]
        target = target_transforms(master[dy:dy + h, dx:dx + w])

    ``dy`` and ``dx`` are independent, uniform integers from 0 to ``max_shift``, both included. The
    paper writes "[0, p)", in a master of 224 + p pixels, in Sec. 3.2 and "the shift range of
    [0, 31]" in Sec. 4.4, and its code shifts by up to 31 in a master of 256 pixels:
    ``max_shift=31`` in a master of 256 agrees with all three.

    Put it behind the transforms that both views share and before ``PackInputs``, which packs the
    two views as a list::

        dict(type='RandomResizedCrop', scale=256),
        dict(type='mmguided.PixelShift', crop_size=224, max_shift=31, target_transforms=[...]),
        dict(type='PackInputs')

    Required key: ``img``, an array ``(H, W, C)``. Modified keys: ``img``, now the list
    ``[online, target]`` of arrays ``(h, w, C)`` with memory of their own, and ``img_shape``.

    Args:
        crop_size (int | Sequence[int]): Size of the views: a side, or ``(h, w)``, the order of
            ``RandomResizedCrop.scale`` (mmcv's ``CenterCrop`` has the other one).
        max_shift (int): The largest shift along either axis, in pixels.
        target_transforms (Sequence[dict | Callable]): What the target view alone goes through, such
            as a color augmentation. Other keys that they change are dropped. Defaults to ().

    Raises:
        ConfigError: A size or ``max_shift`` is no such number; in use, the image is smaller than
            ``crop_size + max_shift``.
    """

    def __init__(self,
                 crop_size: int | Sequence[int],
                 max_shift: int,
                 target_transforms: Sequence[dict | Callable] = ()) -> None:
        sides = (crop_size, crop_size) if isinstance(crop_size, int) else tuple(crop_size)
        if len(sides) != 2 or min(sides) < 1:
            raise ConfigError(f'PixelShift: crop_size={crop_size} must be a side or (height, '
                              'width), in pixels of at least 1')
        if not isinstance(max_shift, int) or max_shift < 0:
            raise ConfigError(f'PixelShift: max_shift={max_shift} must be an integer of at least '
                              '0; 0 cuts both views at the same place')
        self.crop_size = sides
        self.max_shift = max_shift
        self.target_transforms = Compose(target_transforms)

    def __iter__(self) -> Iterator[BaseTransform]:
        # Lets mmcv's cache_random_params find the transforms inside.
        return iter(self.target_transforms)

    @cache_randomness
    def _random_shift(self) -> tuple[int, int]:
        dy, dx = np.random.randint(0, self.max_shift + 1, size=2)
        return int(dy), int(dx)

    def transform(self, results: dict) -> dict | None:
        """Replaces the image by its two views; None if a target transform gives the image up."""
        master = results['img']
        self._check_size(master)
        online = self._crop(master, 0, 0)
        shifted = self._crop(master, *self._random_shift())
        target = self.target_transforms({**results, 'img': shifted})
        if target is None:
            return None
        results['img'] = [online, target['img']]
        results['img_shape'] = self.crop_size
        return results

    def _crop(self, master: np.ndarray, top: int, left: int) -> np.ndarray:
        height, width = self.crop_size
        # A copy: the views overlap, and a transform may change the target in place.
        return master[top:top + height, left:left + width].copy()

    def _check_size(self, master: np.ndarray) -> None:
        height, width = master.shape[:2]
        needed = tuple(side + self.max_shift for side in self.crop_size)
        if height < needed[0] or width < needed[1]:
            raise ConfigError(
                f'PixelShift: the image has {height} x {width} pixels (height x width), but '
                f'crop_size={self.crop_size} and max_shift={self.max_shift} need {needed[0]} x '
                f'{needed[1]}. Set RandomResizedCrop.scale={needed} before it')

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(crop_size={self.crop_size}, max_shift={self.max_shift}, '
                f'target_transforms={self.target_transforms})')
