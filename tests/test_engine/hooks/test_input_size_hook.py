"""InputSizeHook: images of another size than the backbone's are an error."""
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from mmguided.engine.hooks import InputSizeHook
from mmguided.models import DataPreprocessor, DecodingPreprocessor
from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError


def _runner(input_size):
    model = nn.Module()
    model.backbone = nn.Module()
    if input_size is not None:
        model.backbone.input_size = input_size
    return SimpleNamespace(model=model)


@pytest.mark.parametrize('phase, wrap', [
    ('train', lambda images: images), ('val', lambda images: [images, images]), ('test', list)])
def test_the_error_names_both_sizes(phase, wrap):
    check = getattr(InputSizeHook(), f'before_{phase}_iter')
    check(_runner((32, 48)), 0, dict(inputs=wrap(torch.zeros(2, 3, 32, 48))))
    with pytest.raises(ConfigError, match=rf'model\.backbone\.img_size=\(32, 48\): {phase}_'
                                          r'dataloader\.dataset\.pipeline.*\(48, 32\)'):
        check(_runner((32, 48)), 0, dict(inputs=wrap(torch.zeros(2, 3, 48, 32))))


@pytest.mark.parametrize('input_size, any_size', [(None, False), ((64, 64), True)])
def test_unknown_and_any_size(input_size, any_size):
    InputSizeHook(any_size).before_train_iter(
        _runner(input_size), 0, dict(inputs=torch.zeros(2, 3, 32, 32)))


@pytest.mark.parametrize('cfg', [
    dict(type='mmguided.MaskedViT', patch_size=8, arch=dict(
        embed_dims=8, num_layers=1, num_heads=1, feedforward_channels=8)),
    dict(type='mmpretrain.VisionTransformer', arch=dict(
        embed_dims=8, num_layers=1, num_heads=1, feedforward_channels=8)),
    dict(type='mmguided.MaskedSwin', arch=dict(
        embed_dims=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 1, 1]), window_size=2),
    dict(type='mmguided.MaskedConvNeXt', arch=dict(depths=[1, 1, 1, 1], channels=[4, 4, 4, 4]))])
def test_every_encoder_is_checked(cfg):
    runner = _runner(None)
    runner.model.backbone = MODELS.build(cfg | dict(img_size=(64, 32)))
    InputSizeHook().before_train_iter(runner, 0, dict(inputs=torch.zeros(2, 3, 64, 32)))
    with pytest.raises(ConfigError, match=r'img_size=\(64, 32\): .* images of \(32, 64\)'):
        InputSizeHook().before_train_iter(runner, 0, dict(inputs=torch.zeros(2, 3, 32, 64)))


@pytest.mark.parametrize('in_channels, mean, said', [
    (5, [0.] * 5, None), (5, [0.], None), (None, [0.] * 5, None),
    (3, [0.] * 3, r'backbone.in_channels=3: train_dataloader.*of 5 channels. Set '
                  'model.backbone.in_channels=5'),
    (5, [0.] * 3, 'data_preprocessor.mean: 3 values for images of 5 channels')])
def test_channels_of_encoder_and_normalization(in_channels, mean, said):
    runner = _runner((32, 32))
    runner.model.data_preprocessor = DataPreprocessor(mean, mean)
    if in_channels:
        runner.model.backbone.in_channels = in_channels
    with pytest.raises(ConfigError, match=said) if said else nullcontext():
        InputSizeHook().before_train_iter(runner, 0, dict(inputs=torch.zeros(2, 5, 32, 32)))


def test_images_that_the_model_decodes():
    runner = _runner((24, 32))
    runner.model.data_preprocessor = DecodingPreprocessor(
        dict(RandomResizedCrop=dict(size=(24, 32))))
    files = dict(inputs=[torch.zeros(999, dtype=torch.uint8)])
    InputSizeHook().before_train_iter(runner, 0, files)
    runner.model.backbone.input_size = (32, 32)
    with pytest.raises(ConfigError, match=r'\(32, 32\): data_preprocessor\.transforms.*\(24, 32\)'):
        InputSizeHook().before_train_iter(runner, 0, files)
