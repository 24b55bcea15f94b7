"""SyncBatchNorm in one process; see selfsup/test_distributed.py for two."""
import pytest
import torch
from torch import nn

from mmguided.models import SyncBatchNorm
from mmguided.models.layers import sync_batch_norm


@pytest.mark.parametrize('training', [True, False])
def test_in_one_process_it_is_batch_norm(training):
    ours, theirs = SyncBatchNorm(3, eps=1e-3), nn.BatchNorm1d(3, eps=1e-3)
    with torch.no_grad():
        for layer in (ours, theirs):
            layer.weight.copy_(torch.tensor([.5, 1, 2]))
            layer.running_mean.fill_(.3)
            layer.train(training)
    results = []
    x = 2 * torch.randn(6, 3) + 1
    for layer in (ours, theirs):
        given = x.clone().requires_grad_()
        out = layer(given)
        (out * torch.arange(6.)[:, None]).sum().backward()
        results.append((out, given.grad, layer.weight.grad, *layer.buffers()))
    for mine, reference in zip(*results, strict=True):
        assert torch.equal(mine, reference)
    assert (ours.running_mean.mean() != .3) == training


def test_evaluation_waits_for_no_other_process(monkeypatch):
    layer = SyncBatchNorm(3)
    monkeypatch.setattr(
        sync_batch_norm, 'all_gather_with_grad', lambda x: pytest.fail('gathered'))
    with pytest.raises(pytest.fail.Exception):
        layer(torch.randn(4, 3))
    assert layer.eval()(torch.randn(1, 3)).shape == (1, 3)
