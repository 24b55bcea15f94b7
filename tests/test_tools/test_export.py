"""tools/export.py: every format computes the same, and timm and transformers come back exactly."""
import json
from pathlib import Path

import huggingface_hub
import onnxruntime
import pytest
import timm
import torch
from mmengine.config import Config

import mmguided
from mmguided.cli.arguments import fill_encoder, load_config, named_checkpoints
from mmguided.cli.config_checks import check_start
from mmguided.registry import MODELS
from mmguided.utils.converters import encoder_from_any
from mmguided.utils.errors import ConfigError
from tests.helpers.colors import color_folders
from tests.helpers.exchange import SIDE, trained
from tests.helpers.models import as_trained
from tests.helpers.online import train
from tests.helpers.tools import error_of_tool, run_tool

NORM = dict(mean=[100., 110., 120.], std=[50., 55., 60.], to_rgb=True)
HYBRID = dict(
    type='mmguided.MaskedHybridViT', img_size=32, strides=(2, 2, 2), arch=dict(
        embed_dims=32, num_layers=2, num_heads=2, feedforward_channels=64, stage_dims=(8, 16),
        stage_depths=(1, 1)))


@pytest.fixture
def checkpoint(tmp_path):
    """Function that saves a model with perturbed weights and its config."""

    def save(model, **fields):
        cfg = Config(dict(fields, model=model, default_scope='mmpretrain',
                          custom_imports=dict(imports=['mmguided'])))
        built = as_trained(mmguided.get_model(cfg))
        path = tmp_path / 'micro.pth'
        torch.save(dict(state_dict=built.state_dict(), meta=dict(cfg=cfg.pretty_text)), path)
        return path, built

    return save


def exported(monkeypatch, checkpoint, kind) -> Path:
    """Export to a format; return the folder."""
    out = checkpoint.parent / kind
    run_tool(monkeypatch, 'export.py', checkpoint, out, '--format', kind)
    return out


def classifier(family):
    """Config of an ImageClassifier with a small encoder."""
    if family == 'hybrid':
        return dict(type='ImageClassifier', backbone=HYBRID, data_preprocessor=NORM)
    _, settings = encoder_from_any(trained(family).state_dict())
    return dict(type='ImageClassifier', data_preprocessor=NORM,
                backbone=settings | dict(img_size=SIDE[family]))


def check_programs(monkeypatch, path, encoder, images, *kinds):
    """ONNX and torch.export take any number of images."""
    expected = encoder.image_tokens(images)
    if 'torch' in kinds:
        program = torch.export.load(exported(monkeypatch, path, 'torch') / 'model.pt2').module()
        torch.testing.assert_close(program(images), expected, rtol=1e-5, atol=1e-5)
    if 'onnx' in kinds:
        session = onnxruntime.InferenceSession(exported(monkeypatch, path, 'onnx') / 'model.onnx')
        tokens, = session.run(None, dict(images=images.numpy()))
        torch.testing.assert_close(torch.from_numpy(tokens), expected, rtol=1e-5, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize('family', ['swin', 'convnextv2'])
def test_round_trips(checkpoint, monkeypatch, family):
    path, model = checkpoint(classifier(family))
    images = torch.randn(3, 3, SIDE[family], SIDE[family])
    expected = model.backbone.image_tokens(images)
    for kind in ('timm', 'transformers'):
        folder = exported(monkeypatch, path, kind)
        back = mmguided.get_model(folder)
        assert torch.equal(back.backbone.image_tokens(images), expected)
        torch.testing.assert_close(back.data_preprocessor.mean.flatten(),
                                   torch.tensor(NORM['mean']))
    theirs = timm.create_model(f'local-dir:{folder.parent / "timm"}', pretrained=True).eval()
    features = theirs.forward_features(images)
    features = features.flatten(1, 2) if family == 'swin' else features.flatten(2).mT
    torch.testing.assert_close(features, expected, rtol=1e-5, atol=1e-5)
    assert theirs.pretrained_cfg['std'] == [value / 255 for value in NORM['std']]
    kind = dict(swin='onnx', convnextv2='torch')[family]  # the others take seconds
    check_programs(monkeypatch, path, model.backbone, images, kind)


@torch.no_grad()
def test_no_other_toolkit_has_the_hybrid_vit(checkpoint, monkeypatch):
    path, model = checkpoint(classifier('hybrid'))
    check_programs(monkeypatch, path, model.backbone, torch.randn(3, 3, 32, 32), 'torch')
    for kind in ('timm', 'transformers'):
        assert f"format='{kind}': not available" in error_of_tool(
            monkeypatch, 'export.py', path, path.parent / 'out', '--format', kind)


BANDS = dict(
    type='mmguided.DataPreprocessor', mean=[90., 100., 110., 120., 130.],
    std=[50., 55., 60., 65., 70.])
FIVE = dict(
    type='mmguided.MAE',
    backbone=dict(
        type='mmguided.MaskedViT', patch_size=8, in_channels=5, img_size=32,
        arch=dict(embed_dims=16, num_layers=1, num_heads=2, feedforward_channels=32)),
    neck=dict(type='mmguided.MAEDecoder', embed_dims=8, depth=1, num_heads=2),
    mask_generator=dict(type='mmguided.MaskGenerator', mask_ratio=.5),
    target_generator=dict(type='mmguided.PixelTarget'),
    head=dict(type='mmguided.ReconstructionHead'), data_preprocessor=BANDS)


@torch.no_grad()
@pytest.mark.parametrize('size', [(32, 32), (16, 32), (64, 16)])  # 16, 8 and 16 patches
def test_five_bands_and_rectangular_images(checkpoint, monkeypatch, size):
    path, model = checkpoint(
        FIVE | dict(backbone=FIVE['backbone'] | dict(img_size=size)),
        train_dataloader=dict(dataset=dict(
            pipeline=[dict(type='mmguided.LoadRaster', scaling=(0, 4095))])))
    images = torch.randn(2, 5, *size)
    expected = model.backbone.image_tokens(images)
    folders = {kind: exported(monkeypatch, path, kind) for kind in ('timm', 'transformers')}
    theirs = timm.create_model(
        f'local-dir:{folders["timm"]}', pretrained=True, in_chans=5).eval()
    assert theirs.patch_embed.proj.in_channels == 5 and theirs.patch_embed.img_size == size
    torch.testing.assert_close(theirs.forward_features(images), expected, rtol=1e-5, atol=1e-5)
    assert ('5 channels in [0, 1] (`LoadRaster(scaling=(0, 4095))`, divided by 255), '
            in (folders['timm'] / 'README.md').read_text())
    config = json.loads((folders['transformers'] / 'config.json').read_text())
    assert (config['num_channels'], config['image_size']) == (5, list(size))
    assert config['architectures'] == [
        'ViTMAEForPreTraining' if size == (32, 32) else 'ViTModel']  # of square images only
    preprocessor = json.loads((folders['transformers'] / 'preprocessor_config.json').read_text())
    assert preprocessor['do_normalize'] and preprocessor['size'] == dict(
        height=size[0], width=size[1])
    for mean, std in ((theirs.pretrained_cfg['mean'], theirs.pretrained_cfg['std']),
                      (preprocessor['image_mean'], preprocessor['image_std'])):
        assert ([255 * value for value in mean], [255 * value for value in std]) == (
            pytest.approx(BANDS['mean']), pytest.approx(BANDS['std']))
    for folder in folders.values():
        back = mmguided.get_model(folder)
        assert torch.equal(back.backbone.image_tokens(images), expected)
        batch = dict(inputs=255 * torch.rand(1, 5, *size), data_samples=None)
        torch.testing.assert_close(back.data_preprocessor(batch.copy())['inputs'],
                                   model.data_preprocessor(batch.copy())['inputs'])
    if size == (16, 32):  # the others take seconds
        check_programs(monkeypatch, path, model.backbone, images, 'onnx', 'torch')


@torch.no_grad()
@pytest.mark.parametrize('kind', ['timm', 'transformers'])
def test_images_of_a_convnext_that_are_not_square(checkpoint, monkeypatch, kind):
    model = classifier('convnextv2')
    model['backbone']['img_size'] = (64, 96)
    path, model = checkpoint(model)
    back = mmguided.get_model(exported(monkeypatch, path, kind))
    assert back.backbone.patch_resolution == (2, 3)
    images = torch.randn(1, 3, 64, 96)
    assert torch.equal(back.backbone.image_tokens(images), model.backbone.image_tokens(images))


@torch.no_grad()
@pytest.mark.parametrize('pipeline, is_bgr', [
    (None, True), ([dict(type='mmguided.LoadImage')], True), ([dict(type='PackInputs')], False)])
def test_encoders_of_bgr_images_take_rgb_images(checkpoint, monkeypatch, pipeline, is_bgr):
    """All loading transforms give BGR, and datasets without one are arrays of RGB."""
    model = classifier('convnextv2') | dict(data_preprocessor=NORM | dict(to_rgb=False))
    path, model = checkpoint(model, **(
        {} if pipeline is None else dict(train_dataloader=dict(dataset=dict(pipeline=pipeline)))))
    images = torch.randn(1, 3, 64, 64)
    expected = model.backbone.image_tokens(images.flip(1) if is_bgr else images)
    theirs = timm.create_model(
        f'local-dir:{exported(monkeypatch, path, "timm")}', pretrained=True).eval()
    torch.testing.assert_close(
        theirs.forward_features(images).flatten(2).mT, expected, rtol=1e-5, atol=1e-5)
    mean = [value / 255 for value in NORM['mean']]
    assert theirs.pretrained_cfg['mean'] == (mean[::-1] if is_bgr else mean)


def test_images_that_are_not_normalized(checkpoint, monkeypatch):
    for preprocessor, mean, std in (({}, 0., 1.), (dict(mean=[100.], std=[50.]), 100., 50.)):
        path, _ = checkpoint(classifier('convnextv2') | dict(
            data_preprocessor=dict(preprocessor, to_rgb=True)))
        back = mmguided.get_model(exported(monkeypatch, path, 'timm')).data_preprocessor
        assert (back.mean.flatten().tolist(), back.std.flatten().tolist()) == (
            pytest.approx([mean] * 3), pytest.approx([std] * 3))


@pytest.fixture(scope='module')
def trained_mae(tmp_path_factory):
    """Checkpoint of MAE after two steps, and its model."""
    folder = tmp_path_factory.mktemp('mae')
    runner = train('mae', color_folders(folder / 'data', 8, 1), folder / 'run', epochs=1)
    return folder / 'run/epoch_1.pth', runner.model.eval(), runner.cfg.model.backbone


@torch.no_grad()
def test_trained_mae(trained_mae, monkeypatch, tmp_path):
    path, model, settings = trained_mae
    images = torch.randn(3, 3, 32, 32)
    expected = model.backbone.image_tokens(images)
    folder = exported(monkeypatch, path, 'timm')
    theirs = timm.create_model(f'local-dir:{folder}', pretrained=True).eval()
    torch.testing.assert_close(theirs.forward_features(images), expected, rtol=1e-5, atol=1e-5)
    assert 'MAE' in (folder / 'README.md').read_text()
    check_programs(monkeypatch, path, model.backbone, images, 'onnx', 'torch')
    plain = MODELS.build(dict(settings, type='VisionTransformer', out_type='raw'))
    plain.load_state_dict(torch.load(exported(monkeypatch, path, 'mmpretrain') / 'model.pth'))
    plain.eval()  # returns None
    torch.testing.assert_close(plain(images)[0], expected)


@torch.no_grad()
def test_vitmae_of_transformers_comes_back_with_its_decoder(trained_mae, monkeypatch):
    path, model, backbone = trained_mae
    folder = exported(monkeypatch, path, 'transformers')
    assert json.loads((folder / 'config.json').read_text())['model_type'] == 'vit_mae'
    back = mmguided.get_model(folder)
    assert type(back).__name__ == 'MAE'
    state, saved = back.state_dict(), model.state_dict()
    assert all(torch.equal(state[name], saved[name]) for name in saved if name != 'clock.epochs')
    # The other doors of a checkpoint.
    for source in (str(folder), str(folder / 'model.safetensors')):
        encoder = MODELS.build(dict(backbone, init_cfg=dict(
            type='Pretrained', checkpoint=source, prefix='backbone.')))
        encoder.init_weights()
        assert torch.equal(encoder.cls_token, model.backbone.cls_token)


def test_protocols_take_the_size_of_the_encoder_from_the_folder(trained_mae, monkeypatch):
    folder = exported(monkeypatch, trained_mae[0], 'timm')
    cfg = load_config('mmguided::benchmarks/folder/vit_linear.py',
                      {'model.backbone.init_cfg.checkpoint': str(folder)})
    fill_encoder(cfg, check_start(cfg))
    assert cfg.model.backbone.arch.embed_dims == 16 and cfg.model.backbone.patch_size == 8
    model = mmguided.get_model(Config(dict(cfg, model=cfg.model | dict(head=None))))
    model.init_weights()
    assert torch.equal(model.backbone.cls_token, trained_mae[1].backbone.cls_token)


def test_hub_names_are_read_from_the_cache(trained_mae, monkeypatch, tmp_path):
    path, model, _ = trained_mae
    cached = tmp_path / 'models--owner--name'
    (cached / 'refs').mkdir(parents=True)
    (cached / 'refs/main').write_text('abc')
    (cached / 'snapshots').mkdir()
    exported(monkeypatch, path, 'timm').rename(cached / 'snapshots/abc')
    monkeypatch.setattr(huggingface_hub.constants, 'HF_HUB_CACHE', str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, 'HF_HUB_OFFLINE', True)
    name = 'hf-hub:owner/name'
    assert named_checkpoints([f'a={name}'])['a'].samefile(cached / 'snapshots/abc')
    back = mmguided.get_model(name)
    assert torch.equal(back.backbone.cls_token, model.backbone.cls_token)
    with pytest.raises(ConfigError, match="^name='hf-hub:owner/other': not found .*HF_HOME"):
        mmguided.get_model('hf-hub:owner/other')
    with pytest.raises(ConfigError, match="^name='timm:no_model': not found"):
        mmguided.get_model('timm:no_model')


@pytest.mark.parametrize('change, said', [
    (dict(model_args=dict(checkpoint_path='evil.pth')), 'sets checkpoint_path'),
    (dict(model_args=dict(pretrained=True)), 'sets pretrained'),
    (dict(architecture='hf-hub:owner/evil'), "has no architecture 'hf-hub:owner"),
    (dict(model_args=dict(unknown=1)), "unexpected keyword argument 'unknown'"),
    (dict(model_args=dict(act_layer='relu')), "activation 'relu'"),
    (dict(pretrained_cfg={}), 'mean None')])
def test_configs_that_read_other_files_or_do_not_fit(trained_mae, monkeypatch, change, said):
    folder = exported(monkeypatch, trained_mae[0], 'timm')
    config = json.loads((folder / 'config.json').read_text())
    args = config['model_args'] | change.get('model_args', {})
    (folder / 'config.json').write_text(json.dumps(config | change | dict(model_args=args)))
    with pytest.raises(ConfigError, match=f'^name=.*{said}'):
        mmguided.get_model(folder)


@pytest.mark.parametrize('change, said', [
    (lambda folder: (folder / 'model.safetensors').unlink(), 'model.safetensors.*cannot be read'),
    (lambda folder: (folder / 'preprocessor_config.json').unlink(), 'cannot be read'),
    (lambda folder: (folder / 'config.json').write_text('{'), 'cannot be read')])
def test_incomplete_folders(trained_mae, monkeypatch, change, said):
    folder = exported(monkeypatch, trained_mae[0], 'transformers')
    change(folder)
    with pytest.raises(ConfigError, match=f'^name=.*{said}'):
        mmguided.get_model(folder)
