"""Inspect models on images."""
import random
import re

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

import mmguided
from mmguided.analysis import cls_attention
from mmguided.analysis.inspection import method_name, normalized
from mmguided.utils.errors import ConfigError
from tests.helpers.configs import load
from tests.helpers.models import SMALL, build, tokens
from tests.helpers.online import SWIN
from tests.helpers.paths import ROOT
from tests.test_visualization.test_sheet import panels


@pytest.fixture(scope='module')
def model():
    """A model whose top-k masks follow from the scores."""
    cfg = Config.fromfile(ROOT / 'configs/ccmim/guidance/top-k.py')
    cfg.model.target_generator.norm_pix = False
    return mmguided.get_model(cfg)


def picture(height=48, width=32):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_image_types(model, tmp_path):
    pixels = picture()
    image = Image.fromarray(pixels)
    image.save(tmp_path / 'a.png')
    look = mmguided.inspect(model, [tmp_path / 'a.png', str(tmp_path / 'a.png'), image, pixels])
    # The center of an image that is as wide as the input.
    np.testing.assert_allclose(look.images, np.stack([pixels[8:40] / 255] * 4), atol=1e-6)
    alone = mmguided.inspect(model, pixels)
    np.testing.assert_array_equal(alone.images, look.images[:1])
    np.testing.assert_allclose(alone.features, look.features[:1], atol=1e-5)
    assert 'images=(1, 32, 32, 3)' in repr(alone) and len(repr(alone)) < 300


@pytest.mark.parametrize('to_rgb', [True, False])
def test_images_have_the_channel_order_of_the_training(to_rgb):
    cfg = Config.fromfile(ROOT / 'configs/ccmim/guidance/top-k.py')
    cfg.data_preprocessor.to_rgb = to_rgb
    model, red = mmguided.get_model(cfg), np.zeros((32, 32, 3), np.uint8)
    red[..., 0] = 255
    rgb = torch.from_numpy(red).permute(2, 0, 1)[None]
    loaded = model.data_preprocessor(dict(inputs=rgb.flip(1), data_samples=None))['inputs']
    assert torch.equal(normalized(model, rgb), loaded)
    look = mmguided.inspect(model, red)
    np.testing.assert_allclose(look.images[0], red / 255, atol=1e-6)
    np.testing.assert_allclose(look.cls_token, tokens(model.backbone, loaded)[:, 0], atol=1e-4)


def test_images_are_resized_by_their_short_side(model):
    gradient = np.tile(np.arange(256, dtype=np.uint8)[None, :, None], (128, 1, 3))
    row = mmguided.inspect(model, gradient).images[0, 0, :, 0]
    np.testing.assert_allclose(row, (64 + 4 * np.arange(32) + 1.5) / 255, atol=.01)


def test_arrays_equal_the_outputs_of_the_model(model):
    look = mmguided.inspect(model, [picture(32, 32), picture()])
    normalized = (torch.tensor(look.images * 255).permute(0, 3, 1, 2)
                  - model.data_preprocessor.mean) / model.data_preprocessor.std
    expected = tokens(model.backbone, normalized)
    np.testing.assert_allclose(look.cls_token, expected[:, 0], atol=1e-4)
    np.testing.assert_allclose(look.features.reshape(2, 64, -1), expected[:, 1:], atol=1e-4)
    np.testing.assert_allclose(
        look.attention.reshape(2, 64), cls_attention(model.backbone, normalized), atol=1e-4)
    lowest = np.where(look.mask, look.guidance, np.inf).min((1, 2))
    assert (lowest >= np.where(look.mask, -np.inf, look.guidance).max((1, 2))).all()
    np.testing.assert_array_equal(look.shot, look.mask)
    assert look.mask.dtype == bool and (look.mask.sum((1, 2)) == 48).all()
    hidden = look.mask.repeat(4, 1).repeat(4, 2)
    same = np.isclose(look.reconstruction, look.images, atol=1e-5).all(-1)
    assert same[~hidden].all() and same[hidden].mean() < .1


@pytest.mark.parametrize('method, name', [
    ('mae', 'MAE'), ('ccmim', 'ccMIM'), ('cmae', 'CMAE'), ('cmt_mae', 'CMT-MAE'),
    ('conditional_mae', 'Conditional MAE'), ('self_guided_mae', 'Self-guided MAE')])
def test_every_method(method, name):
    """At the end of a run, on a grid of 8 x 8."""
    cfg = load(f'{method}/vit-micro_folder-32')
    if method == 'cmt_mae':
        cfg.model.teacher = dict(type='mmguided.LinearTeacher')
    model = mmguided.get_model(cfg)
    model.clock.set(15, 15)
    model.clock.fire()
    assert method_name(model) == name
    look = mmguided.inspect(model, [picture(), picture(40, 50)])
    assert look.features.shape == (2, 8, 8, 192) and look.cls_token.shape == (2, 192)
    assert (look.guidance is not None) == (method in ('ccmim', 'cmt_mae', 'self_guided_mae'))
    assert (look.reconstruction is not None) == (method != 'cmt_mae')
    assert look.shot.max() == (2 if method == 'conditional_mae' else 1)
    columns = 4 + (look.guidance is not None) + (look.reconstruction is not None)
    assert [len(row) for row in panels(look.sheet(method))] == [columns] * 2


def test_encoder_without_cls_and_classifier():
    model = build('MAE', SMALL, backbone=SWIN, neck=None, data_preprocessor=dict(
        type='SelfSupDataPreprocessor', mean=[100.] * 3, std=[50.] * 3, to_rgb=True))
    look = mmguided.inspect(model, picture())
    assert look.cls_token is None and look.attention is None
    assert look.features.shape == (1, 4, 4, 16)
    assert model.training  # as it was
    model = mmguided.get_model('benchmarks_folder_vit-micro_knn')
    look = mmguided.inspect(model, picture())
    assert look.mask is None and look.shot is None and look.reconstruction is None
    assert look.attention.shape == (1, 8, 8) and look.features.shape == (1, 8, 8, 192)
    assert len(panels(look.sheet())[0]) == 2


def test_seed_sets_masks_and_rng_states_are_preserved():
    model = mmguided.get_model('mae_vit-micro_folder-32')

    states = torch.get_rng_state(), random.getstate()
    first = mmguided.inspect(model, picture()).mask
    assert torch.equal(torch.get_rng_state(), states[0]) and random.getstate() == states[1]
    assert (first == mmguided.inspect(model, picture(), seed=0).mask).all()
    assert (first != mmguided.inspect(model, picture(), seed=1).mask).any()


@pytest.mark.parametrize('image, message', [
    ('missing.jpg', "images[1]='missing.jpg': "),
    (np.zeros((3, 8, 8), np.uint8), 'images[1]=array of uint8, shape (3, 8, 8): '),
    (np.zeros((8, 8, 3)), 'images[1]=array of float64, shape (8, 8, 3): '),
    (Image.fromarray(np.full((8, 8), 300, np.uint16)), 'images[1]=<PIL.Image.Image image mode=I'),
    (torch.zeros(3, 8, 8), 'images[1]=Tensor: ')])
def test_invalid_images(model, image, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        mmguided.inspect(model, [picture(), image])
    with pytest.raises(ConfigError, match=r'images=\[\]:'):
        mmguided.inspect(model, [])
    with pytest.raises(ConfigError, match='model=Linear with backbone=NoneType:'):
        mmguided.inspect(torch.nn.Linear(1, 1), picture())
    with pytest.raises(ConfigError, match='model.data_preprocessor: has no mean and std'):
        mmguided.inspect(build('MAE', SMALL), picture())
