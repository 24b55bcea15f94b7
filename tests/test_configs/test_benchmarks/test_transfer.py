"""configs/benchmarks/{transfer,folder}: the papers' settings, and a step of each config on folders
in the published layout."""
import copy
import functools
import math
import re

import pytest
import torch
import yaml
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.runner import Runner

from mmguided.cli.arguments import fill_num_classes, set_data_root
from mmguided.models import MaskedViT
from mmguided.registry import MODELS
from tests.helpers.colors import ARCH, CONFIGS, color_folders
from tests.helpers.configs import differences, docstring, table_row
from tests.helpers.paths import ROOT
from tests.helpers.tools import run_tool
from tests.helpers.transfer import CONVERTERS, LAYOUTS

TRANSFER, FOLDER = (sorted(f'{folder}/{path.name}' for path in (CONFIGS / folder).glob('*.py'))
                    for folder in ('transfer', 'folder'))
README = (CONFIGS / 'transfer/README.md').read_text()
CLASSES = dict(
    cifar10=10, cifar100=100, dtd=47, flowers102=102, cub200=200, stanford_dogs=120,
    tiny_imagenet=200, inaturalist2018=8142, inaturalist2019=1010)
# Epochs, images per step, lr, pixels; rates per 256 images unless a paper states them otherwise.
PAPERS = {
    'cifar10': (100, 512, 1.5e-3 * 2, 32), 'cifar100': (100, 512, 1.5e-3 * 2, 32),
    'tiny-imagenet': (100, 512, 1.5e-3 * 2, 64), 'dtd': (100, 16, 2.5e-3 / 16, 448),
    'flowers102': (100, 16, 7e-4 / 16, 224), 'stanford-dogs': (100, 16, 7e-4 / 16, 224),
    'cub200': (100, 16, 7e-4 / 16, 224), 'inaturalist2018': (360, 1024, 3e-4, 224),
    'inaturalist2019': (360, 1024, 3e-4, 224),
    # MAE's on ImageNet
    'cifar10_224': (100, 1024, 2e-3, 224), 'cifar100_224': (100, 1024, 2e-3, 224),
    'cub200_mae': (100, 1024, 2e-3, 224), 'inaturalist2019_mae': (100, 1024, 2e-3, 224)}


_read = functools.cache(Config.fromfile)


def load(name):
    return copy.deepcopy(_read(CONFIGS / name))


def data_of(name):
    """The variable of the data set that a config is for."""
    stem = name.removeprefix('transfer/').removesuffix('.py')
    return re.split('-(?=cifar|dtd|flowers|cub|stanford|tiny-|inat)', stem)[-1].removesuffix(
        '_224').removesuffix('_mae').replace('-', '_')


@pytest.fixture(scope='session')
def folders(tmp_path_factory):
    """Data set -> folder in its layout, its lists written by the converter."""
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
    """Patch size -> file of an encoder, and its state."""
    found = {}
    for patch, size in ((16, 224), (4, 32)):
        encoder = MaskedViT(arch=ARCH, img_size=size, patch_size=patch)
        encoder.init_weights()
        path = tmp_path_factory.mktemp('encoders') / f'{patch}.pth'
        state = {f'backbone.{name}': value for name, value in encoder.state_dict().items()}
        torch.save(dict(state_dict=state), path)
        found[patch] = path, state
    return found


@pytest.fixture(autouse=True)
def _small_data(monkeypatch):
    monkeypatch.setattr('mmpretrain.datasets.cifar.check_md5', lambda *args: True)
    monkeypatch.setattr('gc.collect', lambda: 0)  # at each data set, half a second


def reduced(name, folders, checkpoints):
    """A config with a small encoder on small data; images keep their size."""
    cfg = load(name)
    set_data_root(cfg, str(folders['colors' if name in FOLDER else data_of(name)]))
    fill_num_classes(cfg)
    model = cfg.model
    arch = model.backbone.arch
    depth = (MaskedViT.arch_zoo[arch] if isinstance(arch, str) else arch)['num_layers']
    model.backbone.arch = ARCH
    if model.backbone.get('frozen_stages', -1) > 0:
        model.backbone.frozen_stages += ARCH['num_layers'] - depth
    for part in (model.get('head'), *(neck for neck in [model.get('neck')] if neck)):
        for node in part if isinstance(part, list) else [part]:
            for width in {'in_channels', 'input_features'} & set(node or ()):
                node[width] = ARCH['embed_dims']
    if 'init_cfg' in model.backbone:
        model.backbone.init_cfg.checkpoint = str(checkpoints[model.backbone.patch_size][0])
    for loader in (cfg.get('train_dataloader'), cfg.test_dataloader, model.get('bank_dataloader')):
        if loader is not None:
            loader.update(batch_size=4, num_workers=0, pin_memory=False)
    return cfg


def steps(cfg, num=1):
    """The model before and after steps of training, and the last batch."""
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).train()
    for part in (model.backbone, model.head):  # without the log of all weights
        part.init_weights()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    settings = {key: value for key, value in cfg.optim_wrapper.items() if key != 'loss_scale'}
    wrapper = build_optim_wrapper(model, dict(settings, type='OptimWrapper'))
    for _, batch in zip(range(num), Runner.build_dataloader(cfg.train_dataloader, seed=0),
                        strict=False):
        assert math.isfinite(model.train_step(batch, wrapper)['loss'].item())
    return before, model, batch


def check_prediction(cfg, model, size):
    """Scores of all classes for a batch of test images at the encoder's size."""
    batch = next(iter(Runner.build_dataloader(cfg.test_dataloader)))
    assert {image.shape for image in batch['inputs']} == {(3, size, size)}
    samples = model.eval().test_step(batch)
    scores = torch.stack([sample.pred_score for sample in samples])
    if 'head' in cfg.model:
        assert scores.shape[1] == cfg.model.head.num_classes
    torch.testing.assert_close(scores.sum(1), torch.ones(len(scores)))


@pytest.mark.parametrize('name', [name for name in (*TRANSFER, *FOLDER) if '_knn' not in name])
def test_a_step_on_the_published_layout(name, folders, checkpoints):
    cfg = reduced(name, folders, checkpoints)
    before, model, batch = steps(cfg)
    size = cfg.model.backbone.img_size
    assert batch['inputs'].shape == (4, 3, size, size)
    if name in TRANSFER:
        assert load(name).model.head.num_classes == CLASSES[data_of(name)]
    learned = {key for key, value in model.state_dict().items()
               if not torch.equal(value, before[key])}
    assert any(key.startswith('head.') for key in learned)
    assert any(key.startswith('backbone.layers.1.') for key in learned) == ('linear' not in name)
    assert any(key.startswith('backbone.layers.0.') for key in learned) == (
        'linear' not in name and 'last-1' not in name)
    check_prediction(cfg, model, size)


@pytest.mark.parametrize('name', [name for name in (*TRANSFER, *FOLDER) if '_knn' in name])
def test_neighbors_on_the_published_layout(name, folders, checkpoints):
    cfg = reduced(name, folders, checkpoints)
    cfg.model.ks = (2, )
    model = MODELS.build(cfg.model)
    model.backbone.init_weights()
    check_prediction(cfg, model, cfg.model.backbone.img_size)
    assert len(model.bank[0]) > 4


@pytest.mark.parametrize('name', [
    'folder/vit-micro_finetune_last-1.py', 'transfer/vit-tiny_finetune_last-1-cifar10.py'])
def test_only_the_last_block_learns(name, folders, checkpoints):
    cfg = reduced(name, folders, checkpoints)
    before, model, _ = steps(cfg, num=2)
    after = model.state_dict()
    changed = {key for key, value in after.items() if not torch.equal(value, before[key])}
    last = {key for key in after if key.startswith('backbone.layers.1.')}
    assert changed == last | {
        'backbone.ln2.weight', 'backbone.ln2.bias', 'head.fc.weight', 'head.fc.bias'}
    saved = checkpoints[4][1]
    for key in set(after) & set(saved) - last:
        assert torch.equal(after[key], saved[key]), key
    assert not any(part.training for part in model.train().backbone.layers[0].modules())


@pytest.mark.parametrize('arch', ['b', 's'])
@pytest.mark.parametrize('data', PAPERS)
def test_settings_of_the_papers(data, arch):
    name = f'transfer/vit-{arch}_finetune-{data}.py'
    if name not in TRANSFER:
        assert arch == 's' and data.endswith('_mae')
        return
    epochs, batch, lr, pixels = PAPERS[data]
    cfg = load(name)
    warmup, cosine = cfg.param_scheduler
    assert (warmup.end, cosine.begin, cosine.end, cosine.T_max) == (5, 5, epochs, epochs - 5)
    assert cfg.train_cfg.max_epochs == epochs
    assert cfg.optim_wrapper.optimizer.lr == pytest.approx(lr)
    assert cosine.eta_min_ratio * lr == pytest.approx(1e-6)
    assert (cfg.optim_wrapper.optimizer.weight_decay,
            cfg.optim_wrapper.paramwise_cfg.layer_decay_rate) == (.05, .65)
    processes = int((re.search(r'\.py (\d) ', docstring(f'benchmarks/{name}')) or [0, 1])[1])
    assert processes * cfg.train_dataloader.batch_size == cfg.auto_scale_lr.base_batch_size == batch
    crop = next(t for t in cfg.train_dataloader.dataset.pipeline if t.type == 'RandomResizedCrop')
    assert crop.scale == cfg.model.backbone.img_size == pixels
    assert cfg.model.backbone.arch == dict(b='base', s='small')[arch]
    preprocess = cfg.model.data_preprocessor
    assert preprocess.mean == [123.675, 116.28, 103.53]
    assert preprocess.to_rgb == ('cifar' not in data)


def test_fill_colors_follow_the_channels_of_cifar():
    """Its arrays are RGB until they are normalized, and other images BGR."""
    fills = {}
    for data in ('cifar10_224', 'cifar100', 'dtd'):
        pipeline = load(f'transfer/vit-b_finetune-{data}.py').train_dataloader.dataset.pipeline
        augment, erase = ({t.type: t for t in pipeline}[name]
                          for name in ('RandAugment', 'RandomErasing'))
        fills[data] = augment.hparams.pad_val, erase.fill_color, erase.fill_std
    assert fills['cifar10_224'] == fills['cifar100'] == (
        [124, 116, 104], [123.675, 116.28, 103.53], [58.395, 57.12, 57.375])
    assert fills['dtd'] == tuple(values[::-1] for values in fills['cifar100'])


def test_a_red_image_of_cifar_reaches_the_encoder_as_red(folders, checkpoints):
    cfg = reduced('transfer/vit-micro_knn-cifar10.py', folders, checkpoints)
    model = MODELS.build(cfg.model)
    batch = next(iter(Runner.build_dataloader(cfg.test_dataloader)))
    image = model.data_preprocessor(batch)['inputs'][1]  # of label 9
    expected = torch.tensor([(9 - 123.675) / 58.395, -116.28 / 57.12, -103.53 / 57.375])
    torch.testing.assert_close(image.mean((1, 2)), expected)


def test_the_sizes_share_one_recipe():
    for name in TRANSFER:
        if name.startswith('transfer/vit-s'):
            large = name.replace('vit-s', 'vit-b')
            assert differences(load(large)._cfg_dict, load(name)._cfg_dict) == {
                'model.backbone.arch': 'small', 'model.head.in_channels': 384}


@pytest.mark.parametrize('name', TRANSFER)
def test_docstring_holds_the_command_and_invents_no_number(name):
    text = docstring(f'benchmarks/{name}')
    assert f'configs/benchmarks/{name}' in text and 'not measured' in text
    data = re.sub('^vit-._finetune-', '', name.split('/')[1].removesuffix('.py'))
    number = re.search(r'reports for ViT-. [^:]*: (\d\d\.\d)', text)
    if number:
        assert number[1] in ' '.join(table_row(README, f'{data}`'))
    elif data in PAPERS:
        assert 'No paper here reports this number' in text or 'states' in text


@pytest.mark.parametrize('data', LAYOUTS)
def test_readme_states_classes_and_the_folder(data):
    values = Config.fromfile(ROOT / f'configs/_base_/datasets/transfer/{data}.py')[data]
    assert values.num_classes == CLASSES[data]
    assert values.train.data_root == values.val.data_root
    row = table_row(README, f'`{values.train.data_root}/`')
    assert row[1] == str(CLASSES[data])


@pytest.mark.parametrize('folder, names', [('transfer', TRANSFER), ('folder', FOLDER)])
def test_every_config_is_in_the_metafile(folder, names):
    models = yaml.safe_load((CONFIGS / folder / 'metafile.yml').read_text())['Models']
    assert [model['Config'] for model in models] == [f'configs/benchmarks/{name}' for name in names]
    for model in models:
        cfg = load(model['Config'].removeprefix('configs/benchmarks/'))
        said = model['Metadata'].get('Epochs'), model['Metadata'].get('Batch Size')
        assert said == ((cfg.train_cfg.max_epochs, cfg.auto_scale_lr.base_batch_size)
                        if cfg.get('train_cfg') else (None, None))
