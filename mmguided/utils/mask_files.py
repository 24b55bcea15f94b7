"""Object masks stored as DAVIS palette images."""
import os
from pathlib import Path

import numpy as np
from PIL import Image

from .errors import ConfigError, check_file


def _palette() -> np.ndarray:
    """Color palette of PASCAL VOC: bits of the index are spread over the channels."""
    index, bits = np.arange(256)[:, None], np.arange(8)
    return np.stack([((index >> (3 * bits + channel) & 1) << (7 - bits)).sum(axis=1)
                     for channel in range(3)], axis=1).astype(np.uint8)


#: RGB colors ``(256, 3)`` of DAVIS and PASCAL VOC.
PALETTE = _palette()


def read_mask(path: str | os.PathLike) -> np.ndarray:
    """Read object indices, ``(H, W)``, uint8.

    Raises:
        ConfigError: If the file is missing or not a palette or gray image.
    """
    check_file('mask', str(path), 'Give every frame a mask.')
    with Image.open(path) as image:
        if image.mode not in ('P', 'L'):
            raise ConfigError(f'mask={str(path)!r}: image mode {image.mode} has no object indices. '
                              'Give a palette or gray image.')
        return np.array(image)


def write_mask(path: str | os.PathLike, mask: np.ndarray) -> None:
    """Write indices ``(H, W)``, uint8, as a PNG with the DAVIS palette; create its folder."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(mask)
    image.putpalette(PALETTE.tobytes())
    image.save(path)


def count_objects(annotation: np.ndarray) -> int:
    """Number of objects: the largest index of the first annotation ``(H, W)``, except 255 (void).

    Raises:
        ConfigError: If the annotation contains no object.
    """
    count = int(annotation.max(where=annotation < 255, initial=0))
    if not count:
        raise ConfigError('the annotation of the first frame has no object. Mark each object by an '
                          'index from 1.')
    return count
