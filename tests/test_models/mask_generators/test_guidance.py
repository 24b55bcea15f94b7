"""Guidance: what it asks for, what it makes of the answer, errors."""
import pytest
import torch

from mmguided.models import ClsAttention, MaskedSwin, MaskedViT, MaskGenerator
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
    torch.testing.assert_close(ClsAttention()(seen), total)
    torch.testing.assert_close(ClsAttention(reduce='mean')(seen), total / 3)
    torch.testing.assert_close(ClsAttention(layers=[-1])(seen), rows[2, 'heads'])
    torch.testing.assert_close(
        ClsAttention(layers=[2, 0])(seen), rows[0, 'heads'] + rows[2, 'heads'])


def test_layers_of_another_guidance_in_the_same_pass_do_not_count():
    encoder, images = vit(), torch.randn(2, 3, 8, 8)
    last, every = ClsAttention(layers=[-1]), ClsAttention()
    clock = Clock()
    both = last.wants(clock)['student'] | every.wants(clock)['student']
    alone = dict(student=encoder.observe(images, last.wants(clock)['student']))
    torch.testing.assert_close(last(dict(student=encoder.observe(images, both))), last(alone))


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
