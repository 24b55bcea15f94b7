"""Configs of transfer and of labeled folders: values of the papers, and one step of each config on
folders in the published layout."""
import math

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from mmguided.cli.arguments import fill_encoder, fill_num_classes, set_data_root
from mmguided.models import MaskedViT
from mmguided.registry import DATASETS, MODELS
from tests.helpers.benchmarks import load, names, save_encoder
from tests.helpers.colors import ARCH, color_folders
from tests.helpers.tools import run_tool
from tests.helpers.transfer import CONVERTERS, LAYOUTS

TRANSFER, FOLDER = names('transfer'), names('folder')
LAST_BLOCK = {
    'folder/vit-micro_finetune': 5, 'folder/vit_finetune': 11,
    'transfer/vit-micro_finetune_cifar10': 5, 'transfer/vit-micro_finetune_cifar100': 5}
LAST_BLOCK = [f'{name} model.backbone.frozen_stages={n}' for name, n in LAST_BLOCK.items()]
KNN = [name for name in (*TRANSFER, *FOLDER) if '_knn' in name]
TRAINED = [name for name in (*TRANSFER, *FOLDER) if '_knn' not in name] + LAST_BLOCK
CLASSES = dict(
    cifar10=10, cifar100=100, dtd=47, flowers102=102, cub200=200, stanford_dogs=120,
    tiny_imagenet=200, inaturalist2018=8142, inaturalist2019=1010)
# Epochs, images per step, lr, pixels, processes; rates are per 256 images, except ccMIM's.
PAPERS = {
    'cifar10': (100, 512, 1.5e-3 * 2, 32, 1), 'cifar100': (100, 512, 1.5e-3 * 2, 32, 1),
    'tiny-imagenet': (100, 512, 1.5e-3 * 2, 64, 1), 'dtd': (100, 16, 2.5e-3 / 16, 448, 1),
    'flowers102': (100, 16, 7e-4 / 16, 224, 1), 'stanford-dogs': (100, 16, 7e-4 / 16, 224, 1),
    'cub200': (100, 16, 7e-4 / 16, 224, 1),  # these seven: Conditional MAE
    'inaturalist2018': (360, 1024, 3e-4, 224, 8), 'inaturalist2019': (360, 1024, 3e-4, 224, 8),
    'flowers102_ccmim': (360, 1024, 3e-4, 224, 8),
    # MAE's on ImageNet
    'cifar10_224': (100, 1024, 2e-3, 224, 8), 'cifar100_224': (100, 1024, 2e-3, 224, 8),
    'cub200_mae': (100, 1024, 2e-3, 224, 8), 'inaturalist2019_mae': (100, 1024, 2e-3, 224, 8)}


def data_of(name):
    """Variable of a config's dataset in configs/_base_/datasets/transfer.py."""
    return name.split()[0].split('_')[2].replace('-', '_')


@pytest.fixture(scope='session')
def folders(tmp_path_factory):
    """Dataset -> folder in its layout, with the lists of the converter."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        for name, build in LAYOUTS.items():
            found[name] = tmp_path_factory.mktemp(name)
            build(found[name])
            if name in CONVERTERS:
                tool, *options = CONVERTERS[name]
                run_tool(patch, f'dataset_converters/{tool}.py', found[name], *options)
    found['colors'] = color_folders(tmp_path_factory.mktemp('colors'), train=3, val=2)
    return found


@pytest.fixture(scope='session')
def checkpoints(tmp_path_factory):
    """Patch size -> checkpoint of an encoder."""
    found = {}
    for patch, size in ((16, 224), (4, 32)):
        encoder = dict(type='mmguided.MaskedViT', arch=ARCH, img_size=size, patch_size=patch)
        found[patch] = save_encoder(encoder, tmp_path_factory.mktemp('encoders') / f'{patch}.pth')
    return found


@pytest.fixture(autouse=True)
def _small_data(monkeypatch):
    monkeypatch.setattr('mmpretrain.datasets.cifar.check_md5', lambda *args: True)
    monkeypatch.setattr('gc.collect', lambda: 0)  # called per dataset, takes half a second


def reduced(name, folders, checkpoints):
    """Config with a small encoder and little data; the image size is unchanged."""
    cfg = load(name)
    data = 'colors' if name.startswith('folder/') else data_of(name)
    set_data_root(cfg, str(folders[data]))
    fill_num_classes(cfg)
    model = cfg.model
    if model.backbone.arch is None:  # that of a checkpoint
        model.backbone.update(arch='base', img_size=32, patch_size=4)
    fill_encoder(cfg, None)
    arch = model.backbone.arch
    depth = (MaskedViT.arch_zoo[arch] if isinstance(arch, str) else arch)['num_layers']
    model.backbone.arch = ARCH
    if model.backbone.get('frozen_stages', -1) > 0:
        model.backbone.frozen_stages += ARCH['num_layers'] - depth
    if 'init_cfg' in model.backbone:
        model.backbone.init_cfg.checkpoint = checkpoints[model.backbone.patch_size]
    for loader in (cfg.get('train_dataloader'), cfg.test_dataloader, model.get('bank_dataloader')):
        if loader is not None:
            loader.update(batch_size=4, num_workers=0, pin_memory=False)
    return cfg


def step(cfg):
    """Model before and after a training step, and the batch."""
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).train()
    for part in (model.backbone, model.head):  # without the log of all weights
        part.init_weights()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    settings = {key: value for key, value in cfg.optim_wrapper.items() if key != 'loss_scale'}
    wrapper = build_optim_wrapper(model, dict(settings, type='OptimWrapper'))
    batch = next(iter(Runner.build_dataloader(cfg.train_dataloader, seed=0)))
    assert math.isfinite(model.train_step(batch, wrapper)['loss'].item())
    return before, model, batch


def check_prediction(cfg, model, size):
    """Check that the model predicts scores of all classes for test images of the encoder's size."""
    batch = next(iter(Runner.build_dataloader(cfg.test_dataloader)))
    assert {image.shape for image in batch['inputs']} == {(3, size, size)}
    samples = model.eval().test_step(batch)
    scores = torch.stack([sample.pred_score for sample in samples])
    if 'head' in cfg.model:
        assert scores.shape[1] == cfg.model.head.num_classes
    torch.testing.assert_close(scores.sum(1), torch.ones(len(scores)))


@pytest.mark.parametrize('name', FOLDER)
def test_all_protocols_of_a_folder_read_the_same_images(name, tmp_path):
    """mmpretrain's CustomDataset leaves out .webp and .tiff. Tests stop at unreadable images."""
    cfg = load(name)
    color_folders(tmp_path, train=2, val=2)
    for split in ('train', 'val'):
        image, *_ = (tmp_path / split).glob('*/*')
        image.rename(image.with_suffix('.webp'))
    set_data_root(cfg, str(tmp_path))
    for loader in (cfg.get('train_dataloader') or cfg.model.bank_dataloader, cfg.test_dataloader):
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            assert len(DATASETS.build(dict(loader.dataset, pipeline=[]))) == 6
    assert cfg.test_dataloader.dataset.test_mode


@pytest.mark.parametrize('name', TRAINED)
def test_a_step_on_the_published_layout(name, folders, checkpoints):
    cfg = reduced(name, folders, checkpoints)
    before, model, batch = step(cfg)
    size = cfg.model.backbone.img_size
    assert batch['inputs'].shape == (4, 3, size, size)
    if name.startswith('transfer/'):
        assert load(name).model.head.num_classes == CLASSES[data_of(name)]
    learned = {key for key, value in model.state_dict().items()
               if not torch.equal(value, before[key])}
    assert any(key.startswith('head.') for key in learned)
    assert any(key.startswith('backbone.layers.1.') for key in learned) == ('linear' not in name)
    assert any(key.startswith('backbone.layers.0.') for key in learned) == (
        'linear' not in name and 'frozen' not in name)
    check_prediction(cfg, model, size)


@pytest.mark.parametrize('name', KNN)
def test_neighbors_on_the_published_layout(name, folders, checkpoints):
    cfg = reduced(name, folders, checkpoints)
    cfg.model.ks = (2, )
    model = MODELS.build(cfg.model)
    model.backbone.init_weights()
    check_prediction(cfg, model, cfg.model.backbone.img_size)
    assert len(model.bank[0]) > 4


def test_the_table_covers_every_config_of_the_papers():
    assert {f'transfer/vit-b_finetune_{data}' for data in PAPERS} == {
        name for name in TRANSFER if '/vit-b' in name}


@pytest.mark.parametrize('data', PAPERS)
def test_settings_of_the_papers(data):
    epochs, batch, lr, pixels, processes = PAPERS[data]
    cfg = load(f'transfer/vit-b_finetune_{data}')
    warmup, cosine = cfg.param_scheduler
    assert (warmup.end, cosine.begin, cosine.end) == (5, 5, epochs)
    assert cfg.train_cfg.max_epochs == epochs
    assert cfg.optim_wrapper.optimizer.lr == pytest.approx(lr)
    assert cosine.eta_min_ratio * lr == pytest.approx(1e-6)
    assert (cfg.optim_wrapper.optimizer.weight_decay,
            cfg.optim_wrapper.paramwise_cfg.layer_decay_rate) == (.05, .65)
    assert processes * cfg.train_dataloader.batch_size == cfg.auto_scale_lr.base_batch_size == batch
    crop = next(t for t in cfg.train_dataloader.dataset.pipeline
                if t.type == 'mmguided.RandomResizedCrop')
    assert crop.scale == cfg.model.backbone.img_size == pixels
    preprocess = cfg.model.data_preprocessor
    assert preprocess.mean == [123.675, 116.28, 103.53]
    assert preprocess.to_rgb == ('cifar' not in data)


def test_fill_colors_follow_the_channels_of_cifar():
    """CIFAR arrays are RGB before normalization, and other images are BGR."""
    fills = {}
    for data in ('cifar10_224', 'cifar100', 'dtd'):
        pipeline = load(f'transfer/vit-b_finetune_{data}').train_dataloader.dataset.pipeline
        augment, erase = ({t.type: t for t in pipeline}[name]
                          for name in ('RandAugment', 'RandomErasing'))
        fills[data] = augment.hparams.pad_val, erase.fill_color, erase.fill_std
    assert fills['cifar10_224'] == fills['cifar100'] == (
        [124, 116, 104], [123.675, 116.28, 103.53], [58.395, 57.12, 57.375])
    assert fills['dtd'] == tuple(values[::-1] for values in fills['cifar100'])


def test_a_red_image_of_cifar_reaches_the_encoder_as_red(folders, checkpoints):
    cfg = reduced('transfer/vit-micro_knn_cifar10', folders, checkpoints)
    model = MODELS.build(cfg.model)
    batch = next(iter(Runner.build_dataloader(cfg.test_dataloader)))
    image = model.data_preprocessor(batch)['inputs'][1]  # of label 9
    expected = torch.tensor([(9 - 123.675) / 58.395, -116.28 / 57.12, -103.53 / 57.375])
    torch.testing.assert_close(image.mean((1, 2)), expected)
