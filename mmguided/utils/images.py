"""Read image files."""
import os
import re
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageOps

from .errors import ConfigError

RASTER_REMEDY = ('Images of more than 8 bits, or with other bands than RGB or gray, need '
                 'mmguided.LoadRaster instead of mmguided.LoadImage.')


def read_image(path: str | os.PathLike, field: str, raw: bool = False) -> Image.Image:
    """Read an image file as 8-bit RGB, upright by its EXIF orientation.

    All tools and the training data use this conversion, see :func:`to_rgb`.

    Args:
        field: Config field or argument that names the file, for errors.
        raw: Keep the stored pixels, such as the class indices of a label map.

    Raises:
        ConfigError: If the file cannot be read, or its values do not fit into 8 bits.
    """
    try:
        with Image.open(path) as image:
            if raw:
                image.load()
                return image
            return to_rgb(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        reason = getattr(error, 'strerror', None) or error
        raise ConfigError(f'{field}={os.fspath(path)!r}: cannot be read as an image ({reason}). '
                          f'Give the path of a readable image. {RASTER_REMEDY}') from error


def read_if_readable(path: str | os.PathLike, field: str, read: Callable = read_image
                     ) -> Image.Image | np.ndarray | None:
    """Run ``read``; return None if the file cannot be decoded, because the training data also leave
    out such files. Errors of the disk or the network are raised."""
    try:
        return read(path, field)
    except ConfigError as error:
        if error.__cause__ is not None and is_decoding_error(error.__cause__):
            return None
        raise


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert an image to RGB and apply its EXIF orientation.

    Palette, gray and CMYK images are converted by Pillow; an alpha channel is dropped.

    Raises:
        ValueError: If the conversion would change values of more than 8 bits, or drop a band other
            than alpha.
    """
    stored = ' '.join(str(tile[3]) for tile in getattr(image, 'tile', ()))  # before loading
    if re.search('[ABKXa];16', stored):
        raise ValueError(f'mode {image.mode} has 16 bits per value instead of 8')
    if image.format == 'TIFF' and 'X' in stored:
        raise ValueError(f'mode {image.mode} has bands other than RGB, gray and alpha')
    rgb = ImageOps.exif_transpose(image).convert('RGB')
    if image.mode[0] in 'IF' and (
            np.asarray(rgb)[..., 0] != np.asarray(ImageOps.exif_transpose(image))).any():
        raise ValueError(f'mode {image.mode} has values that do not fit into 8 bits')
    return rgb


def shown_bands(num: int, bands: Sequence[int] | None = None) -> list[int]:
    """Bands of an image with ``num`` bands that figures show as red, green and blue: ``bands``, or
    the first three, or the first as gray if there are fewer.

    Raises:
        ConfigError: If ``bands`` are not three bands of the image.
    """
    if bands is None:
        return [0, 1, 2] if num >= 3 else [0, 0, 0]
    if len(bands) != 3 or not all(0 <= band < num for band in bands):
        raise ConfigError(f'bands={tuple(bands)}: not supported. Give three bands from 0 to '
                          f'{num - 1}, for red, green and blue.')
    return list(bands)


def is_decoding_error(error: Exception) -> bool:
    """Return True if the content of a file caused the error, not the disk or the network."""
    # Decoders raise many types of errors, but only the operating system sets ``errno``.
    return not (isinstance(error, OSError) and error.errno is not None)
