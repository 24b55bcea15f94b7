"""A file with the scores of every patch of every image of a data set."""
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import torch

from mmguided.utils.errors import ConfigError


class ScoreMaps:
    """The scores that a guidance has given to every image of a data set, ``(N, h, w)`` in float16.

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
        self._opened = None, None

    def path(self, name: str) -> Path:
        """The file of this name."""
        return self.folder / f'{name}.npy'

    def exists(self, name: str) -> bool:
        """Whether there is such a file, of this shape."""
        try:
            return np.load(self.path(name), mmap_mode='r').shape == self.shape
        except (OSError, ValueError):  # not there, or cut off
            return False

    def use(self, name: str) -> None:
        """Let all readers read the file of this name."""
        self._name.copy_(torch.tensor(list(UUID(name).bytes), dtype=torch.uint8))

    @property
    def name(self) -> str | None:
        """Name of the file that is read; None before :meth:`use`."""
        return UUID(bytes=bytes(self._name.tolist())).hex if self._name.any() else None

    def __getitem__(self, index: int) -> np.ndarray:
        """Scores ``(h, w)`` of an image; NaN if there are none."""
        name = self.name
        if name is None:
            return np.full(self.shape[1:], np.nan, np.float16)
        if self._opened[0] != name:
            self._opened = name, np.load(self.path(name), mmap_mode='r')
        return self._opened[1][index]

    @contextmanager
    def create(self) -> Iterator[tuple[str, np.ndarray]]:
        """The name of a new file and its array to fill, NaN so far. The file is there under its
        name at the end, if nothing has been raised.

        Raises:
            ConfigError: If the disk has no room for it.
        """
        name = uuid4().hex
        part = self.path(name).with_suffix('.part')
        try:
            array = self._allocate(part)
            array[:] = np.nan
            yield name, array
            array.flush()
            os.replace(part, self.path(name))
        finally:
            part.unlink(missing_ok=True)

    def _allocate(self, path: Path) -> np.ndarray:
        """A new file with room for all: on a disk that is full later, writing to memory would kill
        the process."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            array = np.lib.format.open_memmap(path, 'w+', np.float16, self.shape)
            with open(path, 'r+b') as file:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            size = 2 * int(np.prod(self.shape)) / 1e6
            raise ConfigError(
                f'work_dir={str(self.folder.parent)!r}: no room on its disk for the scores of '
                f'{self.shape[0]} images, {size:.1f} MB ({error.strerror}); make room, or set '
                'another by `--work-dir FOLDER`') from error
        return array
