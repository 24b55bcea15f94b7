"""Batches that resume at any position with the same augmentations."""
from collections.abc import Iterator
from contextlib import nullcontext

from mmengine.dist import get_rank, get_world_size
from torch.utils.data import BatchSampler, DataLoader, Sampler, get_worker_info

from mmguided.utils.rng_state import preserve_rng_state, seed_rngs


class SeededBatch:
    """Indices of a batch. Iterating over them seeds the RNGs of the process before each sample.

    The process that loads the batch iterates over it: a worker, or the main process, whose RNG
    state is restored at the end.
    """

    def __init__(self, indices: list[int], entropy: tuple[int, ...], positions: range) -> None:
        self.indices = indices
        self.entropy = entropy
        self.positions = positions

    def __len__(self) -> int:
        return len(self.indices)

    def __iter__(self) -> Iterator[int]:
        with preserve_rng_state() if get_worker_info() is None else nullcontext():
            for index, position in zip(self.indices, self.positions, strict=True):
                seed_rngs(*self.entropy, position)
                yield index


class SeededBatches:
    """Batch sampler that starts at any batch, and seeds the augmentations of each sample by
    (seed, epoch, position of the sample in the epoch).

    Skipped batches are not loaded. Augmentations depend neither on the number of workers nor on
    the samples that a worker has loaded before.

    Args:
        batches: Another batch sampler.
        endless: Start the next epoch after the last batch, as iteration-based loops require.

    Attributes:
        seed, epoch: Seeds of the next epoch.
        start: Number of batches to skip in the next epoch.
    """

    def __init__(self, batches: BatchSampler, endless: bool) -> None:
        self.batches = batches
        self.endless = endless
        self.seed = self.epoch = self.start = 0
        if hasattr(self.sampler, '_indices_of_rank'):
            # InfiniteSampler, from whose iterator MMEngine 0.10 may have drawn.
            self.sampler.indices = self.sampler._indices_of_rank()

    @property
    def sampler(self) -> Sampler:
        """Sampler of the images."""
        return self.batches.sampler

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[SeededBatch]:
        start, self.start = self.start, 0
        epoch = self.epoch
        while True:
            position, stride = get_rank(), get_world_size()
            for number, batch in enumerate(self.batches):
                positions = range(position, position + len(batch) * stride, stride)
                position = positions.stop
                if number >= start:
                    yield SeededBatch(batch, (self.seed, epoch), positions)
            if not self.endless:
                return
            start = max(start - number - 1, 0)
            epoch += 1
            self.sampler.set_epoch(epoch)


class ResumedIterator:
    """Iterator of an ``IterBasedTrainLoop`` that does not skip the past iterations a second time.

    :class:`SeededBatches` has already skipped them. To skip them, MMEngine's maintained fork calls
    :meth:`skip_iter`, and version 0.10.7 calls ``next``. This iterator ignores both.

    Args:
        loader: Loader with :class:`SeededBatches`.
        ignored: Number of calls of ``next`` to ignore.
    """

    def __init__(self, loader: DataLoader, ignored: int) -> None:
        self._loader = loader
        self._ignored = ignored
        self._iterator = None

    def skip_iter(self, num_iters: int) -> None:
        """Do nothing."""

    def __next__(self) -> object:
        if self._ignored:
            self._ignored -= 1
            return None
        if self._iterator is None:
            self._iterator = iter(self._loader)
        return next(self._iterator)
