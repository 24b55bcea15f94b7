"""Maps of images in a folder, as guidance scores."""
import os
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from mmguided.utils.errors import ConfigError
from mmguided.utils.image_folders import IMAGE_EXTENSIONS, find_images
from mmguided.utils.images import read_image

_FIELD = 'mask_generator.guidance.folder'
_ENDINGS = ('.npy', *IMAGE_EXTENSIONS)


class FolderMaps:
    """Maps of images, see :class:`mmguided.models.MapGuidance`.

    The folder is listed once. The file extension of each image's map is stored as one byte in
    memory that the workers share, so loading a sample does not search the folder.

    Args:
        folder: Folder of the maps, with the sub-folders and stems of the images.
        dataset: Dataset of the images, with ``img_path`` below ``img_prefix``.
        grid: Patches ``(h, w)`` of a crop.

    Attributes:
        missing: Indices of the images without a map.

    Raises:
        ConfigError: If the folder is missing, or two images share a map.
    """

    def __init__(self, folder: str, dataset: Dataset, grid: tuple[int, int]) -> None:
        self.folder = os.path.expanduser(folder)
        self.image_folder = os.path.normpath(dataset.img_prefix)
        self.grid = grid
        if not os.path.isdir(self.folder):
            raise ConfigError(f'{_FIELD}={folder!r}: no such folder. Give the folder of the maps.')
        files = [os.path.splitext(path) for path in find_images(self.folder, _ENDINGS)]
        # A .npy file precedes an image, and the first ending precedes the others.
        self._endings = sorted({ending for _, ending in files}, key=lambda ending: (
            _ENDINGS.index(ending.lower()), ending))
        found, users = {}, {}
        for stem, ending in files:
            kind = self._endings.index(ending)
            found[stem] = min(kind, found.get(stem, kind))
        self._kinds = np.zeros(len(dataset), np.uint8)  # 0 for an image without a map
        for index in range(len(dataset)):
            path = dataset.get_data_info(index)['img_path']
            stem = self._stem(path)
            if stem not in found:
                continue
            self._kinds[index] = found[stem] + 1
            user = users.setdefault(stem, index)
            if user != index and (other := dataset.get_data_info(user)['img_path']) != path:
                raise ConfigError(f'{_FIELD}={folder!r}: {other!r} and {path!r} have the same map '
                                  f'{self._path(path, index)!r}. Rename one of the images.')
        self.missing = np.flatnonzero(self._kinds == 0)

    def _stem(self, img_path: str) -> str:
        path = os.path.normpath(img_path).removeprefix(self.image_folder).lstrip('/')
        return os.path.splitext(path)[0]

    def _path(self, img_path: str, index: int) -> str:
        ending = self._endings[self._kinds[index] - 1]
        return os.path.join(self.folder, self._stem(img_path) + ending)

    def crop(self, sample: dict, scale: Sequence[float], offset: Sequence[float]) -> Tensor:
        """Scores of a crop: means of the map over the patches, exact also for parts of pixels.

        Args:
            sample: ``img_path``, ``sample_idx``, and the whole image ``img``, ``(H, W, C)``.
            scale, offset: See :func:`mmguided.datasets.score_maps.crop_scores`.

        Returns:
            ``grid``, float32; NaN for an image without a map.

        Raises:
            ConfigError: If the map cannot be read, its values are not one nonnegative number per
                pixel, or its aspect ratio is not that of the image.
        """
        if not self._kinds[sample['sample_idx']]:
            return torch.full(self.grid, torch.nan)
        path = self._path(sample['img_path'], sample['sample_idx'])
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
