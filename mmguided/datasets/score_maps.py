"""A file with the scores of every patch of every image of a data set."""
import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import torch

from mmguided.utils.errors import ConfigError


class ScoreMaps:
    """The scores that a guidance has given to every image of a data set.

    An image has its lowest and its highest score, and 65,536 levels between them for each patch:
    400 bytes for 14 x 14 patches. (float16 has 2,000 between .5 and 1, where most cosines are.)
    They are memory-mapped: a process reads from the disk what it needs, and all processes of a
    machine share it. Each file has a name of its own, so that runs which write to the same folder
    do not meet. Which one to read is in shared memory: dataloader workers that run already learn of
    another one, too.

    Args:
        folder: Where the files are.
        shape: Number of images, and patches ``(h, w)`` of each.
    """

    def __init__(self, folder: Path, shape: tuple[int, int, int]) -> None:
        self.folder = folder
        self.shape = shape
        self._name = torch.zeros(16, dtype=torch.uint8).share_memory_()
        self._dtype = np.dtype([('low', 'f4'), ('high', 'f4'), ('levels', 'u2', shape[1:])])
        self._opened = None, None

    def path(self, name: str) -> Path:
        """The file of this name."""
        return self.folder / f'{name}.npy'

    def exists(self, name: str) -> bool:
        """Whether there is such a file, of this shape."""
        try:
            array = np.load(self.path(name), mmap_mode='r')
        except (OSError, ValueError):  # not there, or cut off
            return False
        return array.shape == self.shape[:1] and array.dtype == self._dtype

    def use(self, name: str) -> None:
        """Let all readers read the file of this name."""
        self._name.copy_(torch.tensor(list(UUID(name).bytes), dtype=torch.uint8))

    @property
    def name(self) -> str | None:
        """Name of the file that is read; None before :meth:`use`."""
        return UUID(bytes=bytes(self._name.tolist())).hex if self._name.any() else None

    def __getitem__(self, index: int) -> np.ndarray:
        """Scores ``(h, w)`` of an image, float32; NaN if there are none."""
        name = self.name
        if name is None:
            return np.full(self.shape[1:], np.nan, np.float32)
        if self._opened[0] != name:
            self._opened = name, np.load(self.path(name), mmap_mode='r')
        record = self._opened[1][index]
        share = record['levels'].astype(np.float32) / 65535
        return record['low'] * (1 - share) + record['high'] * share

    @contextmanager
    def create(self) -> Iterator[tuple[str, Callable[[np.ndarray, np.ndarray], None]]]:
        """The name of a new file, and what writes scores ``(n, h, w)`` of images by their indices
        ``(n, )`` into it; images that are left out have none. The file is there under its name at
        the end, if nothing has been raised.

        Raises:
            ConfigError: If the disk has no room for it.
        """
        name = uuid4().hex
        part = self.path(name).with_suffix('.part')
        try:
            array = self._allocate(part)
            array['low'] = np.nan

            def write(indices: np.ndarray, scores: np.ndarray) -> None:
                low, high = scores.min((1, 2), keepdims=True), scores.max((1, 2), keepdims=True)
                share = (scores - low) / np.where(high > low, high - low, 1)
                records = np.empty(len(scores), self._dtype)
                records['low'], records['high'] = low[:, 0, 0], high[:, 0, 0]
                records['levels'] = np.rint(np.nan_to_num(share) * 65535)
                array[indices] = records

            yield name, write
            array.flush()
            os.replace(part, self.path(name))
        finally:
            part.unlink(missing_ok=True)

    def _allocate(self, path: Path) -> np.ndarray:
        """A new file with room for all: on a disk that is full later, writing to memory would kill
        the process."""
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
                f'work_dir={str(self.folder.parent)!r}: no room on its disk for the scores of '
                f'{self.shape[0]} images, {size:.1f} MB ({error.strerror}); make room, or set '
                'another by `--work-dir FOLDER`') from error
        return array
