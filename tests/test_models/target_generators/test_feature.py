"""Feature targets."""
import pytest
import torch

from mmguided.models import FeatureTarget
from mmguided.utils.errors import ConfigError
from tests.helpers.models import CMAE_SMALL, as_trained, build, tokens

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


def test_its_width_is_that_of_the_source():
    model = build('MAE', CMAE_SMALL)
    target = FeatureTarget(dict(teacher=model.backbone), source='teacher')
    assert target.dims == 32
    with pytest.raises(ConfigError, match="source='student'"):
        FeatureTarget(dict(student=model.backbone), source='student')
