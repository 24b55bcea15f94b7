"""worker_init_fn keeps the seeds; its purpose is tested with RNGStateHook."""
import torch

from mmguided.datasets import worker_init_fn


def test_worker_init_fn_keeps_the_seeds_of_pytorch():
    torch.manual_seed(3)
    expected = torch.get_rng_state()
    worker_init_fn(1)
    assert torch.equal(torch.get_rng_state(), expected)
