"""Mixed precision on CPUs."""
import torch
import torch.nn.functional as F
from mmengine.optim import build_optim_wrapper
from torch import nn


def attention_kernel() -> str:
    query = torch.randn(1, 2, 4, 8, dtype=torch.bfloat16, requires_grad=True)
    attended = F.scaled_dot_product_attention(query, query, query)
    return attended.grad_fn.name()


def test_forward_is_bfloat16_without_flash_attention():
    model = nn.Linear(4, 3)
    wrapper = build_optim_wrapper(model, dict(
        type='mmguided.CPUAmpOptimWrapper', optimizer=dict(type='SGD', lr=.1)))
    before = model.weight.detach().clone()
    with wrapper.optim_context(model):
        result = model(torch.randn(2, 4))
        assert result.dtype == torch.bfloat16
        assert 'Flash' not in attention_kernel()
    assert 'Flash' in attention_kernel()
    wrapper.update_params(result.square().sum())
    assert model.weight.dtype == torch.float32 and (model.weight != before).all()
