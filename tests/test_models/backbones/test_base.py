"""Encoder interface: flags, size checks, observations and errors."""
import pytest
import torch

from mmguided.models import (
    DenseHybridViT,
    DenseViT,
    MaskedConvNeXt,
    MaskedHybridViT,
    MaskedSwin,
    MaskedViT,
)
from mmguided.models.backbones.base import check_wants
from mmguided.structures import PatchMask, Wants
from mmguided.utils.errors import ConfigError
from tests.helpers.models import as_trained, expand, pixels_that_reach

VIT = dict(embed_dims=16, num_layers=2, num_heads=2, feedforward_channels=32)
HYBRID = dict(VIT, stage_dims=(8, 12), stage_depths=(2, 1))
CONVNEXT = dict(arch=dict(depths=[2, 1], channels=[8, 16]), out_indices=(1, ), use_grn=True,
                layer_scale_init_value=0.)
# All have two layers and 2 x 3 patches of 8 pixels, except for patches of 4 and 16.
ENCODERS = dict(
    vit=lambda: MaskedViT(VIT, (16, 24), 8),
    hybrid=lambda: MaskedHybridViT(HYBRID, (16, 24), strides=(2, 2, 2)),
    swin=lambda: MaskedSwin(
        dict(embed_dims=8, depths=[1, 1], num_heads=[1, 2]), (16, 24), window_size=2,
        out_indices=(1, ), mask_stages=(0, 1)),
    convnext=lambda: MaskedConvNeXt(img_size=(16, 24), **CONVNEXT))
VARIANTS = ENCODERS | dict(
    hybrid_4=lambda: MaskedHybridViT(HYBRID, (8, 12), strides=(2, 2, 1)),
    hybrid_16=lambda: MaskedHybridViT(HYBRID, (32, 48), strides=(4, 2, 2)),
    convnext_16=lambda: MaskedConvNeXt(
        img_size=(32, 48), stem_patch_size=8, linear_pw_conv=False, **CONVNEXT))


def encoder(name):
    model = as_trained(VARIANTS[name](), .2)
    model.eval()  # SwinTransformer returns None
    return model


def mask_of(keep, *shots):
    return PatchMask.from_ids(torch.rand(2, 6).argsort(1), ((0, keep), *shots), (2, 3))


@pytest.mark.parametrize('shots', [[], [(1, 1)]])
@pytest.mark.parametrize('name', VARIANTS)
def test_masked_pixels_reach_no_latent(name, shots):
    model, mask = encoder(name), mask_of(3, *shots)
    images = torch.randn(2, 3, 2 * model.patch_size, 3 * model.patch_size)
    hidden = expand(mask.mask_at(0), mask.grid, model.patch_size)
    with torch.no_grad():
        before = model(images, mask)
        for other in (1e4 * torch.randn_like(images), torch.full_like(images, torch.inf)):
            assert torch.equal(model(torch.where(hidden, other, images), mask), before)
    if not shots:  # the second of two shots may mask all patches that a patch has influenced
        assert torch.equal(pixels_that_reach(model, images, mask), ~hidden)


@pytest.mark.parametrize('name', ['vit', 'hybrid'])
def test_patches_are_embedded_independently_where_the_flag_says_so(name):
    model, images = encoder(name), torch.randn(1, 3, 16, 24)
    changed = images.clone()
    changed[..., :8, :8] += 1  # the first patch
    before, after = (model.embed(x) for x in (images, changed))
    if name == 'hybrid':
        before, after = before.patches, after.patches
    touched = (before != after).any(-1)[0]
    assert touched[0] and touched[1:].any() != model.patches_are_independent


@pytest.mark.parametrize('name', ENCODERS)
def test_sizes_are_checked_height_first(name):
    model = encoder(name)
    assert model.check_size(32, 8) == (4, 1) == model.patch_grid(torch.empty(1, 3, 32, 8))
    for height, width in ((20, 24), (24, 20)):
        with pytest.raises(ConfigError, match=f'8 pixels do not divide.* {height} x {width} '):
            model(torch.zeros(2, 3, height, width), mask_of(2))


QUESTIONS = dict(
    tokens=Wants(tokens=True),
    attention=Wants(attention=frozenset({(None, 'heads')})),
    relations=Wants(relations=frozenset({0})))


@pytest.mark.parametrize('field', QUESTIONS)
@pytest.mark.parametrize('name', ['swin', 'convnext'])
def test_an_encoder_that_cannot_be_observed_says_so(name, field):
    model = encoder(name)
    with pytest.raises(ConfigError, match=f'backbone.type={type(model).__name__}: .*{field}'):
        model.check_wants(QUESTIONS[field])


def test_errors_name_who_asks_and_whom():
    encoders = dict(student=encoder('vit'), momentum=encoder('swin'))
    tokens = Wants(tokens=True)
    check_wants('head.source', dict(student=tokens), encoders)
    with pytest.raises(ConfigError, match=(
            r"head.source='teacher': .*\['momentum', 'student'\].*"
            r"model.teacher=dict\(type='mmguided.OpenCLIPTeacher', \.\.\.\)\.$")):
        check_wants('head.source', dict(student=tokens, teacher=tokens), encoders)
    with pytest.raises(ConfigError, match="^head.source='momentum': .*MaskedSwin"):
        check_wants('head.source', dict(momentum=tokens), encoders)
    with pytest.raises(ConfigError, match=r"model.momentum_encoder=dict\(type="):
        check_wants('head.source', dict(momentum=tokens), dict(student=encoder('vit')))


SWIN = dict(arch=dict(embed_dims=24, depths=[2, 2, 2, 2], num_heads=[2, 2, 4, 4]), img_size=64)


@pytest.mark.parametrize('kind, kwargs, said', [
    (MaskedViT, dict(img_size=30), 'backbone.patch_size: .*8 pixels.*30 x 30'),
    (MaskedViT, dict(with_cls_token=False), 'with_cls_token=False'),
    (MaskedViT, dict(arch='giant'), "backbone.arch='giant'.*'tiny', 'small'"),
    (MaskedHybridViT, dict(arch='large'), r"backbone.arch='large'.*\['base'\]"),
    (MaskedHybridViT, dict(img_size=30), 'backbone.strides: .*8 pixels.*30 x 30'),
    (MaskedHybridViT, dict(strides=(4, 2)), r'strides=\(4, 2\).*stage_dims=\(8, 12\)'),
    (MaskedHybridViT, dict(arch=dict(HYBRID, stage_depths=(2, ))), r'stage_depths=\(2,\)'),
    (MaskedHybridViT, dict(patch_size=16), 'backbone.patch_size=16.*strides'),
    (DenseHybridViT, dict(out_indices=(3, )), r'out_indices=\(3,\)'),
    (DenseViT, dict(window_size=0), 'window_size=0'),
    (DenseViT, dict(window_size=(14, 14)), r'window_size=\(14, 14\)'),
    (DenseViT, dict(window_size=3, global_blocks=[4]), r'global_blocks=\[4\].*0\.\.1'),
    (DenseViT, dict(out_indices=(0, 2)), r'out_indices=\[0, 2\].*0\.\.1'),
    (DenseViT, dict(out_indices=(1, 0)), r'out_indices=\(1, 0\).*ascending'),
    (DenseViT, dict(out_indices=(1, -1)), r'out_indices=\(1, -1\)'),
    (DenseViT, dict(out_indices=()), r'out_indices=\(\)'),
    (DenseViT, dict(frozen_stages=7), 'frozen_stages=7.* 2 '),
    (MaskedSwin, dict(mask_stages=(0, 4)), r'backbone.mask_stages=\(0, 4\): stage 4.*0\.\.3'),
    (MaskedSwin, dict(img_size=112), '32 pixels.*112 x 112'),
    (MaskedSwin, dict(out_indices=(0, 1)), r'backbone.out_indices=\(0, 1\).* 3'),
    (MaskedSwin, dict(use_abs_pos_embed=True), 'backbone.use_abs_pos_embed=True'),
    (MaskedSwin, dict(patch_cfg=dict(kernel_size=7)), r'backbone.patch_cfg.*\(7, 7\).*\(4, 4\)'),
    (MaskedConvNeXt, dict(arch='giant'), r"backbone.arch='giant'.*\['atto'"),
    (MaskedConvNeXt, dict(img_size=(64, 80)), '32 pixels.*64 x 80'),
])
def test_arguments_that_do_not_fit_are_named(kind, kwargs, said):
    default = dict(img_size=32)
    if issubclass(kind, MaskedHybridViT):
        default |= dict(arch=dict(HYBRID), strides=(2, 2, 2))
    elif issubclass(kind, MaskedViT):
        default |= dict(arch=dict(VIT), patch_size=8)
    elif kind is MaskedSwin:
        default = SWIN
    with pytest.raises(ConfigError, match=said):
        kind(**default | kwargs)
