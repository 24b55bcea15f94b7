"""MAE: gradients and features."""
import torch

from tests.helpers.models import SMALL, build, gradients_in_two_precisions, total


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


def _step(with_cp):
    """Gradients of a step, number of values kept for the backward pass, and RNG state after it."""
    torch.manual_seed(0)
    model, kept = build('MAE', SMALL, backbone=dict(
        type='mmguided.MaskedViT', img_size=32, patch_size=8, drop_rate=.1, with_cp=with_cp,
        arch=dict(embed_dims=32, num_layers=4, num_heads=2, feedforward_channels=128)),
        neck=dict(type='mmguided.MAEDecoder', embed_dims=16, depth=4, num_heads=2,
                  with_cp=with_cp)), []
    with torch.autograd.graph.saved_tensors_hooks(
            lambda x: kept.append(x.numel()) or x, lambda x: x):
        loss = total(model.loss(torch.randn(4, 3, 32, 32)))
    loss.backward()
    gradients = {k: p.grad for k, p in model.named_parameters() if p.grad is not None}
    return gradients, sum(kept), torch.get_rng_state()


def test_activation_checkpointing_keeps_less_with_equal_gradients():
    (gradients, kept, state), (same, fewer, state_with_cp) = map(_step, (False, True))
    assert fewer < kept / 4
    assert torch.equal(state, state_with_cp) and same.keys() == gradients.keys()
    for name, gradient in gradients.items():
        assert torch.equal(same[name], gradient), name
