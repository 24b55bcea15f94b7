"""Position embeddings of rectangular grids: every way to load them knows their grid."""
import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.runner import Runner
from torch import nn

import mmguided
from mmguided.models import CheckpointTeacher, DenseViT, MAEDecoder, MaskedHybridViT, MaskedViT
from mmguided.ops import sincos_position_embedding
from mmguided.registry import MODELS
from mmguided.utils.checkpoints import load_encoder
from mmguided.utils.errors import ConfigError

ARCH = dict(embed_dims=16, num_layers=1, num_heads=2, feedforward_channels=32)
TALL, WIDE, SQUARE = (64, 16), (16, 64), (32, 32)  # 16 patches of 8 pixels each


def classifier(size):
    return Config(dict(
        model=dict(
            type='mmguided.ImageClassifier',
            backbone=dict(type='mmguided.MaskedViT', arch=ARCH, img_size=size, patch_size=8)),
        default_scope='mmpretrain', custom_imports=dict(imports=['mmguided'])))


def with_positions(encoder):
    """Encoder whose positions are random, so that an order of them is recognized."""
    nn.init.normal_(encoder.pos_embed)
    return encoder


def resized(positions, source, target):
    """Reference: bicubic interpolation of ``(1, 1 + h * w, D)`` between two image sizes."""
    maps = positions[:, 1:].unflatten(1, [side // 8 for side in source]).permute(0, 3, 1, 2)
    maps = F.interpolate(maps, [side // 8 for side in target], mode='bicubic')
    return torch.cat((positions[:, :1], maps.flatten(2).mT), 1)


@pytest.fixture
def saved(tmp_path):
    """Function that saves a wide encoder as a checkpoint of a kind; returns path and positions."""

    def save(kind, size=WIDE):
        model = mmguided.get_model(classifier(size))
        with_positions(model.backbone)
        state, meta = model.state_dict(), dict(cfg=model.cfg.pretty_text)
        content = dict(
            new=lambda: dict(state_dict=state),
            old=lambda: dict(state_dict=dict(state), meta=meta),  # without metadata
            unknown=lambda: dict(state_dict=dict(state)))[kind]()
        torch.save(content, tmp_path / f'{kind}.pth')
        return str(tmp_path / f'{kind}.pth'), model.backbone.pos_embed.detach()

    return save


def by_init_cfg(path, build, size):
    encoder = build(ARCH, size, init_cfg=dict(
        type='Pretrained', checkpoint=path, prefix='backbone.'))
    encoder.init_weights()
    return encoder


def by_teacher(path, _, size):
    backbone = classifier(size).model.backbone
    norm = dict(pixel_mean=[0.] * 3, pixel_std=[1.] * 3)
    return CheckpointTeacher(8, backbone=backbone, checkpoint=path, **norm).model


def by_load_from(path, _, size):
    model = mmguided.get_model(classifier(size))
    runner = Runner(model, path + '.run', default_scope='mmpretrain', experiment_name=path,
                    custom_hooks=[dict(type='mmguided.StrictBackboneHook')])
    runner.load_checkpoint(path)
    return model.backbone


def by_get_model(path, _, size):
    return mmguided.get_model(classifier(size), path).backbone


def by_torch(path, _, size):
    model = mmguided.get_model(classifier(size))
    model.load_state_dict(torch.load(path)['state_dict'])
    return model.backbone


def vit(arch, size, **kwargs):
    return MaskedViT(arch, size, 8, **kwargs)


def dense(arch, size, **kwargs):
    return DenseViT(arch, size, 8, **kwargs)


@pytest.mark.parametrize('kind, load, build', [
    *((kind, load, vit) for kind in ('new', 'old')
      for load in (by_init_cfg, by_teacher, by_load_from, by_get_model)),
    ('new', by_init_cfg, dense), ('new', by_torch, vit)])
@pytest.mark.parametrize('size', [SQUARE, TALL, (16, 32), WIDE])
def test_positions_of_a_wide_grid(saved, kind, load, build, size):
    """Also for a square and a tall grid of the same number of patches."""
    path, positions = saved(kind)
    encoder = load(path, build, size)
    torch.testing.assert_close(encoder.pos_embed, resized(positions, WIDE, size))
    if size == WIDE:
        assert torch.equal(encoder.pos_embed, positions)


def test_positions_of_a_hybrid_vit(tmp_path):
    hybrid = dict(ARCH, stage_dims=(4, 8), stage_depths=(1, 1))
    source = with_positions(MaskedHybridViT(hybrid, WIDE, (2, 2, 2)))
    torch.save(dict(state_dict=source.state_dict()), tmp_path / 'x.pth')
    encoder = MaskedHybridViT(hybrid, SQUARE, (2, 2, 2))
    load_encoder(encoder, dict(checkpoint=str(tmp_path / 'x.pth')))
    torch.testing.assert_close(encoder.pos_embed, resized(source.pos_embed, WIDE, SQUARE))


@pytest.mark.parametrize('source, size, assumed, warns', [
    (SQUARE, SQUARE, SQUARE, False), (SQUARE, (64, 64), SQUARE, False),
    (SQUARE, WIDE, SQUARE, True), (WIDE, WIDE, SQUARE, True), ((16, 48), (16, 48), (16, 48), True)])
def test_without_metadata_and_config(saved, monkeypatch, source, size, assumed, warns):
    path, positions = saved('unknown', source)
    lines = []
    monkeypatch.setattr('mmguided.models.layers.grid_positions.print_log',
                        lambda line, *_: lines.append(line))
    encoder = by_get_model(path, vit, size)
    torch.testing.assert_close(encoder.pos_embed, resized(positions, assumed, size))
    assert lines == warns * [
        f'backbone.pos_embed: the checkpoint does not record the grid of its '
        f'{positions.shape[1] - 1} positions. {assumed[0] // 8} x {assumed[1] // 8} '
        '(height x width) is assumed.']


def test_an_unknown_grid_is_refused(saved):
    path, _ = saved('unknown', (16, 48))
    with pytest.raises(ConfigError, match='^backbone.pos_embed: .* 12 positions. Use .*img_size'):
        by_get_model(path, vit, SQUARE)


def test_a_momentum_encoder_that_starts_from_the_checkpoint():
    target = MODELS.build(dict(
        type='mmguided.MAE', backbone=classifier(SQUARE).model.backbone,
        neck=dict(type='mmguided.MAEDecoder', embed_dims=8, depth=1, num_heads=2),
        mask_generator=dict(type='mmguided.MaskGenerator', mask_ratio=.5),
        target_generator=dict(type='mmguided.FeatureTarget', source='momentum'),
        head=dict(type='mmguided.ReconstructionHead'),
        momentum_encoder=dict(type='mmguided.MomentumEncoder')))
    source = mmguided.get_model(classifier(WIDE))
    with_positions(source.backbone)
    target.load_state_dict(source.state_dict(), strict=False)
    expected = resized(source.backbone.pos_embed, WIDE, SQUARE)
    torch.testing.assert_close(target.momentum_encoder.encoder.pos_embed, expected)
    torch.testing.assert_close(target.backbone.pos_embed, expected)


def test_fixed_positions_of_the_decoder():
    source, target = MAEDecoder(16, (2, 8), 8, 1, 2), MAEDecoder(16, (4, 4), 8, 1, 2)
    source.init_weights()
    target.load_state_dict(source.state_dict())
    assert torch.equal(target.decoder_pos_embed, sincos_position_embedding((4, 4), 8))
    assert torch.equal(target.decoder_embed.weight, source.decoder_embed.weight)
    nn.init.normal_(source.decoder_pos_embed)  # of another toolkit
    source.decoder_pos_embed.requires_grad_(False)
    same = MAEDecoder(16, (2, 8), 8, 1, 2)
    same.load_state_dict(source.state_dict())
    assert torch.equal(same.decoder_pos_embed, source.decoder_pos_embed)
