"""Guidance: what it asks for, what it makes of the answer, errors."""
import pytest
import torch

from mmguided.models import Blend, ClsAttention, MaskedSwin, MaskedViT, MaskGenerator
from mmguided.structures import Clock, Observation, Wants
from mmguided.utils.errors import ConfigError


def vit() -> MaskedViT:
    return MaskedViT(dict(embed_dims=8, num_layers=2, num_heads=2, feedforward_channels=8), 8, 4)


def test_it_asks_for_its_layers_and_reduces_them():
    wants = ClsAttention('momentum', layers=[0, -1], softmax=None).wants(Clock())
    assert wants == dict(momentum=Wants(attention=frozenset({(0, None), (-1, None)})))
    rows = {(i, 'heads'): torch.rand(3, 4) for i in range(3)}
    seen = dict(student=Observation(3, attention=rows))
    total = sum(rows.values())
    torch.testing.assert_close(ClsAttention()(seen, Clock()), total)
    torch.testing.assert_close(ClsAttention(reduce='mean')(seen, Clock()), total / 3)
    torch.testing.assert_close(ClsAttention(layers=[-1])(seen, Clock()), rows[2, 'heads'])
    torch.testing.assert_close(
        ClsAttention(layers=[2, 0])(seen, Clock()), rows[0, 'heads'] + rows[2, 'heads'])


def test_layers_of_another_guidance_in_the_same_pass_do_not_count():
    encoder, images = vit(), torch.randn(2, 3, 8, 8)
    last, every = ClsAttention(layers=[-1]), ClsAttention()
    clock = Clock()
    both = last.wants(clock)['student'] | every.wants(clock)['student']
    alone = dict(student=encoder.observe(images, last.wants(clock)['student']))
    seen = dict(student=encoder.observe(images, both))
    torch.testing.assert_close(last(seen, clock), last(alone, clock))


@pytest.mark.parametrize('guidance, said', [
    (dict(source='teacher'), "guidance.source='teacher' is unknown.*choose from .'student'"),
    (dict(layers=[2]),
     r"guidance.source='student': layers: layer 2 is out of range.*2 layers.*-2\.\.1"),
    (dict(layers=[]), r'guidance.layers=\[\]'),
    (dict(reduce='max'), "reduce='max'"),
    (dict(softmax=True), 'softmax=True'),
])
def test_guidance_errors(guidance, said):
    with pytest.raises(ConfigError, match=said):
        MaskGenerator(
            dict(type='mmguided.TopKSampling'), dict(type='mmguided.ClsAttention', **guidance),
            .5).check(dict(student=vit()), (2, 2))


def test_an_encoder_without_cls_is_told():
    swin = MaskedSwin(dict(embed_dims=8, depths=[1], num_heads=[1]), 8, window_size=2,
                      patch_size=4, out_indices=(0, ))
    with pytest.raises(ConfigError, match='MaskedSwin cannot be asked for its attention'):
        ClsAttention().check(dict(student=swin))


SOURCES = [dict(type='mmguided.ClsAttention', source=name, layers=[-1])
           for name in ('momentum', 'teacher')]
STAGES = dict(start=0., end=.3, begin=2)


def at(epoch, max_epochs=8):
    clock = Clock()
    clock.set(epoch, max_epochs)
    return clock


def test_blend_is_eq_3_by_hand():
    student, teacher = torch.tensor([[1., 3.]]), torch.tensor([[.2, .2]])
    seen = dict(momentum=Observation(1, attention={(0, 'heads'): student}),
                teacher=Observation(1, attention={(0, 'heads'): teacher}))
    # .3 * (.25, .75) + .7 * (.5, .5)
    scores = Blend(SOURCES, [.3])(seen, Clock())
    torch.testing.assert_close(scores, torch.tensor([[.425, .575]]))
    torch.testing.assert_close(Blend(SOURCES, [.3, .7])(seen, Clock()), scores)
    for alpha, pure in ((0., teacher), (1., student)):
        torch.testing.assert_close(Blend(SOURCES, [alpha])(seen, Clock()), pure / pure.sum())
    assert scores.sum() == pytest.approx(1)


def test_an_encoder_without_weight_is_not_asked():
    blend = Blend(SOURCES, [STAGES])
    assert blend.weights_at(at(1.9)) == [0, 1]
    assert blend.weights_at(at(2)) == pytest.approx([.3, .7])
    assert set(blend.wants(at(1.9))) == {'teacher'}
    assert set(blend.wants(at(2))) == blend.sources == {'momentum', 'teacher'}
    assert blend.is_scheduled and not Blend(SOURCES, [.3]).is_scheduled
    assert set(Blend(SOURCES, [1.]).wants(at(0))) == {'momentum'}


@pytest.mark.parametrize('weights, logits, message', [
    ([], False, '0 weights for 2 guidances'),
    ([.3, .3, .4], False, '3 weights for 2 guidances'),
    ([1.3], False, 'give a number from 0 to 1'),
    ([dict(start=0, stop=1)], False, 'give start and end'),
    ([.3], True, "set guidance.softmax='heads'"),
])
def test_a_blend_that_cannot_be_is_refused(weights, logits, message):
    sources = [dict(source, softmax=None) for source in SOURCES] if logits else SOURCES
    with pytest.raises(ConfigError, match=message):
        Blend(sources, weights)


def test_weights_leave_something_for_a_last_one_that_is_left_out():
    with pytest.raises(ConfigError, match=r'weights=\[0.7, 0.6\]: together up to 1.3'):
        Blend([*SOURCES, SOURCES[0]], [.7, .6])
    assert Blend([*SOURCES, *SOURCES], [.1, .2, .7]).weights_at(Clock())[-1] == 0
    assert Blend([*SOURCES, SOURCES[0]], [.7, .6, .1]).weights_at(Clock()) == [.7, .6, .1]


def test_logits_are_refused_where_scores_must_be_shares():
    with pytest.raises(ConfigError, match='ProportionalSampling needs scores of 0 or more'):
        MaskGenerator(sampling=dict(type='mmguided.ProportionalSampling'),
                      guidance=dict(type='mmguided.ClsAttention', softmax=None))
