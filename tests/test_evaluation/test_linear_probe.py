"""The online linear probe equals torch modules."""
import torch
import torch.nn.functional as F
from torch import nn

from mmguided.evaluation import OnlineLinearProbe


def test_steps_equal_adam_with_batch_norm():
    probe = OnlineLinearProbe(5, 3, lr=.1)
    norm = nn.BatchNorm1d(5, affine=False, eps=1e-6)
    weight, bias = torch.zeros(3, 5), torch.zeros(3)
    for parameter in (weight, bias):
        parameter.requires_grad_()
    optimizer = torch.optim.Adam([weight, bias], .1)
    for _ in range(4):
        features, labels = 3 + 2 * torch.randn(8, 5), torch.arange(8) % 3
        logits = F.linear(norm(features), weight, bias)
        torch.testing.assert_close(probe.step(features, labels), logits.detach())
        optimizer.zero_grad()
        F.cross_entropy(logits, labels).backward()
        optimizer.step()
    torch.testing.assert_close(probe.linear.weight, weight)
    torch.testing.assert_close(probe.linear.bias, bias)
    query = 3 + 2 * torch.randn(20, 5)
    expected = F.linear(norm.eval()(query), weight, bias).argmax(1)
    assert torch.equal(probe.predict(query), expected)


def test_encoder_gradient_and_rng_state_are_unchanged():
    state = torch.get_rng_state()
    probe = OnlineLinearProbe(4, 2, lr=.1)
    encoder = nn.Parameter(torch.eye(4))
    with torch.no_grad():  # like hooks
        logits = probe.step(encoder, torch.tensor([0, 1, 0, 1]))
    assert torch.equal(torch.get_rng_state(), state)
    assert (logits == 0).all() and encoder.grad is None
    assert probe.linear.weight.abs().sum() > 0
