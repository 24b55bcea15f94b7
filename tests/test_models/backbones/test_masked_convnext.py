"""MaskedConvNeXt: no leak of masked units; parity with mmpretrain without a mask."""
import pytest
import torch
import torch.nn.functional as F
from mmpretrain.models import ConvNeXt
from torch import nn

from mmguided.models import MaskedConvNeXt
from mmguided.registry import MODELS
from mmguided.structures import PatchMask
from tests.helpers.models import (
    as_trained,
    expand,
    grad_norms,
    gradients_in_two_precisions,
    patch_mask,
)

ARCH = dict(depths=[2, 1, 2, 1], channels=[8, 12, 16, 20])
V2 = dict(use_grn=True, layer_scale_init_value=0.)
SIZE, GRID = (64, 96), (2, 3)
ONE_SHOT, TWO_SHOTS = ((0, 3), ), ((0, 4), (3, 2))


def encoder(size=SIZE, **kwargs):
    return as_trained(MaskedConvNeXt(ARCH, size, **(V2 | kwargs)), .2)


def random_mask(shots=ONE_SHOT, units=6, batch=2, grid=GRID):
    return PatchMask.from_ids(torch.rand(batch, units).argsort(1), shots, grid)


def test_weight_gradients_do_not_see_masked_units():
    model, mask, images = encoder(), random_mask(), torch.randn(2, 3, *SIZE)
    hidden, grads = expand(mask.mask_at(0), GRID, 32), []
    for filling in (images, torch.full_like(images, torch.nan)):
        model.zero_grad()
        model(torch.where(hidden, filling, images), mask).square().sum().backward()
        grads.append([p.grad for p in model.parameters() if p.requires_grad])
    assert all(map(torch.equal, *grads))


def sparse_convnext(model, image, shots):
    """Reference network for a set of positions, one by one: ``{(y, x): features}``.

    Args:
        image: ``(3, H, W)``.
        shots: Present units ``(row, column)`` in each stage.
    """

    def block(part, x):
        kernel = part.depthwise_conv.weight[:, 0]
        mixed = []
        for row, column in x:
            total = part.depthwise_conv.bias
            for i in range(7):
                for j in range(7):
                    if (neighbor := (row + i - 3, column + j - 3)) in x:
                        total = total + kernel[:, i, j] * x[neighbor]
            mixed.append(total)
        mixed = F.layer_norm(torch.stack(mixed), part.norm.normalized_shape, part.norm.weight,
                             part.norm.bias, 1e-6)
        mixed = F.gelu(F.linear(mixed, part.pointwise_conv1.weight, part.pointwise_conv1.bias))
        norms = mixed.square().sum(0).sqrt()
        mixed = mixed + part.grn.beta + part.grn.gamma * mixed * norms / (norms.mean() + 1e-6)
        mixed = F.linear(mixed, part.pointwise_conv2.weight, part.pointwise_conv2.bias)
        return {place: x[place] + out for place, out in zip(x, mixed, strict=True)}

    def norm(part, x):
        return F.layer_norm(x, part.normalized_shape, part.weight, part.bias, 1e-6)

    stem, stem_norm = model.downsample_layers[0]
    x = {}
    for row in range(image.shape[1] // 4):
        for column in range(image.shape[2] // 4):
            square = image[:, 4 * row:4 * row + 4, 4 * column:4 * column + 4]
            x[row, column] = norm(stem_norm, (stem.weight * square).sum((1, 2, 3)) + stem.bias)
    for i, (stage, present, side) in enumerate(zip(model.stages, shots, (8, 4, 2, 1),
                                                   strict=True)):
        if i:
            first, conv = model.downsample_layers[i]
            x = {(row // 2, column // 2): conv.bias + sum(
                    conv.weight[:, :, a, b] @ norm(first, x[row + a, column + b])
                    for a in (0, 1) for b in (0, 1))
                 for row, column in x if row % 2 == column % 2 == 0}
        x = {place: value for place, value in x.items()
             if (place[0] // side, place[1] // side) in present}
        for part in stage:
            x = block(part, x)
    return x


@pytest.mark.parametrize('shots', [((0, 3), ), ((0, 3), (2, 2)), ((1, 2), (3, 1))])
@torch.no_grad()
def test_it_is_a_sparse_network(shots):
    """Images are processed independently: GRN shares no statistics."""
    model, images = encoder((64, 64)), torch.randn(2, 3, 64, 64)
    mask = random_mask(shots, 4, 2, (2, 2))
    for b, (image, ours) in enumerate(zip(images, model(images, mask), strict=True)):
        present = [{divmod(unit, 2) for unit in (~mask.mask_at(i)[b]).nonzero().flatten().tolist()}
                   for i in range(4)]
        expected = sparse_convnext(model, image, present)
        assert len(expected) == shots[-1][1]
        for (row, column), value in expected.items():
            torch.testing.assert_close(ours[2 * row + column], value, rtol=1e-4, atol=1e-4)
        assert (ours != 0).any(1).sum() == len(expected)


VARIANTS = [
    V2, {}, V2 | dict(out_indices=(0, 2, 3), gap_before_final_norm=False),
    V2 | dict(linear_pw_conv=False), dict(layer_scale_init_value=.5, stem_patch_size=2)
]


@pytest.mark.parametrize('kwargs', VARIANTS)
def test_unmasked_and_by_its_weights_it_is_mmpretrains(kwargs):
    model = as_trained(MaskedConvNeXt(ARCH, SIZE, **kwargs), .2)
    theirs = ConvNeXt(ARCH, **kwargs)
    keys = theirs.load_state_dict(model.state_dict(), strict=False)
    assert not keys.missing_keys and not keys.unexpected_keys
    images = torch.randn(2, 3, 70, 90)  # no multiple of a unit
    outs = model(images), theirs(images)
    assert all(map(torch.equal, *outs)) and len(outs[0]) == len(outs[1]) > 0


@pytest.mark.parametrize('kwargs', VARIANTS)
def test_a_mask_that_hides_nothing_changes_nothing(kwargs):
    model = as_trained(
        MaskedConvNeXt(ARCH, SIZE, **(kwargs | dict(gap_before_final_norm=False))), .2)
    units = SIZE[0] * SIZE[1] // model.patch_size**2
    images, order = torch.randn(2, 3, *SIZE), torch.rand(2, units)
    unmasked = model(images)[-1]
    masked = model(images, patch_mask(order, units, model.patch_resolution)).transpose(1, 2)
    masked = model.norm3(masked.unflatten(2, model.patch_resolution))
    torch.testing.assert_close(masked, unmasked, rtol=1e-5, atol=1e-4)


def test_checkpointing_and_stochastic_depth():
    images, mask = torch.randn(2, 3, *SIZE), random_mask(TWO_SHOTS)
    plain = encoder(drop_path_rate=.5)
    saving = MaskedConvNeXt(ARCH, SIZE, drop_path_rate=.5, with_cp=True, **V2)
    saving.load_state_dict(plain.state_dict())
    outs, norms = [], []
    for model in (plain, saving):
        torch.manual_seed(1)
        outs.append(model(images, mask))
        outs[-1].square().sum().backward()
        norms.append(grad_norms(model))
    assert torch.equal(*outs) and norms[0] == norms[1]
    plain.eval()
    assert not torch.equal(plain(images, mask), outs[0]), 'in training blocks are left out'


def fcmae():
    model = MODELS.build(dict(
        type='mmguided.MAE',
        backbone=dict(type='mmguided.MaskedConvNeXt', arch=ARCH, img_size=96, **V2),
        mask_generator=dict(type='mmguided.MaskGenerator', shots=[(0, .4), (3, .4)]),
        neck=dict(type='mmguided.ConvNeXtDecoder', embed_dims=24),
        target_generator=dict(type='mmguided.PixelTarget'),
        head=dict(
            type='mmguided.ReconstructionHead',
            init_cfg=dict(type='TruncNormal', layer='Linear', std=.02))))
    model.init_weights()
    return model.train()


def test_fcmae_trains_every_parameter_but_the_norms_of_the_outputs():
    model = fcmae()
    frozen = {name for name, p in model.named_parameters() if not p.requires_grad}
    assert frozen == {'backbone.norm3.weight', 'backbone.norm3.bias'}
    gradients_in_two_precisions(model, torch.randn(2, 3, 96, 96))


def test_initialization_is_convnexts():
    model = fcmae()
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            assert module.weight.std().item() == pytest.approx(.02, rel=.25)
            assert module.weight.abs().max() < .11 and module.bias.abs().max() == 0
    assert model.neck.mask_token.std().item() == pytest.approx(.02, rel=.5)


def test_units_are_the_stride_of_the_encoder():
    model = MaskedConvNeXt('base', **V2)
    assert (model.patch_size, model.patch_resolution) == (32, (7, 7))
    assert (model.embed_dims, model.num_layers) == (1024, 4)
    assert sum(p.numel() for p in model.parameters()) == 87_692_800
    three = dict(depths=[1, 1, 1], channels=[4, 4, 4])
    small = MaskedConvNeXt(three, (16, 24), stem_patch_size=2, out_indices=[2])
    assert (small.patch_size, small.patch_resolution, small.num_layers) == (8, (2, 3), 3)
    out = small(torch.randn(1, 3, 16, 24), random_mask(((0, 4), (2, 3)), batch=1))
    assert out.shape == (1, 6, 4) and (out != 0).any(-1).sum() == 3
