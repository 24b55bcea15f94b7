"""MAE: the loss by hand, every parameter, AttMask by config, features."""
import pytest
import torch

from mmguided.utils.errors import ConfigError
from tests.helpers.models import (
    CMAE_SMALL,
    SMALL,
    build,
    cls_attention,
    grad_norms,
    make_mask,
    predict,
    total,
    views,
)


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


@pytest.mark.parametrize('bfloat16', [False, True])
def test_every_parameter_but_the_positions_gets_a_gradient(bfloat16):
    model = build('MAE', SMALL)
    model.init_weights()
    with torch.autocast('cpu', torch.bfloat16, enabled=bfloat16):
        losses = model.loss(torch.randn(4, 3, 32, 32))
    total(losses).backward()
    norms = grad_norms(model)
    assert {k for k, _ in model.named_parameters()} - norms.keys() == {
        'backbone.pos_embed', 'neck.decoder_pos_embed'}
    assert all(norm.isfinite() and norm > 0 for norm in norms.values()), norms


def test_attmask_is_mae_with_a_momentum_encoder_by_config():
    masks = dict(
        type='mmguided.MaskGenerator',
        sampling=dict(type='mmguided.TopKSampling'),
        guidance=dict(type='mmguided.ClsAttention', source='momentum', layers=[-1]))
    with pytest.raises(
            ConfigError, match="guidance.source='momentum'.*'student'.*MomentumEncoder"):
        build('MAE', CMAE_SMALL, mask_generator=masks)
    model = build('MAE', CMAE_SMALL, mask_generator=masks,
                  momentum_encoder=dict(type='mmguided.MomentumEncoder'))
    images = views()[0]
    assert torch.isfinite(total(model.loss(images)))
    mask, log = make_mask(model, images)
    scores = cls_attention(model.momentum_encoder.encoder, images, [-1])[0]
    assert torch.equal(mask.ids_mask.sort(1).values, scores.topk(12, 1).indices.sort(1).values)
    assert log['topk_overlap'] == 1


def test_extract_feat_is_the_unmasked_encoder():
    model, images = build('MAE', SMALL).eval(), torch.randn(2, 3, 32, 32)
    features, = model(images, mode='tensor')
    assert features.shape == (2, 17, 32) and torch.equal(features, model.backbone(images)[0])
