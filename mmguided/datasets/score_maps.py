"""Cached guidance scores of a dataset."""
import errno
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mmguided.utils.errors import ConfigError


class ScoreMaps:
    """Guidance scores of all images of a dataset, in memory-mapped files.

    For each image, a file contains the lowest and highest score and, for each patch, one of 65,536
    levels between them: 400 bytes for 14 x 14 patches. (float16 has only 2,000 levels between .5
    and 1, the range of most cosines.) Processes read only the pages they need and share them. Each
    file has a unique name, so that runs with the same folder do not conflict. The name of the
    current file is in shared memory, so that running dataloader workers see a new file.

    Args:
        folder: Folder of the files.
        shape: Number of images, and patch grid ``(h, w)`` of each image, or ``(v, h, w)`` with v
            score maps per image.
    """

    def __init__(self, folder: Path, shape: tuple[int, ...]) -> None:
        self.folder = folder
        self.shape = shape
        self._name = torch.zeros(16, dtype=torch.uint8).share_memory_()
        self._dtype = np.dtype([('low', 'f4'), ('high', 'f4'), ('levels', 'u2', shape[1:])])
        self._opened = None, None

    def path(self, name: str) -> Path:
        """Path of a file."""
        return self.folder / f'{name}.npy'

    def exists(self, name: str) -> bool:
        """Return whether a complete file of this shape exists."""
        try:
            array = np.load(self.path(name), mmap_mode='r')
        except (OSError, ValueError):  # missing or truncated
            return False
        return array.shape == self.shape[:1] and array.dtype == self._dtype

    def use(self, name: str) -> None:
        """Select the current file in all processes."""
        self._name.copy_(torch.tensor(list(UUID(name).bytes), dtype=torch.uint8))

    def remove_all_except(self, names: set[str]) -> None:
        """Remove other files, also those that a killed run has left incomplete."""
        for path in self.folder.iterdir():
            if path.stem not in names:
                path.unlink()

    @property
    def name(self) -> str | None:
        """Name of the current file; None before :meth:`use`."""
        return UUID(bytes=bytes(self._name.tolist())).hex if self._name.any() else None

    def __getitem__(self, index: int) -> np.ndarray:
        """Scores ``shape[1:]`` of an image, float32; NaN for an image without scores."""
        name = self.name
        if name is None:
            return np.full(self.shape[1:], np.nan, np.float32)
        if self._opened[0] != name:
            self._opened = name, np.load(self.path(name), mmap_mode='r')
        record = self._opened[1][index]
        share = record['levels'].astype(np.float32) / 65535
        return record['low'] * (1 - share) + record['high'] * share

    def crop(self, sample: dict, scale: Sequence[float], offset: Sequence[float]) -> Tensor:
        """Scores ``shape[1:]`` of a crop of the image ``sample['sample_idx']``; see
        :func:`crop_scores`."""
        return crop_scores(torch.from_numpy(self[sample['sample_idx']]), scale, offset)

    @contextmanager
    def create(self) -> Iterator[tuple[str, Callable[[np.ndarray, np.ndarray], None]]]:
        """Create a file: yield its name and a function that writes scores ``(n, *shape[1:])`` of
        image indices ``(n, )``. Other images have no scores. The file is complete after the context
        exits without an error.

        Raises:
            ConfigError: If the disk is full.
        """
        name = uuid4().hex
        part = self.path(name).with_suffix('.part')
        try:
            array = self._allocate(part)
            array['low'] = np.nan

            def write(indices: np.ndarray, scores: np.ndarray) -> None:
                axes = tuple(range(1, scores.ndim))
                low, high = scores.min(axes, keepdims=True), scores.max(axes, keepdims=True)
                share = (scores - low) / np.where(high > low, high - low, 1)
                records = np.empty(len(scores), self._dtype)
                records['low'], records['high'] = low.ravel(), high.ravel()
                records['levels'] = np.rint(np.nan_to_num(share) * 65535)
                array[indices] = records

            yield name, write
            array.flush()
            os.replace(part, self.path(name))
        finally:
            part.unlink(missing_ok=True)

    def _allocate(self, path: Path) -> np.ndarray:
        """Allocate the disk space of a new file. Without this step, a write to the memory map
        would kill the process if the disk is full."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            array = np.lib.format.open_memmap(path, 'w+', self._dtype, self.shape[:1])
            with open(path, 'r+b') as file:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            size = self._dtype.itemsize * self.shape[0] / 1e6
            raise ConfigError(
                f'work_dir={str(self.folder.parent)!r}: {error.strerror} ({size:.1f} MB of scores '
                f'for {self.shape[0]} images). Free disk space, or set another '
                '`--work-dir FOLDER`.') from error
        return array


def crop_scores(scores: Tensor, scale: Sequence[float], offset: Sequence[float]) -> Tensor:
    """Resample patch scores to a crop, by bilinear interpolation between patch centers.

    Args:
        scores: Scores of the whole image, ``(h, w)`` or ``(v, h, w)``.
        scale, offset: For the vertical and the horizontal axis: position ``p`` of the crop, in
            [0, 1], is position ``p * scale + offset`` of the image. A flip has a negative scale.

    Returns:
        Scores of the same shape.
    """
    (scale_y, scale_x), (offset_y, offset_x) = scale, offset
    # torch uses coordinates from -1 to 1 with the horizontal axis first.
    matrix = scores.new_tensor([[scale_x, 0, scale_x + 2 * offset_x - 1],
                                [0, scale_y, scale_y + 2 * offset_y - 1]])
    maps = scores.view(1, -1, *scores.shape[-2:])
    positions = F.affine_grid(matrix[None], maps.shape, align_corners=False)
    return F.grid_sample(maps, positions, mode='bilinear', padding_mode='border',
                         align_corners=False).view(scores.shape)
