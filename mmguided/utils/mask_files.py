"""Masks of objects as the palette images of DAVIS."""
import os
from pathlib import Path

import numpy as np
from PIL import Image

from .errors import ConfigError, check_file


def _palette() -> np.ndarray:
    """Three bits of an index go to one bit of each channel, the lowest to the highest."""
    index, bits = np.arange(256)[:, None], np.arange(8)
    return np.stack([((index >> (3 * bits + channel) & 1) << (7 - bits)).sum(axis=1)
                     for channel in range(3)], axis=1).astype(np.uint8)


#: RGB colors ``(256, 3)`` of DAVIS, those of PASCAL VOC.
PALETTE = _palette()


def read_mask(path: str | os.PathLike) -> np.ndarray:
    """Indexes of objects, ``(H, W)``, uint8.

    Raises:
        ConfigError: If the file is missing or no image of indexes.
    """
    check_file('mask', str(path), 'every frame needs one')
    with Image.open(path) as image:
        if image.mode not in ('P', 'L'):
            raise ConfigError(f'mask={str(path)!r} has mode {image.mode}: give a palette or gray '
                              'image, whose values are indexes of objects')
        return np.array(image)


def write_mask(path: str | os.PathLike, mask: np.ndarray) -> None:
    """Write indexes ``(H, W)``, uint8, as a PNG with DAVIS's palette; its folder is made."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(mask)
    image.putpalette(PALETTE.tobytes())
    image.save(path)


def count_objects(annotation: np.ndarray) -> int:
    """Objects of a sequence: the largest index in its first annotation ``(H, W)``, apart from
    255, which marks void pixels.

    Raises:
        ConfigError: If there is none.
    """
    count = int(annotation.max(where=annotation < 255, initial=0))
    if not count:
        raise ConfigError('the annotation of the first frame has no object: it must mark each by '
                          'an index from 1')
    return count
