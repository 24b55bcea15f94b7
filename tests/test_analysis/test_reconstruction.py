"""Masks, attention and predictions of pretraining models."""
import torch

from mmguided.analysis import reconstruct
from tests.helpers.models import GUIDED, SMALL, build, ccmim, cls_attention, cmae


def test_masked_patches_are_the_prediction():
    model = build('MAE', SMALL, target_generator=dict(
        type='mmguided.PixelTarget', norm_pix=False)).eval()
    model.init_weights()
    with torch.no_grad():  # a constant prediction of red .1, green .2 and blue .3
        model.head.decoder_pred.weight.zero_()
        model.head.decoder_pred.bias.copy_(torch.tensor([.1, .2, .3]).repeat(64))
    look = reconstruct(model, torch.full((2, 3, 32, 32), 5.))
    patches = look.images.unfold(2, 8, 8).unfold(3, 8, 8).flatten(4).flatten(2, 3)
    assert torch.equal((patches == 5).all(-1).all(1), look.mask.mask == 0)
    masked = patches.permute(0, 2, 1, 3)[look.mask.mask.bool()]
    torch.testing.assert_close(
        masked, torch.tensor([.1, .2, .3]).view(3, 1).expand(len(masked), 3, 64))


def test_attention_is_that_of_the_trained_encoder_on_unmasked_images():
    model, images = cmae().eval(), torch.randn(2, 3, 32, 32)
    attention = reconstruct(model, images).attention
    torch.testing.assert_close(attention, cls_attention(model.backbone, images).sum(0))
    assert not attention.requires_grad


def test_guidance_has_the_scores_of_guided_images():
    top_k = dict(GUIDED, sampling=dict(type='mmguided.TopKSampling'),
                 schedule=dict(begin=1, ramp=2))
    model, images = ccmim(mask_generator=top_k).eval(), torch.randn(40, 3, 32, 32)
    assert reconstruct(model, images).guidance == (None, )  # before the schedule begins
    model.clock.set(2)  # half of the images
    look = reconstruct(model, images)
    scores, = look.guidance
    guided = scores.isfinite().all(1)
    assert torch.equal(guided, ~scores.isnan().any(1)) and 5 < guided.sum() < 35
    torch.testing.assert_close(
        scores[guided], cls_attention(model.backbone, images).sum(0)[guided])
    top = torch.zeros(40, 16).scatter(1, scores.topk(12).indices, 1)
    assert torch.equal(top[guided], look.mask.mask[guided])


def test_guidance_of_a_later_shot_excludes_masked_patches():
    shots = [dict(layer=0, mask_ratio=.5, guidance=None,
                  sampling=dict(type='mmguided.RandomSampling')), (1, .5)]
    model = build('ConditionalMAE', SMALL, mask_generator=dict(
        type='mmguided.MaskGenerator', sampling=dict(type='mmguided.TopKSampling'),
        guidance=dict(type='mmguided.ClsAttention'), shots=shots))
    look = reconstruct(model, torch.randn(2, 3, 32, 32))
    first, second = look.guidance
    assert first is None and torch.equal(second.isnan(), look.mask.shot == 1)
    assert look.mask.shot.unique().tolist() == [0, 1, 2]
    assert look.attention.isfinite().all()
