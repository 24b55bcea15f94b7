"""RNG state: save and restore all random number generators."""
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def get_rng_state() -> dict:
    """RNG state of ``random``, ``numpy.random``, ``torch`` and the current CUDA device, as types
    that ``torch.load(weights_only=True)`` accepts."""
    name, keys, *rest = np.random.get_state()
    return dict(
        python=random.getstate(),
        # int64, because older PyTorch versions lack uint32.
        numpy=(name, torch.from_numpy(keys.astype(np.int64)), *rest),
        torch=torch.get_rng_state(),
        cuda=torch.cuda.get_rng_state() if torch.cuda.is_available() else None)


def set_rng_state(states: dict) -> None:
    """Restore the result of :func:`get_rng_state`."""
    random.setstate(states['python'])
    name, keys, *rest = states['numpy']
    np.random.set_state((name, keys.cpu().numpy().astype(np.uint32), *rest))
    # On resume, checkpoint tensors are on the device, but RNG states must be on the CPU.
    torch.set_rng_state(states['torch'].cpu())
    if states['cuda'] is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(states['cuda'].cpu())


def seed_rngs(*entropy: int) -> None:
    """Seed ``random``, ``numpy.random`` and ``torch`` on the CPU."""
    words = np.random.SeedSequence(entropy).generate_state(4)
    random.seed(words.tobytes())
    np.random.seed(words)
    torch.default_generator.manual_seed(int(words[:2].view(np.uint64)[0]))


@contextmanager
def preserve_rng_state() -> Iterator[None]:
    """Restore the RNG state on exit."""
    states = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(states)
