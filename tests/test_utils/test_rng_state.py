"""RNG state: preserved across draws."""
import random

import numpy as np
import pytest
import torch

from mmguided.utils.rng_state import preserve_rng_state


def draw():
    return random.random(), np.random.rand(), np.random.randn(), torch.rand(()).item()


def test_states_are_kept():
    np.random.randn()  # leaves a second number to give out
    with preserve_rng_state():
        expected = draw()
    with pytest.raises(KeyError), preserve_rng_state():
        draw(), random.seed(1), np.random.seed(1), torch.manual_seed(1)
        raise KeyError
    assert draw() == expected
