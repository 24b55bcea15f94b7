"""MAE: gradients and features."""
import torch

from tests.helpers.models import (
    SMALL,
    build,
    check_checkpointing,
    gradients_in_two_precisions,
    total,
)


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


def test_activation_checkpointing_keeps_less_with_equal_gradients():
    def mae(with_cp):
        return build('MAE', SMALL, backbone=dict(
            type='mmguided.MaskedViT', img_size=32, patch_size=8, drop_rate=.1, with_cp=with_cp,
            arch=dict(embed_dims=32, num_layers=4, num_heads=2, feedforward_channels=128)),
            neck=dict(type='mmguided.MAEDecoder', embed_dims=16, depth=4, num_heads=2,
                      with_cp=with_cp))

    check_checkpointing(mae, 4, lambda model: total(model.loss(torch.randn(4, 3, 32, 32))))
