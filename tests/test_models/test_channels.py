"""Models of images with any number of channels."""
import copy
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from mmengine.runner import load_state_dict, save_checkpoint

import mmguided
from mmguided.hub import read_config
from mmguided.models import HOGTarget, PixelTarget
from mmguided.ops import hog, patchify
from mmguided.registry import MODELS
from mmguided.utils.checkpoints import check_backbone
from mmguided.utils.errors import ConfigError
from tests.helpers.models import SMALL, build, total
from tests.helpers.online import CONVNEXT, SWIN

ARCH = dict(embed_dims=32, num_layers=2, num_heads=2, feedforward_channels=64)
ENCODERS = dict(
    vit=dict(type='mmguided.MaskedViT', arch=ARCH, img_size=32, patch_size=8),
    hybrid=dict(
        type='mmguided.MaskedHybridViT', arch=dict(ARCH, stage_dims=(8, 12), stage_depths=(1, 1)),
        img_size=32, strides=(2, 2, 2)),
    swin=SWIN, convnext=CONVNEXT)


def encoder(name, in_channels):
    torch.manual_seed(in_channels)
    model = MODELS.build(dict(ENCODERS[name], in_channels=in_channels))
    model.init_weights()
    model.eval()  # SwinTransformer.eval returns None
    return model


@pytest.mark.parametrize('channels', [1, 2, 5])
@pytest.mark.parametrize('name', ENCODERS)
def test_rgb_weights_start_an_encoder_of_other_channels(name, channels, monkeypatch):
    ours, rgb = encoder(name, channels), encoder(name, 3)
    assert (ours.in_channels, rgb.in_channels) == (channels, 3)
    said, state = [], rgb.state_dict()
    monkeypatch.setattr('mmguided.utils.checkpoints.print_log', lambda text, _: said.append(text))
    check_backbone(ours.state_dict(), state, '')
    ours.load_state_dict(copy.copy(state))
    assert len(said) == 1 and f'Each of the {channels} channels starts from the mean' in said[0]
    image = torch.randn(1, 1, 32, 32)
    torch.testing.assert_close(ours(image.expand(1, channels, 32, 32))[-1],
                               rgb(image.expand(1, 3, 32, 32))[-1], rtol=1e-4, atol=1e-4)
    # MMEngine, which loads `load_from` and `init_cfg` of Swin and ConvNeXt, has its own code.
    other = encoder(name, channels)
    load_state_dict(other, copy.copy(state), strict=True)
    assert all(torch.equal(*pair) for pair in zip(
        other.state_dict().values(), ours.state_dict().values(), strict=True))


def test_only_rgb_weights_are_adapted():
    state = encoder('vit', 5).state_dict()
    for channels in (3, 4):
        with pytest.raises(ConfigError, match=r'patch_embed.projection.weight \(32, 5, 8, 8\)'):
            check_backbone(encoder('vit', channels).state_dict(), state, '')


def test_init_cfg(tmp_path):
    rgb = encoder('vit', 3)
    save_checkpoint(dict(state_dict={f'backbone.{name}': value for name, value in
                                     rgb.state_dict().items()}), str(tmp_path / 'rgb.pth'))
    ours = MODELS.build(dict(ENCODERS['vit'], in_channels=2, init_cfg=dict(
        type='Pretrained', checkpoint=str(tmp_path / 'rgb.pth'), prefix='backbone.')))
    ours.init_weights()
    expected = rgb.patch_embed.projection.weight.mean(1) * 1.5
    for i in range(2):
        torch.testing.assert_close(ours.patch_embed.projection.weight[:, i], expected)


@pytest.mark.parametrize('channels', [1, 5])
def test_targets_have_the_channels_of_the_student(channels):
    images = torch.randn(2, channels, 32, 32)
    pixels, gradients = (
        target(dict(student=encoder('vit', channels))) for target in (PixelTarget, HOGTarget))
    assert pixels.dims == 64 * channels and gradients.dims == 9 * channels
    first = pixels(images, {})[0, 0]
    patch = images[0, :, :8, :8].permute(1, 2, 0).flatten()
    torch.testing.assert_close(
        first, (patch - patch.mean()) / (patch.var() + 1e-6).sqrt(), rtol=1e-4, atol=1e-5)
    values = hog(images, window=8)  # (B, C, bins, 4, 4)
    torch.testing.assert_close(gradients(images, {})[0, 1], values[0, :, :, 0, 1].flatten())


@pytest.mark.parametrize('backbone', ENCODERS)
@pytest.mark.parametrize('target', ['PixelTarget', 'HOGTarget'])
def test_every_channel_trains(backbone, target):
    cfg = dict(ENCODERS[backbone], in_channels=5)
    drops = backbone in ('vit', 'hybrid')
    parts = {} if drops else dict(neck=None) if backbone == 'swin' else dict(
        neck=dict(type='mmguided.ConvNeXtDecoder', embed_dims=8, depth=1))
    model = build('MAE', SMALL, backbone=cfg, target_generator=dict(type=f'mmguided.{target}'),
                  **parts)
    model.init_weights()
    total(model.loss(torch.randn(2, 5, 32, 32))).backward()
    first = next(p for p in model.backbone.parameters() if p.ndim == 4)
    assert first.shape[1] == 5 and (first.grad.abs().amax((0, 2, 3)) > 0).all()


def test_a_reconstruction_is_pasted_into_all_channels():
    target = PixelTarget(dict(student=encoder('vit', 5)), norm_pix=False)
    model = build('MAE', SMALL, backbone=dict(ENCODERS['vit'], in_channels=5))
    images = torch.randn(2, 5, 32, 32)
    mask, _ = model.make_mask(images, model.observe(images))
    pasted = patchify(target.to_images(torch.full((2, 16, 320), 7.), images, mask), 8)
    assert (pasted[mask.mask.bool()] == 7).all()
    visible = ~mask.mask.bool()
    torch.testing.assert_close(pasted[visible], patchify(images, 8)[visible])


@pytest.mark.parametrize('student, channels, mean', [
    (5, 5, None), (1, 3, [100., 110., 120.]), (5, 3, [100., 110., 120.])])
def test_teachers(student, channels, mean, tmp_path):
    """A teacher of all bands, and an RGB teacher of images of one channel."""
    theirs = encoder('vit', channels)
    save_checkpoint(dict(state_dict={f'backbone.{name}': value for name, value in
                                     theirs.state_dict().items()}), str(tmp_path / 'vit.pth'))
    teacher = dict(type='mmguided.CheckpointTeacher', checkpoint=str(tmp_path / 'vit.pth'),
                   mean=mean, std=mean, backbone=dict(ENCODERS['vit'], in_channels=channels))
    with pytest.raises(ConfigError, match='model.teacher: takes 3 channels, but .* have 5') if (
            student != channels and student > 1) else nullcontext():
        model = build(
            'MAE', SMALL, backbone=dict(ENCODERS['vit'], in_channels=student), teacher=teacher,
            target_generator=dict(type='mmguided.FeatureTarget', source='teacher'),
            data_preprocessor=dict(type='mmguided.DataPreprocessor', mean=[50.] * student,
                                   std=[10.] * student))
        images = torch.randn(2, student, 32, 32)
        seen = model.observe(images)['teacher'].tokens
        if mean:
            images = (images * 10 + 50 - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(
                mean).view(3, 1, 1)
        torch.testing.assert_close(seen, theirs(images)[0], rtol=1e-3, atol=1e-4)


@pytest.fixture(scope='module')
def model():
    cfg = read_config('mae_vit-micro_folder-32')
    cfg.data_preprocessor = dict(
        type='mmguided.DataPreprocessor', mean=[10., 20., 30., 40., 50.], std=[2.] * 5)
    cfg.model.backbone.in_channels = 5
    cfg.train_dataloader.dataset.pipeline[0] = dict(
        type='mmguided.LoadRaster', scaling=(0, 4095))
    return mmguided.get_model(cfg)


BANDS = np.random.default_rng(0).integers(0, 4096, (32, 32, 5)).astype(np.uint16)


def test_inspection_reads_files_as_in_training(model, tmp_path):
    np.save(tmp_path / 'a.npy', BANDS)
    look = mmguided.inspect(model, tmp_path / 'a.npy', bands=[4, 0, 1])
    scaled = BANDS / 4095 * 255
    np.testing.assert_allclose(look.images[0], scaled[..., [4, 0, 1]] / 255, atol=1e-5)
    assert look.reconstruction.shape == (1, 32, 32, 3)
    same = mmguided.inspect(model, scaled.astype(np.float32))
    np.testing.assert_allclose(same.images[0], scaled[..., :3] / 255, atol=1e-5)
    np.testing.assert_allclose(same.features, look.features, atol=1e-4)


@pytest.mark.parametrize('image, said', [
    (BANDS, r'array of uint16, shape \(32, 32, 5\): .*float32 from 0 to 255.*width, 5'),
    (BANDS[..., :3].astype(np.float32), r'shape \(32, 32, 3\): .*width, 5'),
    ('three.npy', 'three.npy.*has 3 channels, but the model takes 5'),
    ('missing.npy', 'missing.npy.*cannot be read by the loading transform')])
def test_inspection_refuses_other_channels(model, image, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save('three.npy', BANDS[..., :3])
    with pytest.raises(ConfigError, match=said):
        mmguided.inspect(model, image)


@pytest.mark.parametrize('bands', [[0, 1], [0, 1, 5]])
def test_shown_bands_must_exist(model, bands):
    with pytest.raises(ConfigError, match=r'bands=\(0, 1.*three bands from 0 to 4'):
        mmguided.inspect(model, BANDS.astype(np.float32), bands=bands)
