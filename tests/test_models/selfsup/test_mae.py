"""MAE: loss by hand, gradients, features."""
import pytest
import torch

from tests.helpers.models import SMALL, build, gradients_in_two_precisions, make_mask, predict


@pytest.mark.parametrize('shots', [[(0, .5)], [(0, .5), (1, .5)]])
def test_the_loss_is_the_squared_error_on_the_masked_patches(shots):
    model = build('MAE', SMALL, mask_generator=dict(type='mmguided.MaskGenerator', shots=shots))
    model.init_weights()
    images = torch.randn(2, 3, 32, 32)
    torch.manual_seed(2)
    loss = model.loss(images)['loss_reconstruction']
    torch.manual_seed(2)
    mask, _ = make_mask(model, images)
    pred = predict(model, model.backbone(images, mask), mask)
    patches = images.unfold(2, 8, 8).unfold(3, 8, 8).permute(0, 2, 3, 4, 5, 1).reshape(2, 16, 192)
    target = (patches - patches.mean(-1, keepdim=True)) / (
        patches.var(-1, keepdim=True) + 1e-6).sqrt()
    errors = [(pred[i, j] - target[i, j]).square().mean()
              for i in range(2) for j in mask.ids_mask[i].tolist()]
    assert len(errors) == 2 * (16 - mask.len_keep)
    torch.testing.assert_close(loss, torch.stack(errors).mean())


def test_every_parameter_but_the_positions_gets_a_gradient():
    model = build('MAE', SMALL)
    model.init_weights()
    assert {k for k, p in model.named_parameters() if not p.requires_grad} == {
        'backbone.pos_embed', 'neck.decoder_pos_embed'}
    gradients_in_two_precisions(model, torch.randn(4, 3, 32, 32))


def test_extract_feat_is_the_unmasked_encoder():
    model, images = build('MAE', SMALL).eval(), torch.randn(2, 3, 32, 32)
    features, = model(images, mode='tensor')
    assert features.shape == (2, 17, 32) and torch.equal(features, model.backbone(images)[0])
