"""MAE against numbers of the released code: weights, masks, activations, gradients."""
import pytest
import torch

from mmguided.models import MaskGenerator
from mmguided.ops import patchify, sincos_position_embedding
from mmguided.utils.converters import mae_from_released
from tests.helpers.models import (
    assert_close,
    build,
    generate,
    grad_norms,
    mask_ratio,
    num_visible,
    patch_grid,
    patch_mask,
    predict,
    released_norms,
    released_state,
)


@pytest.fixture
def released(golden):
    return golden('mae')


def _model(numbers, geometry, norm_pix):
    model = build(
        'MAE',
        geometry,
        mask_generator=dict(
            type='mmguided.MaskGenerator', mask_ratio=mask_ratio(numbers, geometry, .75)),
        target_generator=dict(type='mmguided.PixelTarget', norm_pix=norm_pix))
    state = mae_from_released(released_state(numbers))
    model.load_state_dict(state, strict=True)
    return model


def test_position_embeddings(released):
    numbers, geometry = released
    for key, dim in (('pos_embed', 'dim'), ('decoder_pos_embed', 'ddim')):
        ours = sincos_position_embedding(patch_grid(geometry), geometry[dim])
        torch.testing.assert_close(ours, numbers[f'state_dict.{key}'], rtol=1e-6, atol=1e-7)


def test_mask_and_ids(released):
    numbers, geometry = released
    masks = MaskGenerator(mask_ratio=mask_ratio(numbers, geometry, .75))
    mask, _ = generate(
        masks, numbers['images'], patch_grid(geometry), noise=numbers['noise'])
    assert torch.equal(mask.mask, numbers['mask'])
    assert torch.equal(mask.ids_restore, numbers['ids_restore'])
    assert torch.equal(mask.ids_keep, numbers['noise'].argsort(1)[:, :num_visible(numbers)])


def test_latent_prediction_target(released):
    numbers, geometry = released
    model = _model(numbers, geometry, norm_pix=False)
    mask = patch_mask(numbers['noise'], num_visible(numbers), patch_grid(geometry))
    latent = model.backbone(numbers['images'], mask)
    assert_close(latent, numbers['latent'])
    assert_close(predict(model, latent, mask), numbers['pred'])
    assert_close(patchify(numbers['images'], geometry['patch']), numbers['target'])


@pytest.mark.parametrize('target, norm_pix', [('raw_pix', False), ('norm_pix', True)])
def test_loss_and_every_gradient(released, target, norm_pix, monkeypatch):
    numbers, geometry = released
    model = _model(numbers, geometry, norm_pix)
    monkeypatch.setattr(torch, 'rand', lambda *size, **kwargs: numbers['noise'])
    losses = model.loss(numbers['images'])
    assert_close(losses['loss_reconstruction'], numbers[f'{target}.loss'])
    losses['loss_reconstruction'].backward()
    ours = grad_norms(model)
    expected = released_norms(numbers, mae_from_released, f'{target}.grad_norm.')
    assert ours.keys() == expected.keys()
    for name, norm in expected.items():
        assert_close(ours[name], norm, msg=name)
