"""Features of another encoder as targets."""
import pytest
import torch

from mmguided.models import FeatureTarget
from mmguided.utils.errors import ConfigError
from tests.helpers.models import CMAE_SMALL, as_trained, build, tokens, total

MOMENTUM = dict(type='mmguided.MomentumEncoder')
FEATURES = dict(type='mmguided.FeatureTarget', source='momentum')


def test_targets_are_the_normalized_tokens_of_the_other_encoder():
    model = build('MAE', CMAE_SMALL, momentum_encoder=MOMENTUM, target_generator=FEATURES)
    as_trained(model.momentum_encoder, .5)  # the encoder's own norm does not hide the target's
    images = torch.randn(2, 3, 32, 32)
    target = model.target_generator(images, model.observe(images))
    raw = tokens(model.momentum_encoder.encoder, images)[:, 1:]
    centered = raw - raw.mean(-1, keepdim=True)
    expected = centered / (centered.square().mean(-1, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(target, expected, rtol=1e-4, atol=1e-5)
    assert target.shape == (2, 16, 32) and model.head.decoder_pred.out_features == 32
    assert not target.requires_grad
    assert model.target_generator.to_images(target, images, None) is None


@pytest.mark.parametrize('bfloat16', [False, True])
def test_the_student_learns_them_and_the_other_encoder_gets_no_gradient(bfloat16):
    torch.manual_seed(0)
    model = build('MAE', CMAE_SMALL, momentum_encoder=MOMENTUM, target_generator=FEATURES)
    model.init_weights()
    images = torch.randn(8, 3, 4, 4).repeat_interleave(8, 2).repeat_interleave(8, 3)
    optimizer, errors = torch.optim.AdamW(model.parameters(), 3e-3), []
    for _ in range(40):
        optimizer.zero_grad()
        with torch.autocast('cpu', torch.bfloat16, enabled=bfloat16):
            loss = total(model.loss(images))
        loss.backward()
        optimizer.step()
        errors.append(loss.item())
    assert all(p.grad is None for p in model.momentum_encoder.parameters())
    assert sum(errors[-5:]) < .8 * sum(errors[:5])


def test_its_width_is_that_of_the_source():
    model = build('MAE', CMAE_SMALL)
    target = FeatureTarget(dict(teacher=model.backbone), source='teacher')
    assert target.dims == 32
    with pytest.raises(ConfigError, match="source='student' would be its own target"):
        FeatureTarget(dict(student=model.backbone), source='student')
