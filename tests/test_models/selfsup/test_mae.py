"""MAE: gradients and features."""
import torch

from tests.helpers.models import SMALL, build, gradients_in_two_precisions


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
