"""Counters of FLOPs, operations and saved memory."""
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mmguided.analysis.cost import OperationCounter, SavedTensors, flop_counter
from mmguided.registry import MODELS


@pytest.mark.parametrize('side', [224, 448])
def test_flops_of_a_block_of_vit_b_include_attention(side):
    """The backward pass of attention has five products, the forward pass two; images need no
    gradient."""
    arch = dict(embed_dims=768, num_layers=1, num_heads=12, feedforward_channels=3072)
    encoder = MODELS.build(dict(
        type='mmpretrain.VisionTransformer', arch=arch, img_size=side, patch_size=16))
    with flop_counter() as counter:
        encoder(torch.randn(1, 3, side, side))[0].sum().backward()
    patches = (side // 16)**2
    embedding, linear = 2 * patches * 768**2, 12 * (patches + 1) * 768**2
    attention = 7 * (patches + 1)**2 * 768
    assert counter.get_total_flops() == 2 * (embedding + 3 * linear + attention)


def test_operations_are_counted_by_part_and_without_views():
    x = torch.randn(4, 4)
    with OperationCounter() as counter:
        y = x.t().reshape(16)[:8] * 2
        counter.part = 'sum'
        y.sum().item()
    assert counter.counts == {
        ('', 'clone'): 1, ('', 'mul'): 1, ('sum', 'sum'): 1, ('sum', '_local_scalar_dense'): 1}


def test_saved_bytes_count_shared_storage_once_and_no_parameters():
    layer, x = nn.Linear(8, 8, bias=False), torch.randn(2, 8, requires_grad=True)
    saved = SavedTensors(layer)
    with saved:
        y = layer(x)  # saves x
        F.silu(y).sum() + (y * y).sum()  # both save y
    assert saved.bytes == 4 * (2 * 8 + 2 * 8)
