"""MomentumEncoder: EMA by hand, state dict, schedule, errors."""
import copy
import math

import pytest
import torch
from torch import nn

from mmguided.models import MaskedViT, MomentumEncoder
from mmguided.structures import Clock
from mmguided.utils.errors import ConfigError
from tests.helpers.models import as_trained, tokens


def vit(**kwargs):
    arch = dict(embed_dims=8, num_layers=2, num_heads=2, feedforward_channels=16)
    return as_trained(MaskedViT(arch, 16, 4, **kwargs))


def test_each_update_keeps_mu_of_the_average():
    source = vit()
    momentum = MomentumEncoder(source)
    expected = {k: p.detach().clone() for k, p in source.named_parameters()}
    for mu in (.9, .5, .9):
        as_trained(source)
        online = copy.deepcopy(source.state_dict())
        momentum.update(mu)
        assert all(torch.equal(value, online[k]) for k, value in source.state_dict().items())
        for name, parameter in source.named_parameters():
            expected[name] = mu * expected[name] + (1 - mu) * parameter.detach()
    averaged = dict(momentum.encoder.named_parameters())
    assert averaged.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(averaged[name], value, msg=name)
        assert not averaged[name].requires_grad and averaged[name].grad is None


def test_a_module_that_is_added_later_is_averaged_from_then_on():
    momentum = MomentumEncoder(vit())
    momentum.update(.9)
    source = nn.Linear(2, 2)
    added = momentum.add_ema(source)
    start = added.weight.clone()
    as_trained(source, 1.)
    momentum.update(.9)
    torch.testing.assert_close(added.weight, .9 * start + .1 * source.weight.detach())
    assert not added.weight.requires_grad
    momentum.reset()
    assert torch.equal(added.weight, source.weight)


@pytest.mark.parametrize('update_buffers', [False, True])
def test_buffers_are_its_own_unless_asked(update_buffers):
    source = vit()
    source.norm = nn.BatchNorm1d(1)
    momentum = MomentumEncoder(source, .9, update_buffers=update_buffers)
    source.norm.running_mean += 1
    source.norm.num_batches_tracked += 3
    momentum.update(.9)
    norm = momentum.encoder.norm
    expected = (.1, 3) if update_buffers else (0, 0)
    assert (norm.running_mean.item(), norm.num_batches_tracked.item()) == pytest.approx(expected)
    momentum.reset()
    assert norm.running_mean.item() == 1 and norm.num_batches_tracked == 3


def test_initializing_it_changes_nothing():
    momentum = MomentumEncoder(vit())
    before = {k: v.clone() for k, v in momentum.state_dict().items()}
    momentum.init_weights()
    assert all(torch.equal(v, before[k]) for k, v in momentum.state_dict().items())


def test_without_final_norm_its_tokens_are_those_of_the_last_block():
    source, images = vit(), torch.randn(2, 3, 16, 16)
    momentum = MomentumEncoder(source, final_norm=False)
    assert not any(k.startswith('encoder.ln1.') for k in momentum.state_dict())
    raw = tokens(momentum.encoder, images)
    torch.testing.assert_close(source.ln1(raw), tokens(source, images))
    assert source.final_norm, 'the encoder that is trained keeps its own'
    momentum.update(.5)


def test_momentum_follows_a_cosine_from_its_start_to_its_end():
    momentum, clock = MomentumEncoder(vit(), .9, end_momentum=1.), Clock()
    assert momentum.momentum_at(clock) == pytest.approx(.9), 'before a run'
    for progress in (0, .25, .5, 1):
        clock.set(100 * progress, max_epochs=100)
        expected = 1 - .1 * (math.cos(math.pi * progress) + 1) / 2
        assert momentum.momentum_at(clock) == pytest.approx(expected)
    assert MomentumEncoder(vit(), .9).momentum_at(clock) == pytest.approx(.9), 'constant'


@pytest.mark.parametrize('kwargs, said', [
    (dict(momentum=1.5), 'momentum_encoder.momentum=1.5'),
    (dict(end_momentum=-.1), 'momentum_encoder.end_momentum=-0.1'),
])
def test_a_momentum_must_be_a_share(kwargs, said):
    with pytest.raises(ConfigError, match=said):
        MomentumEncoder(vit(), **kwargs)


def test_an_encoder_may_have_no_final_norm():
    with pytest.raises(ConfigError, match='momentum_encoder.final_norm=True.*backbone.final_norm'):
        MomentumEncoder(vit(final_norm=False))
    assert not MomentumEncoder(vit(final_norm=False), final_norm=False).encoder.final_norm
