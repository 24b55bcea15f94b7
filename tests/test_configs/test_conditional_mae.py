"""Conditional MAE's configs say what the paper says and what their docstrings and README say."""
import re
from types import SimpleNamespace

import pytest
import torch
import yaml
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.runner import Runner
from PIL import Image

from mmguided.registry import DATASETS, MODELS
from tests.helpers.configs import (
    build_without_memory,
    differences,
    docstring,
    load,
    shots_of,
    table_row,
)
from tests.helpers.models import make_mask
from tests.helpers.paths import ROOT

FOLDER = ROOT / 'configs' / 'conditional_mae'
README = (FOLDER / 'README.md').read_text()
VITS = sorted(path.stem for path in FOLDER.glob('vit-[sbl]_*.py'))
ENCODERS = dict(S=('small', 384, 12), B=('base', 768, 12), L=('large', 1024, 24))


def load_own(name):
    return load(f'conditional_mae/{name}')


@pytest.mark.parametrize('name', VITS)
def test_recipe(name):
    """A.1 of the paper, where the docstring and the README do not say it."""
    doc, row = docstring(f'conditional_mae/{name}'), table_row(README, f'[`{name}`]')
    encoder, where = re.match(
        r'Conditional MAE, (ViT-[SBL])/16, L\(.*ImageNet-(1K|100)', doc).groups()
    in100 = where == '100'
    assert in100 == ('in100' in name)
    if row[1] != 'the same':
        assert row[1].startswith(f'{encoder}/16') and shots_of(row[1]) == shots_of(doc)
    epochs, batch = (int(re.search(pattern, text)[1]) for pattern, text in (
        (r'_(\d+)e$', name), (r'total batch (\d+);', doc)))
    base_lr = 1.5e-4 if in100 else float(row[3])
    assert in100 or int(row[2]) == epochs
    warm = 30 if encoder == 'ViT-L' else 40

    cfg = load_own(name)
    warmup, cosine = cfg.param_scheduler
    assert cfg.train_cfg.max_epochs == cosine.end == epochs
    assert (warmup.begin, warmup.end, cosine.begin, cosine.T_max) == (0, warm, warm, epochs - warm)
    assert (warmup.type, cosine.type, cosine.eta_min) == ('LinearLR', 'CosineAnnealingLR', 0.)
    assert cfg.train_dataloader.batch_size * 8 == cfg.auto_scale_lr.base_batch_size == batch
    adamw = cfg.optim_wrapper.optimizer
    assert adamw.lr == pytest.approx(base_lr * batch / 256)
    assert (adamw.type, adamw.betas, adamw.weight_decay) == ('AdamW', (.9, .95), .05)
    assert 'clip_grad' not in cfg.optim_wrapper
    classes = 'data/imagenet/subsets/imagenet100.txt' if in100 else None
    assert cfg.train_dataloader.dataset.get('classes') == classes
    steps = [(t.type, t.get('scale')) for t in cfg.train_dataloader.dataset.pipeline]
    assert steps == [
        ('LoadImageFromFile', None), ('RandomResizedCrop', 224), ('PackInputs', None)]
    model = cfg.model
    assert model.backbone.arch == ENCODERS[encoder[-1]][0]
    masks = {key: value for key, value in model.mask_generator.items() if value is not None}
    assert masks == dict(type='mmguided.MaskGenerator', shots=shots_of(doc))
    weights = 'ratio' if 'weighted' in doc else 'equal'
    assert model.get('shot_weights', 'equal') == weights == (
        'ratio' if 'ratio-weights' in name else 'equal')
    assert (model.neck.embed_dims, model.neck.depth, model.neck.num_heads) == (512, 8, 16)
    assert model.target_generator.norm_pix


def test_batches_and_rates_of_the_paper():
    """A.1 in numbers, and the best shots of Sec. 3.1."""
    names = ('vit-b_300e', 'vit-b_800e', 'vit-b_1600e', 'vit-l_300e', 'vit-s_in100_300e')
    configs = [load_own(name) for name in names]
    assert [cfg.train_dataloader.batch_size for cfg in configs] == [512, 512, 512, 128, 32]
    assert [cfg.optim_wrapper.optimizer.lr for cfg in configs] == pytest.approx(
        [2.4e-3, 1.6e-4, 8e-5, 2e-5, 1.5e-4])
    assert {cfg.model.mask_generator.shots for cfg in configs} == {((0, .75), (10, .1))}
    assert load_own('vit-s_in100_three-shot_300e').model.mask_generator.shots == (
        (0, .75), (10, .1), (11, .1))


@pytest.mark.parametrize('name', VITS)
def test_docstring_holds_the_command_hardware_and_the_papers_number(name):
    doc = docstring(f'conditional_mae/{name}')
    assert f'tools/dist_train.sh configs/conditional_mae/{name}.py 8' in doc
    images = load_own(name).train_dataloader.batch_size
    assert f'Hardware: 8 GPUs, {images} images each' in doc
    assert 'The paper\'s number' in doc and 'Ours: not measured' in doc


@pytest.mark.parametrize('name', VITS)
def test_model_builds_with_fitting_widths(name):
    cfg = load_own(name)
    model = build_without_memory(cfg)
    _, width, depth = ENCODERS[name[4].upper()]
    assert (model.backbone.embed_dims, model.backbone.num_layers) == (width, depth)
    assert model.neck.decoder_embed.in_features == width
    assert model.head.decoder_pred.out_features == model.target_generator.dims == 768
    assert model.mask_generator.layers == [layer for layer, _ in cfg.model.mask_generator.shots]


def test_every_config_is_checked_and_in_readme_and_metafile():
    names = {path.stem for path in FOLDER.glob('*.py')}
    assert len(VITS) == 8 and names - set(VITS) == {
        'vit-micro_folder-32', 'swin-b_one-shot_100e', 'swin-b_two-shot_100e',
        'convnextv2-b_one-shot_800e', 'convnextv2-b_two-shot_800e'}
    assert [name for name in names if f'({name}.py)' not in README] == []
    models = yaml.safe_load((FOLDER / 'metafile.yml').read_text())['Models']
    assert {model['Config'] for model in models} == {
        f'configs/conditional_mae/{name}.py' for name in names}
    for model in models:
        if 'micro' in model['Name']:
            continue
        cfg = Config.fromfile(str(ROOT / model['Config']))
        assert model['Metadata']['Epochs'] == cfg.train_cfg.max_epochs
        batch = cfg.auto_scale_lr.base_batch_size * cfg.optim_wrapper.get('accumulative_counts', 1)
        assert model['Metadata']['Batch Size'] == batch
        subset = 'classes' in cfg.train_dataloader.dataset
        assert (model['Metadata']['Training Data'] == 'ImageNet-100') == subset


def test_the_micro_config_steps():
    """64 patches: 48 masked before the first block, 2 of 16 before the last."""
    cfg = load_own('vit-micro_folder-32')
    model = MODELS.build(cfg.model)
    model.init_weights()
    losses = model.loss(torch.randn(2, 3, 32, 32))
    first, second = losses['error_shot_1'], losses['error_shot_2']
    loss = losses['loss_reconstruction'].detach()
    torch.testing.assert_close(loss, (48 * first + 2 * second) / 50)
    # An untrained decoder predicts about 0 for targets of mean 0 and variance 1 (norm_pix).
    assert .5 < loss < 2
    knn = Config.fromfile(str(ROOT / 'configs/benchmarks/folder/vit-micro_knn.py')).model.backbone
    assert all(model.state_dict()[f'backbone.{key}'].shape == value.shape
               for key, value in MODELS.build(knn).state_dict().items())


@pytest.mark.parametrize('command', re.findall(
    r'^tools/dist_train\.sh configs/(benchmarks/\S+)\.py 8 \\\n(.*)$', README, re.M),
    ids=lambda command: command[0])
def test_the_readmes_evaluations_change_fields_that_are_there(command):
    name, options = command
    cfg, before = load(name), load(name)
    options = dict(option.split('=') for option in options.split() if '=' in option)
    cfg.merge_from_dict({key: float(value) if re.fullmatch(r'[\d.e-]+', value) else value
                         for key, value in options.items()})
    assert set(differences(before.to_dict(), cfg.to_dict())) == set(options)


def test_fine_tuning_on_imagenet_100(tmp_path):
    """A.1: a class that is not in the list is in neither split."""
    cfg = load('benchmarks/imagenet100/vit-s_finetune-100e')
    model = build_without_memory(cfg)
    assert model.head.fc.out_features == model.data_preprocessor.num_classes == 100
    assert model.head.fc.in_features == model.backbone.embed_dims == 384
    for split in ('train', 'val'):
        for name in 'abc':
            image = tmp_path / split / name / 'x.png'
            image.parent.mkdir(parents=True)
            Image.new('RGB', (40, 40)).save(image)
    (tmp_path / 'classes.txt').write_text('a\nc\n')
    sizes = []
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.dataset.update(data_root=str(tmp_path), classes=str(tmp_path / 'classes.txt'))
        dataset = DATASETS.build(loader.dataset)
        samples = [dataset[i] for i in range(len(dataset))]
        assert [sample['data_samples'].gt_label.item() for sample in samples] == [0, 1]
        sizes += [sample['inputs'].shape for sample in samples]
        assert dataset.test_mode == (loader is not cfg.train_dataloader)
    assert sizes == [(3, 224, 224)] * 6


def test_the_readmes_guided_shot():
    """Of the tokens present, those that [CLS] attends to most are masked."""
    shot = eval(re.search(r'`(dict\(layer=10.*?)`', ' '.join(README.split()))[1])
    cfg = load_own('vit-s_in100_300e')
    cfg.model.mask_generator.shots = ((0, .75), shot)
    model, images = MODELS.build(cfg.model), torch.randn(1, 3, 224, 224)
    mask, log_vars = model.make_mask(images, model.observe(images))
    assert [mask.len_keep_at(layer) for layer in (0, 9, 10)] == [49, 49, 44]
    assert log_vars['topk_overlap_shot_2'] == log_vars['guided_share_shot_2'] == 1


@pytest.mark.parametrize('shots', ['one', 'two'])
def test_swins_recipe_is_mmpretrains(shots):
    cfg = load_own(f'swin-b_{shots}-shot_100e')
    theirs = get_config(
        'mmpretrain::simmim/simmim_swin-base-w6_8xb256-amp-coslr-100e_in1k-192px.py')
    assert cfg.optim_wrapper.optimizer == theirs.optim_wrapper.optimizer
    assert cfg.optim_wrapper.clip_grad == theirs.optim_wrapper.clip_grad
    assert cfg.train_cfg.max_epochs == theirs.train_cfg.max_epochs == 100
    assert cfg.auto_scale_lr.base_batch_size == theirs.auto_scale_lr.base_batch_size == 2048
    assert cfg.train_dataloader.batch_size == theirs.train_dataloader.batch_size == 2048 / 8
    (warmup, cosine), (their_warmup, their_cosine) = cfg.param_scheduler, theirs.param_scheduler
    lowest = cosine.pop('eta_min_ratio') * cfg.optim_wrapper.optimizer.lr
    assert lowest == pytest.approx(their_cosine.pop('eta_min'))
    assert (warmup, cosine) == (their_warmup, their_cosine)
    _, crop, flip, _ = cfg.train_dataloader.dataset.pipeline
    _, their_crop, their_flip, masks, _ = theirs.train_dataloader.dataset.pipeline
    assert their_crop.items() <= crop.items() and their_flip.items() <= flip.items()
    assert masks.mask_ratio == .6


def test_swins_number_of_parameters_masks_and_decay():
    """Those of mmpretrain's metafile, and one more token; 22 of 36 units, and 2 more."""
    cfg = load_own('swin-b_two-shot_100e')
    model = MODELS.build(cfg.model)
    assert sum(p.numel() for p in model.parameters()) == 89874104 + 1024
    mask, _ = make_mask(model, torch.empty(1, 3, 192, 192))
    assert mask.shot.flatten().bincount().tolist() == [12, 22, 2]

    cfg.optim_wrapper.type = 'OptimWrapper'
    del cfg.optim_wrapper.loss_scale
    with_model = SimpleNamespace(model=model)
    optimizer = Runner.build_optim_wrapper(with_model, cfg.optim_wrapper).optimizer
    decay = {id(g['params'][0]): g['weight_decay'] for g in optimizer.param_groups}
    for name, parameter in model.named_parameters():
        exempt = parameter.ndim == 1 or 'mask_token' in name or 'bias_table' in name
        assert decay[id(parameter)] == (0. if exempt else .05), name


@pytest.mark.parametrize('name, kept', [('one-shot', [19, 19]), ('two-shot', [19, 17])])
def test_convnexts_recipe_and_model(name, kept):
    name = f'convnextv2-b_{name}_800e'
    doc, cfg = docstring(f'conditional_mae/{name}'), load_own(name)
    assert f'tools/dist_train.sh configs/conditional_mae/{name}.py 8' in doc
    assert 'Hardware: 8 GPUs' in doc
    step = 8 * cfg.train_dataloader.batch_size
    assert step * cfg.optim_wrapper.accumulative_counts == 4096
    assert cfg.auto_scale_lr.base_batch_size == step
    assert cfg.optim_wrapper.optimizer.lr == pytest.approx(1.5e-4 * 16)
    assert cfg.train_cfg.max_epochs == 800 and cfg.param_scheduler[0].end == 40
    _, crop, flip, _ = cfg.train_dataloader.dataset.pipeline
    assert (crop.crop_ratio_range, flip.prob) == ((.2, 1.), .5)

    cfg.model.backbone.arch = 'atto'
    model = MODELS.build(cfg.model)
    assert model.target_generator.norm_pix and model.head.decoder_pred.out_features == 32 * 32 * 3
    assert model.neck.decoder_embed.out_features == 512 and len(model.neck.decoder_blocks) == 1
    mask, _ = make_mask(model, torch.zeros(1, 3, 224, 224))
    assert [mask.len_keep_at(stage) for stage in (0, 3)] == kept
    assert model.backbone.stages[0][0].grn is not None and model.backbone.stages[0][0].gamma is None
