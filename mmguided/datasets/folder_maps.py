"""Maps of images in a folder, as guidance scores."""
import os
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mmguided.utils.errors import ConfigError
from mmguided.utils.image_folders import IMAGE_EXTENSIONS
from mmguided.utils.images import read_image

_FIELD = 'mask_generator.guidance.folder'


class FolderMaps:
    """Maps of images, see :class:`mmguided.models.MapGuidance`.

    Args:
        folder: Folder of the maps, with the sub-folders and stems of the images.
        image_folder: Folder of the images.
        grid: Patches ``(h, w)`` of a crop.
    """

    def __init__(self, folder: str, image_folder: str, grid: tuple[int, int]) -> None:
        self.folder = os.path.expanduser(folder)
        self.image_folder = image_folder
        self.grid = grid

    def find(self, img_path: str) -> str | None:
        """Path of the map of an image; None if there is none."""
        stem, _ = os.path.splitext(os.path.relpath(img_path, self.image_folder))
        paths = (os.path.join(self.folder, stem + end) for end in ('.npy', *IMAGE_EXTENSIONS))
        return next((path for path in paths if os.path.isfile(path)), None)

    def crop(self, sample: dict, scale: Sequence[float], offset: Sequence[float]) -> Tensor:
        """Scores of a crop: means of the map over the patches, exact also for parts of pixels.

        Args:
            sample: ``img_path``, and the whole image ``img``, ``(H, W, C)``.
            scale, offset: See :func:`mmguided.datasets.score_maps.crop_scores`.

        Returns:
            ``grid``, float32; NaN for an image without a map.

        Raises:
            ConfigError: If the map cannot be read, its values are not one nonnegative number per
                pixel, or its aspect ratio is not that of the image.
        """
        path = self.find(sample['img_path'])
        if path is None:
            return torch.full(self.grid, torch.nan)
        values = _read(path)
        height, width = sample['img'].shape[:2]
        # Tolerate a rounded side of the smaller of both.
        difference = abs(values.shape[0] * width - values.shape[1] * height)
        if difference > max(height, width, *values.shape):
            raise ConfigError(
                f'{_FIELD}={path!r}: the map has {values.shape[0]} x {values.shape[1]} pixels and '
                f'the image {height} x {width} (height x width). Give a map of the same aspect '
                'ratio.')
        rows, columns = (_overlaps(*axis) for axis in zip(
            self.grid, values.shape, scale, offset, strict=True))
        return (rows @ values.double() @ columns.mT).float()


def _overlaps(cells: int, size: int, scale: float, offset: float) -> Tensor:
    """Share of each of ``size`` pixels in each of the ``cells`` equal parts of the interval from
    ``offset`` to ``offset + scale``, ``(cells, size)``; rows sum to 1."""
    edges = (torch.linspace(0, 1, cells + 1, dtype=torch.float64) * scale + offset) * size
    edges = edges.unfold(0, 2, 1).sort(dim=1).values  # a flip has a negative scale
    pixels = torch.arange(size)
    overlap = (torch.minimum(edges[:, 1:], pixels + 1)
               - torch.maximum(edges[:, :1], pixels)).clamp(min=0)
    return overlap / overlap.sum(dim=1, keepdim=True)


def _read(path: str) -> Tensor:
    """Values ``(h, w)`` of a map."""
    if path.endswith('.npy'):
        try:
            values = np.load(path)
        except (OSError, ValueError, EOFError) as error:
            raise ConfigError(f'{_FIELD}={path!r}: cannot be read ({error}). Write the map with '
                              'np.save.') from error
    else:
        values = np.asarray(read_image(path, _FIELD, raw=True))
    if values.ndim != 2 or values.dtype.kind not in 'biuf' or not (
            np.isfinite(values).all() and (values >= 0).all()):
        raise ConfigError(f'{_FIELD}={path!r}: array of shape {values.shape} and type '
                          f'{values.dtype}. Give one finite, nonnegative number per pixel.')
    return torch.from_numpy(values.astype(np.float32))
