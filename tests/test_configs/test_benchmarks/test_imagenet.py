"""Configs of ImageNet and ImageNet-100: the papers' values, and one step of a small model."""
import copy
import re
from collections import namedtuple
from functools import cache

import pytest
import torch
import torch.nn.functional as F
from mmengine.hub import get_config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from mmguided.models import MaskedConvNeXt, MaskedHybridViT, MaskedSwin, MaskedViT
from mmguided.ops import resize_relative_positions
from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError
from tests.helpers.benchmarks import LR_1E_3, load, names
from tests.helpers.colors import COLORS, CONFIGS, imagenet_folders
from tests.helpers.configs import build_without_memory, table_row
from tests.helpers.tools import error_of_tool, import_tool, run_tool

NAMES = names('imagenet', 'imagenet100')
BANK = 'model.bank_dataloader.dataset.ann_file=subsets/train_{}percent.txt'
TEN_PERCENT = 'train_dataloader.dataset.ann_file=subsets/train_10percent.txt'
KNN = [name for name in NAMES if '_knn' in name] + [
    f'imagenet/vit-b_knn {BANK.format(percent)}' for percent in (1, 10)]
TRAINED = [name for name in NAMES if '_knn' not in name]
Recipe = namedtuple('Recipe', 'lr batch decay drop_path epochs warmup')

# Semi-ViT's rates for ViT-L, 50 epochs.
SEMI_VIT_L = (
    'model.backbone.arch=large optim_wrapper.optimizer.lr=2e-3 '
    'param_scheduler.1.eta_min_ratio=5e-4 optim_wrapper.paramwise_cfg.layer_decay_rate=0.75 '
    'train_cfg.max_epochs=50 param_scheduler.1.T_max=45 param_scheduler.1.end=50')
VIT_L_100E = 'train_cfg.max_epochs=100 param_scheduler.1.T_max=95 param_scheduler.1.end=100'
# The values that papers and released codes state; rates per 256 (SimMIM: 512) images.
FINETUNE = {
    'imagenet/vit-b_finetune-100e': Recipe(5e-4 * 4, 1024, .65, .1, 100, 5),  # MAE
    f'imagenet/vit-b_finetune-100e {LR_1E_3}': Recipe(1e-3, 1024, .65, .1, 100, 5),  # CMAE, ccMIM
    'imagenet/hybrid-b_finetune-100e': Recipe(5e-4 * 4, 1024, .65, .1, 100, 5),
    f'imagenet/hybrid-b_finetune-100e {LR_1E_3}': Recipe(2.5e-4 * 4, 1024, .65, .1, 100, 5),
    'imagenet/vit-l_finetune-50e': Recipe(1e-3 * 4, 1024, .75, .2, 50, 5),  # MAE
    f'imagenet/vit-l_finetune-50e {LR_1E_3} {VIT_L_100E}': Recipe(
        1e-3, 1024, .75, .2, 100, 5),  # Conditional MAE
    'imagenet/swin-b_finetune-100e': Recipe(1.25e-3 * 4, 2048, .9, .1, 100, 20),  # SimMIM
    'imagenet/convnextv2-b_finetune-100e': Recipe(6.25e-4 * 4, 1024, .6, .1, 100, 20),  # FCMAE
    'imagenet/vit-b_finetune-100e_1percent': Recipe(5e-5 * 2, 512, .65, 0, 100, 5),  # Semi-ViT
    'imagenet/vit-b_finetune-100e_10percent': Recipe(2.5e-4 * 2, 512, .65, .1, 100, 5),
    f'imagenet/vit-b_finetune-100e_1percent {SEMI_VIT_L}': Recipe(1e-3 * 2, 512, .75, 0, 50, 5),
    f'imagenet/vit-b_finetune-100e_10percent {SEMI_VIT_L}': Recipe(1e-3 * 2, 512, .75, .1, 50, 5),
    'imagenet100/vit-b_finetune-100e': Recipe(5e-4, 256, .65, .1, 100, 5),  # Conditional MAE
    f'imagenet100/vit-b_finetune-100e {LR_1E_3}': Recipe(1e-3, 256, .65, .1, 100, 5),
    'imagenet100/vit-b_finetune-100e optim_wrapper.optimizer.lr=1e-4 '
    'param_scheduler.1.eta_min_ratio=1e-2': Recipe(1e-4, 256, .65, .1, 100, 5),
}
# Optimizer, learning rate, batch.
LINEAR = {
    **{f'imagenet/{name}': ('LARS', .1 * 64, 16384)  # MAE
       for name in ('vit-b_linear-90e', 'vit-b_linear-90e_avg', 'hybrid-b_linear-90e',
                    'swin-b_linear-90e', 'convnextv2-b_linear-90e')},
    'imagenet/vit-b_linear-90e_1percent': ('AdamW', 1e-3, 1024),
    f'imagenet/vit-b_linear-90e_1percent {TEN_PERCENT}': ('AdamW', 1e-3, 1024),
    'imagenet100/vit-b_linear-90e': ('LARS', .1, 1024),  # Conditional MAE
}

VIT = dict(embed_dims=16, num_heads=2, feedforward_channels=32)
STAGES = dict(stage_dims=(8, 16), stage_depths=(1, 1))
SWIN = dict(embed_dims=8, depths=[1, 1, 2, 1], num_heads=[1, 1, 2, 2])
CONVNEXT = dict(depths=[1, 1, 2, 1], channels=[8, 16, 24, 32])


@pytest.fixture(autouse=True)
def _mmpretrain_scope():
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        yield


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return imagenet_folders(tmp_path_factory.mktemp('imagenet'), train=3, val=2)


@cache
def pretrained(kind, depth):
    """The pretraining encoder whose weights a small config loads; none is at its initial value."""
    torch.manual_seed(0)
    encoder = dict(
        MaskedViT=lambda: MaskedViT(dict(VIT, num_layers=depth), 32, 8),
        MaskedHybridViT=lambda: MaskedHybridViT(
            dict(VIT, **STAGES, num_layers=depth), 32, strides=(2, 2, 2)),
        DenseSwin=lambda: MaskedSwin(SWIN, 96, window_size=3, mask_stages=(0, 3)),
        DenseConvNeXt=lambda: MaskedConvNeXt(
            CONVNEXT, 64, use_grn=True, layer_scale_init_value=0.))[kind]()
    encoder.init_weights()
    for parameter in encoder.parameters():
        parameter.data += .02 * torch.randn_like(parameter)
    encoder.eval()  # eval() of mmpretrain's encoders with stages returns None
    return encoder


def cut_down(cfg, root, work_dir):
    """A config with its number of blocks, all of them narrow, on small images; and the pretraining
    encoder, whose weights are in the file that the config names."""
    backbone = cfg.model.backbone
    kind = backbone.type.removeprefix('mmguided.')
    side, depth = 32, None
    if kind == 'DenseSwin':
        window = (backbone.window_size + 1) // 2
        side = 32 * window
        backbone.update(arch=SWIN, window_size=window, img_size=side)
    elif kind == 'DenseConvNeXt':
        side = 64
        backbone.arch = CONVNEXT
    else:
        depth = MODELS.get(backbone.type).arch_zoo[backbone.arch]['num_layers']
        hybrid = kind == 'MaskedHybridViT'
        backbone.update(
            arch=dict(VIT, num_layers=depth, **(STAGES if hybrid else {})),
            img_size=side,
            **(dict(strides=(2, 2, 2)) if hybrid else dict(patch_size=8)))
    if 'drop_path_rate' in backbone:
        backbone.drop_path_rate = 0.  # drop path may leave a block without gradient

    encoder = pretrained(kind, depth)
    path = str(work_dir / 'pretrained.pth')
    torch.save({'state_dict': {f'backbone.{k}': v for k, v in encoder.state_dict().items()}}, path)
    if 'init_cfg' in backbone:
        backbone.init_cfg.checkpoint = path
    for loader in (cfg.get('train_dataloader'), cfg.get('val_dataloader'), cfg.test_dataloader,
                   cfg.model.get('bank_dataloader')):
        if loader is None:
            continue
        loader.update(batch_size=4, num_workers=0, pin_memory=False)
        classes = loader.dataset.get('classes')
        loader.dataset.update(data_root=str(root), serialize_data=False)  # skips gc.collect()
        if classes:
            loader.dataset.classes = str(root / 'subsets/imagenet100.txt')
        for transform in loader.dataset.pipeline:
            for size in {'scale', 'crop_size'} & transform.keys():
                transform[size] = side
    if 'optim_wrapper' in cfg:
        cfg.optim_wrapper.type = 'OptimWrapper'
        cfg.optim_wrapper.pop('loss_scale', None)
    return cfg, encoder


def built(cfg):
    model = MODELS.build(cfg.model)
    model.init_weights()
    return model


def first_batch(loader):
    return next(iter(Runner.build_dataloader(loader, seed=0)))


def step(cfg, model):
    """One training step; names of the tensors that it changed, except batch statistics, and of the
    parameters with a gradient."""
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.train()
    data = model.data_preprocessor(first_batch(cfg.train_dataloader), True)
    loss = model(**data, mode='loss')['loss']
    assert loss.isfinite()
    wrapper.backward(loss)
    trained = {name for name, p in model.named_parameters() if p.grad is not None}
    wrapper.step()
    wrapper.zero_grad()
    changed = {name for name, value in model.state_dict().items()
               if not torch.equal(value, before[name]) and '.bn.' not in name}
    return changed, trained


def learning(cfg, parameters):
    """Names of the parameters that the config trains."""
    frozen = cfg.model.backbone.get('frozen_stages', -1)
    if cfg.model.get('freeze_backbone'):
        return {name for name in parameters if name.startswith('head.')}
    if frozen <= 0:
        return set(parameters)
    kept = re.compile(r'head\.|backbone\.(ln2\.' + (
        '|fusion\\.' if frozen < cfg.model.backbone.arch.num_layers else '') + ')')
    return {name for name in parameters if kept.match(name) or (
        (block := re.match(r'backbone\.layers\.(\d+)\.', name)) and int(block[1]) >= frozen)}


@pytest.mark.parametrize('name', TRAINED)
def test_one_step_trains_what_the_protocol_says(name, root, tmp_path):
    cfg, encoder = cut_down(load(name), root, tmp_path)
    model = built(cfg)
    state = encoder.state_dict()
    for key, value in model.backbone.state_dict().items():
        if key in state and state[key].shape == value.shape:
            assert torch.equal(value, state[key]), key
    changed, trained = step(cfg, model)
    assert changed == trained == learning(cfg, dict(model.named_parameters()))
    classes = 100 if name.startswith('imagenet100') else 1000
    scores = model.eval().val_step(first_batch(cfg.val_dataloader))[0].pred_score
    assert len(scores) == classes and scores.sum().item() == pytest.approx(1, rel=1e-4)


@pytest.mark.parametrize('name', KNN)
def test_neighbors_vote_by_the_pretrained_feature(name, root, tmp_path):
    cfg, encoder = cut_down(load(name), root, tmp_path)
    cfg.model.ks = (2, )
    model = MODELS.build(cfg.model).eval()
    state = torch.load(tmp_path / 'pretrained.pth')['state_dict']
    model.load_state_dict(state, strict=False)  # as a Runner does; KNNClassifier is strict itself
    batch = first_batch(cfg.test_dataloader)
    images = model.data_preprocessor(copy.deepcopy(batch))['inputs']
    with torch.no_grad():
        feature = feature_of(encoder, images, cfg.model.backbone.get('out_type'))
        torch.testing.assert_close(model.features(images), feature)
    scores = model.test_step(batch)[0].knn_scores[2]
    assert len(model.bank[0]) == (6 if 'percent' in name else 9) and len(scores) == len(COLORS)


def feature_of(encoder, images, out_type):
    """The feature that is evaluated, from the pretraining encoder."""
    if isinstance(encoder, MaskedViT):
        tokens = encoder.encode(encoder.embed(images))
        return tokens[:, 0] if out_type == 'cls_token' else tokens[:, 1:].mean(1)
    if isinstance(encoder, MaskedSwin):
        return encoder(images)[-1].mean((2, 3))
    x = images
    for downsample, stage in zip(encoder.downsample_layers, encoder.stages, strict=True):
        x = stage(downsample(x))
    norm = encoder.norm3
    return F.layer_norm(x.mean((2, 3)), (x.shape[1], ), norm.weight, norm.bias, eps=1e-6)


@pytest.mark.parametrize('encoder', ['hybrid-b', 'swin-b', 'convnextv2-b'])
def test_the_probe_reads_the_feature_of_the_k_nn(encoder, root, tmp_path):
    cfg, encoder = cut_down(load(f'imagenet/{encoder}_linear-90e'), root, tmp_path)
    model = built(cfg).eval()
    side = cfg.val_dataloader.dataset.pipeline[2].crop_size
    images = torch.randn(2, 3, side, side)
    with torch.no_grad():
        torch.testing.assert_close(
            model.extract_feat(images)[-1] * (1 + 1e-6)**.5,  # the neck's, in evaluation mode
            feature_of(encoder, images, 'featmap'), rtol=1e-4, atol=1e-5)


def test_the_tables_cover_every_config():
    assert {row.split()[0] for row in (*FINETUNE, *LINEAR)} == set(TRAINED)


@pytest.mark.parametrize('row', FINETUNE)
def test_recipe_of_fine_tuning(row):
    cfg, recipe = load(row), FINETUNE[row]
    optimizer = cfg.optim_wrapper.optimizer
    warmup, cosine = cfg.param_scheduler
    assert Recipe(
        pytest.approx(optimizer.lr), 8 * cfg.train_dataloader.batch_size,
        cfg.optim_wrapper.paramwise_cfg.layer_decay_rate, cfg.model.backbone.drop_path_rate,
        cfg.train_cfg.max_epochs, warmup.end) == recipe
    assert cfg.auto_scale_lr.base_batch_size == recipe.batch
    assert (optimizer.type, optimizer.betas, optimizer.weight_decay) == ('AdamW', (.9, .999), .05)
    assert (cosine.begin, cosine.end, cosine.T_max) == (
        recipe.warmup, recipe.epochs, recipe.epochs - recipe.warmup)
    assert cosine.eta_min_ratio * optimizer.lr == pytest.approx(1e-6)
    assert cfg.model.head.loss.label_smooth_val == .1
    transforms = {t.type: t for t in cfg.train_dataloader.dataset.pipeline}
    augment = transforms['RandAugment']
    assert (augment.policies, augment.magnitude_level, augment.magnitude_std) == (
        'timm_increasing', 9, .5)
    if '_1percent' in row:
        assert not cfg.model.train_cfg and 'RandomErasing' not in transforms
    else:
        assert {a.type: a.alpha for a in cfg.model.train_cfg.augments} == dict(Mixup=.8, CutMix=1.)
        assert transforms['RandomErasing'].erase_prob == .25


@pytest.mark.parametrize('row', LINEAR)
def test_recipe_of_linear_probes(row):
    cfg = load(row)
    warmup, cosine = cfg.param_scheduler
    assert (cfg.train_cfg.max_epochs, warmup.end, cosine.end, cosine.T_max) == (90, 10, 90, 80)
    optimizer = cfg.optim_wrapper.optimizer
    batch = 8 * cfg.train_dataloader.batch_size
    assert (optimizer.type, pytest.approx(optimizer.lr), batch) == LINEAR[row]
    assert cfg.auto_scale_lr.base_batch_size == batch and optimizer.weight_decay == 0
    assert optimizer.get('momentum') == (.9 if optimizer.type == 'LARS' else None)


@pytest.mark.parametrize('row, percent', [
    ('imagenet/vit-b_linear-90e_1percent', 1),
    (f'imagenet/vit-b_linear-90e_1percent {TEN_PERCENT}', 10),
    ('imagenet/vit-b_finetune-100e_1percent', 1), ('imagenet/vit-b_finetune-100e_10percent', 10),
    *((f'imagenet/vit-b_knn {BANK.format(percent)}', percent) for percent in (1, 10))])
def test_a_low_shot_config_reads_its_list(row, percent):
    cfg = load(row)
    dataset = cfg.get('train_dataloader', cfg.model.get('bank_dataloader')).dataset
    assert (dataset.ann_file, dataset.split) == (f'subsets/train_{percent}percent.txt', 'train')
    assert 'ann_file' not in cfg.test_dataloader.dataset


@pytest.mark.parametrize('row', [name for name in NAMES if '/vit-b' in name])
@pytest.mark.parametrize('arch, width', [('small', 384), ('large', 1024)])
def test_neck_and_head_are_as_wide_as_the_encoder(row, arch, width):
    cfg = load(f'{row} model.backbone.arch={arch}')
    model = build_without_memory(cfg)
    assert model.backbone.embed_dims == width
    if 'head' in cfg.model:
        assert {p.shape[1] for p in model.head.parameters() if p.ndim == 2} == {width}
        norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm1d)]
        assert [m.num_features for m in norms] == [width] * ('linear' in row)
        learns = any(p.requires_grad for p in model.backbone.parameters())
        assert learns == ('linear' not in row)


@pytest.mark.parametrize('name, depth', [('vit-b', 12), ('hybrid-b', 11)])
@pytest.mark.parametrize('k', [0, 1, 4, 'all'])
def test_only_the_last_blocks_learn(name, depth, k, root, tmp_path):
    """Three steps, with drop path: what is frozen stays, bit by bit, and is not dropped."""
    last = depth if k == 'all' else k
    cfg, _ = cut_down(load(f'imagenet/{name}_finetune-100e'), root, tmp_path)
    cfg.model.backbone.update(frozen_stages=depth - last, drop_path_rate=.5)
    model = built(cfg)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    for _ in range(3):
        _, trained = step(cfg, model)
    changed = {key for key, value in model.state_dict().items()
               if not torch.equal(value, before[key])}
    assert changed <= trained == learning(cfg, dict(model.named_parameters()))
    assert {'head.fc.weight', 'backbone.ln2.weight'} <= changed
    assert ('backbone.pos_embed' in changed) == ('backbone.cls_token' in changed) == (k == 'all')
    for i in range(depth):
        assert (f'backbone.layers.{i}.attn.qkv.weight' in changed) == (i >= depth - last)
    backbone = model.backbone
    modes = [block.training for block in backbone.layers]
    assert modes == [i >= depth - last for i in range(depth)]
    assert all(m.training == (k == 'all') for m in backbone.patch_embed.modules())


def test_swins_recipe_is_mmpretrains():
    cfg = load('imagenet/swin-b_finetune-100e')
    theirs = get_config('mmpretrain::simmim/benchmarks/swin-base-w7_8xb256-coslr-100e_in1k.py')
    optim, other = cfg.optim_wrapper, theirs.optim_wrapper
    assert optim.optimizer.lr == other.optimizer.lr and optim.clip_grad == other.clip_grad
    assert optim.paramwise_cfg.layer_decay_rate == other.paramwise_cfg.layer_decay_rate
    (warmup, cosine), (their_warmup, their_cosine) = cfg.param_scheduler, theirs.param_scheduler
    assert warmup == their_warmup
    ratio = cosine.pop('eta_min_ratio')
    assert ratio * optim.optimizer.lr == pytest.approx(their_cosine.pop('eta_min'))
    assert cosine == their_cosine
    assert cfg.model.backbone.drop_path_rate == theirs.model.backbone.drop_path_rate


@pytest.mark.parametrize('name, first, inner, layer, depth', [
    ('swin-b', 'patch_embed.projection.weight', 'stages.2.blocks.5.ffn.layers.1.weight', 10, 24),
    ('convnextv2-b', 'downsample_layers.0.0.weight', 'stages.2.5.pointwise_conv1.weight', 4, 12)])
def test_rates_of_the_encoders_with_stages(name, first, inner, layer, depth, monkeypatch):
    """lr = lr of the head * decay ^ (layers above); at full size, without memory."""
    cfg = load(f'imagenet/{name}_finetune-100e')
    cfg.optim_wrapper.update(type='OptimWrapper', loss_scale=None)
    del cfg.optim_wrapper['loss_scale']
    linspace = torch.linspace  # both read their drop path rates from a tensor
    monkeypatch.setattr(torch, 'linspace', lambda *args: linspace(*args, device='cpu'))
    model = build_without_memory(cfg)
    groups = {id(group['params'][0]): group
              for group in build_optim_wrapper(model, cfg.optim_wrapper).param_groups}
    group = {name: groups[id(p)] for name, p in model.named_parameters()}
    lr, decay = cfg.optim_wrapper.optimizer.lr, cfg.optim_wrapper.paramwise_cfg.layer_decay_rate
    assert group['head.fc.weight']['lr'] == pytest.approx(lr)
    assert group[f'backbone.{inner}']['lr'] == pytest.approx(lr * decay**(depth + 1 - layer))
    assert group[f'backbone.{first}']['lr'] == pytest.approx(lr * decay**(depth + 1))
    for key, parameter in model.named_parameters():
        decays = parameter.ndim > 1 and 'relative_position' not in key
        assert group[key]['weight_decay'] == (.05 if decays else 0), key


def test_swin_is_fine_tuned_with_larger_windows(root, tmp_path):
    """Windows of 3 at 96 px become windows of 4 at 128 px; every table is resized."""
    cfg, encoder = cut_down(load('imagenet/swin-b_finetune-100e'), root, tmp_path)
    model = built(cfg)
    tables = [key for key in encoder.state_dict() if key.endswith('bias_table')]
    assert len(tables) == 5
    for key in tables:
        theirs, ours = (e.state_dict()[key] for e in (encoder, model.backbone))
        assert (len(theirs), len(ours)) == (25, 49)
        torch.testing.assert_close(ours, resize_relative_positions(theirs, 4))
        assert torch.equal(ours[24], theirs[12])  # offset 0
    assert model.backbone.stages[0].blocks[0].attn.w_msa.relative_position_index.max() == 48


@pytest.mark.parametrize('encoder', ['swin-b', 'convnextv2-b'])
def test_a_partial_checkpoint_of_stages_stops(encoder, root, tmp_path):
    cfg, _ = cut_down(load(f'imagenet/{encoder}_finetune-100e'), root, tmp_path)
    state = torch.load(tmp_path / 'pretrained.pth')
    missing = next(key for key in state['state_dict'] if 'stages.2' in key)
    del state['state_dict'][missing]
    torch.save(state, tmp_path / 'pretrained.pth')
    with pytest.raises(ConfigError, match=re.escape(missing)):
        built(cfg)


def test_the_moving_average_of_convnext_is_what_is_saved_and_tested(root, tmp_path):
    cfg, _ = cut_down(load('imagenet/convnextv2-b_finetune-100e'), root, tmp_path)
    cfg.work_dir = cfg.experiment_name = str(tmp_path)
    cfg.vis_backends = cfg.visualizer.vis_backends = []
    cfg.train_cfg.update(max_epochs=1)
    cfg.default_hooks.checkpoint.interval = 1
    cfg.custom_hooks[0].momentum = .25
    cfg.param_scheduler = None
    runner = Runner.from_cfg(cfg)
    weights, run = [], runner.train_loop.run_iter

    def recording(*args):
        run(*args)
        weights.append(runner.model.head.fc.weight.detach().clone())

    runner.train_loop.run_iter = recording
    runner.train()
    first, second = weights
    saved = torch.load(tmp_path / 'epoch_1.pth', weights_only=False)['state_dict']
    # MMEngine's average starts at the first step's weights.
    torch.testing.assert_close(saved['head.fc.weight'], .75 * first + .25 * second)
    cfg.load_from = str(tmp_path / 'epoch_1.pth')
    cfg.experiment_name += '_test'
    cfg.custom_hooks = None
    assert 0 <= Runner.from_cfg(cfg).test()['accuracy/top1'] <= 100


def test_numbers_of_conditional_mae_are_the_studys():
    """The README's table against the published numbers of the study."""
    study = import_tool('../projects/conditional_mae_study/conditional_mae_study')
    readme = (CONFIGS / 'imagenet100/README.md').read_text()
    by_name = {case.name: case for case in study.settings()}
    for row, size, name in (
            ('L(0;.75), MAE', 's', 'vit-s_0_0.75'), ('L(0;.75), MAE', 'b', 'vit-b_0_0.75'),
            ('L(0;.9)', 's', 'vit-s_0_0.9'), ('L(0;.9)', 'b', 'vit-b_0_0.9'),
            ('weighted .75 : .15', 's', 'vit-s_0-10_0.75-0.15_ratio-weights'),
            ('weighted .5 : .5', 's', 'vit-s_0-10_0.75-0.15_uniform-weights'),
            ('L(0,10,11;.75,.1,.1)', 's', 'vit-s_0-10-11_0.75-0.1-0.1')):
        case = by_name[name]
        assert table_row(readme, row)[1 + 'sb'.index(size)] == f'{case.linear} / {case.fine_tuned}'


def file_of(cfg, path, **fields):
    cfg.work_dir = str(path.parent / 'work')
    cfg.vis_backends = cfg.visualizer.vis_backends = []
    cfg.merge_from_dict(fields)
    cfg.dump(path)
    return path


@pytest.mark.parametrize('row, field, value', [
    ('imagenet/vit-b_finetune-100e_1percent', 'train_dataloader.dataset.ann_file',
     'subsets/train_1percent.txt'),
    ('imagenet100/vit-b_linear-90e', 'val_dataloader.dataset.data_prefix', 'val')])
def test_what_is_missing_is_named_by_the_tool(row, field, value, monkeypatch, tmp_path):
    torch.save({}, tmp_path / 'x.pth')
    (tmp_path / 'train').mkdir()
    (tmp_path / 'meta').mkdir()
    for split in ('train', 'val'):
        (tmp_path / 'meta' / f'{split}.txt').touch()
    said = error_of_tool(
        monkeypatch, 'train.py', CONFIGS / f'{row}.py', '--data-root', tmp_path,
        '--cfg-options', f'model.backbone.init_cfg.checkpoint={tmp_path / "x.pth"}')
    assert said.startswith(f'error: {field}={value!r}') and f'{tmp_path}/{value}' in said


def test_labels_that_do_not_fit_are_named_by_the_tool(monkeypatch, tmp_path):
    own = imagenet_folders(tmp_path / 'own', train=2, val=1)
    cfg, _ = cut_down(load('imagenet100/vit-b_finetune-100e'), own, tmp_path)
    path = file_of(cfg, tmp_path / 'few.py', **{'model.head.num_classes': 2})
    said = error_of_tool(monkeypatch, 'train.py', path)
    assert said.startswith('error: model.head.num_classes=2')
    (own / 'val_classes.txt').write_text('blue\nred\n')
    path = file_of(cfg, tmp_path / 'other.py', **{
        'model.head.num_classes': 3, 'model.data_preprocessor.num_classes': 3,
        'val_dataloader.dataset.classes': f'{own}/val_classes.txt'})
    said = error_of_tool(monkeypatch, 'train.py', path)
    assert said.startswith('error: val_dataloader.dataset.data_root=') and "'green'" in said
    path = file_of(cfg, tmp_path / 'fits.py', **{
        'val_dataloader.dataset.classes': f'{own}/subsets/imagenet100.txt',
        'train_cfg.max_epochs': 1, 'val_evaluator.topk': (1, ), 'param_scheduler': None})
    run_tool(monkeypatch, 'train.py', path)
    assert torch.load(tmp_path / 'work/epoch_1.pth', weights_only=False)['meta']['epoch'] == 1
