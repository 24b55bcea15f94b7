"""SyncBatchNorm in one process; see selfsup/test_distributed.py for two."""
import pytest
import torch

from mmguided.models import SyncBatchNorm
from mmguided.models.layers import sync_batch_norm


def test_evaluation_waits_for_no_other_process(monkeypatch):
    layer = SyncBatchNorm(3)
    monkeypatch.setattr(
        sync_batch_norm, 'all_gather_with_grad', lambda x: pytest.fail('gathered'))
    with pytest.raises(pytest.fail.Exception):
        layer(torch.randn(4, 3))
    assert layer.eval()(torch.randn(1, 3)).shape == (1, 3)
