"""ccMIM against numbers of the released code: attention, masks, both branches, gradients."""
import pytest
import torch

from mmguided.models import ClsAttention
from mmguided.structures import Clock
from mmguided.utils.converters import ccmim_from_released
from tests.helpers.models import (
    assert_close,
    build,
    cls_attention,
    generate,
    grad_norms,
    mask_ratio,
    predict,
    recorded_mask,
    released_norms,
    released_state,
)


@pytest.fixture
def released(golden):
    numbers, geometry = golden('ccmim')
    state = released_state(numbers)
    model = build(
        'CCMIM',
        geometry,
        mask_generator=dict(
            type='mmguided.MaskGenerator',
            mask_ratio=mask_ratio(numbers, geometry, .75),
            sampling=dict(type='mmguided.ImportanceSampling'),
            guidance=dict(type='mmguided.ClsAttention', softmax='heads', reduce='sum')),
        projector=dict(
            type='mmpretrain.NonLinearNeck',
            out_channels=len(state['projector.3.weight']),
            with_avg_pool=False,
            with_last_bn_affine=False,
            norm_cfg=dict(type='BN1d')),
        contrast_head=dict(
            type='mmguided.InfoNCEHead', temperature=0.5, temperature_scale=True, loss_weight=0.1))
    model.load_state_dict(ccmim_from_released(state), strict=True)
    return model, numbers


def test_attention_of_each_layer_and_their_sum(released):
    model, numbers = released
    rows = cls_attention(model.backbone, numbers['images'])
    assert len(rows) == sum(name.startswith('cls_attention.layer') for name in numbers)
    for i, row in enumerate(rows):
        assert_close(row, numbers[f'cls_attention.layer{i}'])
    guidance = ClsAttention()
    observations = {name: model.encoders[name].observe(numbers['images'], wants)
                    for name, wants in guidance.wants(Clock()).items()}
    scores = guidance(observations, model.clock)
    assert_close(scores, numbers['cls_attention.sum'])


def test_mask_and_ids(released):
    model, numbers = released
    mask, _ = generate(model.mask_generator, numbers['images'], model.backbone.patch_resolution,
                       model.encoders, numbers['noise'])
    assert torch.equal(mask.mask, numbers['mask'])
    assert torch.equal(mask.ids_restore, numbers['ids_restore'])


def test_branches_and_projections(released):
    model, numbers = released
    mask = recorded_mask(model, numbers)
    tokens = model.backbone.embed(numbers['images'])
    visible = model.backbone.encode(tokens, mask.ids_keep)
    masked = model.backbone.encode(tokens, mask.ids_mask)
    assert_close(visible, numbers['latent_visible'])
    assert_close(masked, numbers['latent_masked'])
    assert_close(predict(model, visible, mask), numbers['pred'])
    assert_close(model.projector((visible[:, 0], ))[0], numbers['proj_visible'])
    assert_close(model.projector((masked[:, 0], ))[0], numbers['proj_masked'])


def test_losses_and_every_gradient(released, monkeypatch):
    model, numbers = released
    monkeypatch.setattr(torch, 'rand', lambda *size, **kwargs: numbers['noise'])
    losses = model.loss(numbers['images'])
    assert_close(losses['loss_reconstruction'], numbers['loss_reconstruction'])
    assert_close(losses['loss_contrast'], 0.1 * numbers['loss_align'])
    (losses['loss_reconstruction'] + losses['loss_contrast']).backward()

    ours, expected = grad_norms(model), released_norms(numbers, ccmim_from_released)
    assert ours.keys() == expected.keys()
    for name, norm in expected.items():
        assert_close(ours[name], norm, msg=name)


def test_masked_branch_gets_no_gradient(released):
    """The masked branch has no graph, and masked patches get no gradient."""
    model, numbers = released
    mask = recorded_mask(model, numbers)
    images = numbers['images'].clone().requires_grad_()
    tokens = model.backbone.embed(images)
    model.make_mask = lambda *args: (mask, {})
    model.observe = lambda *args: {}
    model.backbone.embed = lambda inputs: tokens
    tokens.retain_grad()
    latents, encode = [], model.backbone.encode
    model.backbone.encode = lambda *args: latents.append(encode(*args)) or latents[-1]
    sum(model.loss(images).values()).backward()
    assert [latent.requires_grad for latent in latents] == [True, False]
    reached = tokens.grad.abs().sum(-1) > 0
    assert torch.equal(reached, mask.mask == 0), 'only visible patches may get a gradient'
