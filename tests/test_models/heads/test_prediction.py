"""Prediction heads: input state, loss by hand, errors."""
import pytest
import torch
import torch.nn.functional as F

from mmguided.models import PredictionHead, ReconstructionHead
from mmguided.utils.errors import ConfigError


def identity_head(**kwargs) -> ReconstructionHead:
    """Head that predicts its input."""
    head = ReconstructionHead(in_dims=2, out_dims=2, depth=0, **kwargs)
    head.decoder_pred = torch.nn.Identity()
    return head


def test_reconstruction_by_hand():
    pred = torch.zeros(1, 3, 2)
    target = torch.tensor([[[1., 3.], [9., 9.], [2., 0.]]])
    mask = torch.tensor([[1., 0., 1.]])
    # (1 + 9) / 2 = 5 and (4 + 0) / 2 = 2 on the masked patches; the visible one counts nothing.
    assert identity_head()([pred], target, mask).item() == 3.5
    # (1 + 3) / 2 = 2 and (2 + 0) / 2 = 1.
    assert identity_head(loss='l1', loss_weight=2)([pred], target, mask).item() == 3.
    weights = torch.tensor([[1., 0., 3.]])  # the last patch counts thrice
    target = torch.tensor([[[1., -3.], [9., 9.], [2., 0.]]])
    assert identity_head(loss='l1')([pred], target, weights).item() == 1.25
    assert identity_head()([pred], target, weights).item() == (5 + 3 * 2) / 4
    coarse = torch.full((1, 1, 2), 1.001, dtype=torch.bfloat16)
    assert identity_head().errors([coarse], torch.ones(1, 1, 2)).dtype == torch.float32
    with pytest.raises(ConfigError, match="head.loss='l3'"):
        identity_head(loss='l3')


def test_the_last_state_is_read_as_it_is_and_an_inner_one_after_a_norm():
    states = [torch.randn(2, 5, 8) for _ in range(4)]
    last = PredictionHead(in_dims=8, out_dims=3, depth=3)
    torch.testing.assert_close(
        last.predict(states), F.linear(states[3], *last.decoder_pred.parameters()))
    inner = PredictionHead(in_dims=8, out_dims=3, depth=3, block=2)
    normed = F.layer_norm(states[2], (8, ), eps=1e-6)
    torch.testing.assert_close(
        inner.predict(states), F.linear(normed, *inner.decoder_pred.parameters()))
    assert PredictionHead(in_dims=8, out_dims=3, depth=3, block=3).state_dict().keys() == (
        last.state_dict().keys()), 'the last block has no second norm'


@pytest.mark.parametrize('block', [0, 4, -1])
def test_there_must_be_such_a_block(block):
    with pytest.raises(ConfigError, match=rf'block={block}: .*1\.\.3'):
        PredictionHead(in_dims=8, out_dims=3, depth=3, block=block)


def test_initial_weights_are_maes_unless_a_config_says_otherwise():
    torch.manual_seed(0)
    head = ReconstructionHead(in_dims=32, out_dims=64, depth=1)
    head.init_weights()
    bound = (6 / (32 + 64))**.5
    assert .9 * bound < head.decoder_pred.weight.abs().max() <= bound
    assert head.decoder_pred.bias.abs().max() == 0
    other = ReconstructionHead(in_dims=32, out_dims=64, depth=1, init_cfg=dict(
        type='TruncNormal', layer='Linear', std=.02))
    other.init_weights()
    assert .015 < other.decoder_pred.weight.std() < .025
