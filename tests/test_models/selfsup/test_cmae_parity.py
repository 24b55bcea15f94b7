"""CMAE against numbers of the released code: masks, encoders, losses, gradients, EMA."""
import math

import pytest
import torch

from mmguided.structures import Clock
from mmguided.utils.converters import cmae_from_released
from tests.helpers.models import (
    REMOVED_BY_BATCH_NORM,
    assert_close,
    build,
    generate,
    grad_norms,
    mask_ratio,
    patch_grid,
    recorded_mask,
    released_norms,
    released_state,
    tokens,
)

# The released code's normalization, with the statistics of one process.
BN = dict(type='BN1d', eps=1e-6)


def mlp(state, name, **widths):
    """Config of an MLP with the widths of the released one."""
    return dict(
        type='mmpretrain.NonLinearNeck',
        hid_channels=len(state[f'{name}.fc0.weight']),
        out_channels=len(state[f'{name}.fc1.weight']),
        with_bias=True,
        with_last_bn=False,
        with_avg_pool=False,
        norm_cfg=BN,
        **widths)


@pytest.fixture
def released(golden):
    numbers, geometry = golden('cmae')
    state = released_state(numbers)
    projector = mlp(state, 'projector')
    decoder = dict(
        type='mmguided.MAEDecoder',
        embed_dims=geometry['ddim'],
        depth=geometry['ddepth'],
        num_heads=geometry['dheads'])
    model = build(
        'CMAE',
        geometry,
        mask_generator=dict(
            type='mmguided.MaskGenerator',
            sampling=dict(
                type='mmguided.GridBlockSampling', block_size=block_size(numbers, geometry)),
            mask_ratio=mask_ratio(numbers, geometry, .65)),
        momentum_encoder=dict(
            type='mmguided.MomentumEncoder', momentum=0.996, final_norm=False),
        feature_decoder=decoder,
        feature_head=dict(type='mmguided.PredictionHead'),
        projector=projector,
        contrast_head=dict(
            type='mmguided.InfoNCEHead',
            temperature=0.07,
            temperature_scale=True,
            predictor=mlp(state, 'head.predictor', in_channels=projector['out_channels'])))
    model.load_state_dict(cmae_from_released(state), strict=True)
    # The state dict was recorded last, when the online encoder had been scaled for the average.
    scale(model.backbone, 1 / 1.01)
    return model, numbers


def scale(module, factor):
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(factor)


def block_size(numbers, geometry):
    """Side of a block in patches: the noise has one value per block."""
    return patch_grid(geometry)[0] // math.isqrt(numbers['noise'].shape[1])


def patch_noise(model, numbers):
    """Released block noise as patch noise for our sampler."""
    size, grid = model.mask_generator.shots[0].sampling.block_size, model.backbone.patch_resolution
    noise = torch.rand(len(numbers['noise']), *grid)
    blocks = noise[:, ::size, ::size]
    blocks.copy_(numbers['noise'].view_as(blocks))
    return noise.flatten(1)


def test_mask_and_ids(released):
    model, numbers = released
    mask, _ = generate(model.mask_generator, numbers['images'], model.backbone.patch_resolution,
                       noise=patch_noise(model, numbers))
    assert torch.equal(mask.mask, numbers['mask'])
    # Sorted by torch's unstable sort, as they do, the mask gives their ids too.
    assert torch.equal(mask.mask.argsort(dim=1).argsort(dim=1), numbers['ids_restore'])


def test_latents_of_both_encoders(released):
    model, numbers = released
    assert_close(model.backbone(numbers['images'], recorded_mask(model, numbers)),
                 numbers['latent_online'])
    assert_close(tokens(model.momentum_encoder.encoder, numbers['images_target']),
                 numbers['latent_target'])


def test_losses_and_every_gradient(released, monkeypatch):
    """With a different order of the visible patches, which must not matter."""
    model, numbers = released
    noise = patch_noise(model, numbers)
    monkeypatch.setattr(torch, 'rand', lambda *size, **kwargs: noise)
    target_images = numbers['images_target'].clone().requires_grad_()
    losses = model.loss([numbers['images'], target_images])
    assert_close(losses['loss_reconstruction'], numbers['loss_reconstruction'])
    assert_close(losses['loss_contrast'], numbers['loss_contrastive'])
    (losses['loss_reconstruction'] + losses['loss_contrast']).backward()
    assert target_images.grad is None

    ours, expected = grad_norms(model), released_norms(numbers, cmae_from_released)
    # Rounding: 1e-5 where 6 x 64 patches are added up, and more where there are more.
    zero = 1e-5 * max(1, numbers['mask'].numel() / (6 * 64))
    assert ours.keys() == expected.keys()
    for name, norm in expected.items():
        if name in REMOVED_BY_BATCH_NORM:
            assert ours[name] < zero and norm < zero, name
        else:
            assert_close(ours[name], norm, msg=name)


def test_moving_average(released):
    """Recorded with mu = .996 after the online encoder was scaled by 1.01."""
    model, numbers = released
    scale(model.backbone, 1.01)
    clock = Clock()
    clock.set(.3, max_epochs=1)  # without an end, the momentum is constant
    model.momentum_encoder.update(model.momentum_encoder.momentum_at(clock))
    state = model.momentum_encoder.encoder.state_dict()
    names = [k.removeprefix('ema.target_backbone.') for k in numbers if k.startswith('ema.')]
    assert len(names) == 2
    for name in names:
        assert_close(state[name], numbers[f'ema.target_backbone.{name}'], msg=name)
