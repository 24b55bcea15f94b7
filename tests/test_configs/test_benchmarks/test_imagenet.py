"""Configs of ImageNet and ImageNet-100: values of the papers, and one step of a small model."""
import copy
import re
from collections import namedtuple
from functools import cache

import pytest
import torch
import torch.nn.functional as F
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from mmguided.models import MaskedConvNeXt, MaskedHybridViT, MaskedSwin, MaskedViT
from mmguided.registry import MODELS
from tests.helpers.benchmarks import LR_1E_3, load, names, save_encoder
from tests.helpers.colors import COLORS, imagenet_folders
from tests.helpers.configs import build_without_memory, parameter_groups

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
    'train_cfg.max_epochs=50 param_scheduler.1.end=50')
VIT_L_100E = 'train_cfg.max_epochs=100 param_scheduler.1.end=100'
LR_2E_3 = 'optim_wrapper.optimizer.lr=2e-3 param_scheduler.1.eta_min_ratio=5e-4'
BATCH_256 = 'train_dataloader.batch_size=32 auto_scale_lr.base_batch_size=256'
# Values of papers and released codes; rates per 256 (SimMIM: 512) images.
FINETUNE = {
    'imagenet/vit-b_finetune-100e': Recipe(5e-4 * 4, 1024, .65, .1, 100, 5),  # MAE
    f'imagenet/vit-b_finetune-100e {LR_1E_3}': Recipe(1e-3, 1024, .65, .1, 100, 5),  # CMAE, ccMIM
    'imagenet/hybrid-b_finetune-100e': Recipe(5e-4 * 4, 1024, .65, .1, 100, 5),
    f'imagenet/hybrid-b_finetune-100e {LR_1E_3}': Recipe(2.5e-4 * 4, 1024, .65, .1, 100, 5),
    'imagenet/vit-l_finetune-50e': Recipe(1e-3 * 4, 1024, .75, .2, 50, 5),  # MAE
    # Conditional MAE; CMAE after 1600 epochs; CMT-MAE
    f'imagenet/vit-l_finetune-50e {VIT_L_100E}': Recipe(1e-3 * 4, 1024, .75, .2, 100, 5),
    f'imagenet/vit-l_finetune-50e {LR_2E_3}': Recipe(5e-4 * 4, 1024, .75, .2, 50, 5),
    f'imagenet/vit-b_finetune-100e {BATCH_256} optim_wrapper.optimizer.lr=5e-4 '
    'param_scheduler.1.eta_min_ratio=2e-3': Recipe(5e-4, 256, .65, .1, 100, 5),
    f'imagenet/vit-l_finetune-50e {BATCH_256} {VIT_L_100E} {LR_1E_3}': Recipe(
        1e-3, 256, .75, .2, 100, 5),
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
    'imagenet100/vit-b_linear-90e': ('LARS', .1 * 4, 1024),  # Conditional MAE
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
    """Pretraining encoder whose weights a small config loads. No weight has its initial value."""
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
    """Config with narrow blocks on small images, and the pretraining encoder in the checkpoint that
    the config loads. The number of blocks is unchanged."""
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
    path = save_encoder(encoder, work_dir / 'pretrained.pth')
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
    """Run one training step; return the names of the changed tensors, except batch statistics, and
    of the parameters with a gradient."""
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
    fused = frozen < cfg.model.backbone.arch.num_layers
    kept = re.compile(r'head\.|backbone\.(ln2|fusion)\.' if fused else r'head\.|backbone\.ln2\.')
    return {name for name in parameters if kept.match(name) or (
        (block := re.match(r'backbone\.layers\.(\d+)\.', name)) and int(block[1]) >= frozen)}


@pytest.mark.parametrize('name', TRAINED + [
    f'imagenet/{name}_finetune-100e model.backbone.frozen_stages={frozen}'
    for name, frozen in (('vit-b', 12), ('vit-b', 8), ('hybrid-b', 11), ('hybrid-b', 10))])
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


def test_lars_steps_by_its_equations(root, tmp_path):
    """Two steps of the config's optimizer: v = .9 v + lr q g, w = w - v, where q is .001 |w| / |g|
    for a matrix and 1 for the bias. With a constant lr, this equals MAE's LARS, which multiplies v
    by lr.
    """
    cfg, _ = cut_down(load('imagenet/vit-b_linear-90e'), root, tmp_path)
    model = built(cfg)
    wrapper, layer = build_optim_wrapper(model, cfg.optim_wrapper), model.head.layers.head
    with torch.no_grad():
        layer.bias.uniform_(-1, 1)
    expected = {name: [value.detach().clone(), 0] for name, value in layer.named_parameters()}
    for scale in (1., 3.):
        for name, value in layer.named_parameters():
            value.grad = scale * torch.randn_like(value)
            weight, velocity = expected[name]
            trust = .001 * weight.norm() / value.grad.norm() if value.ndim == 2 else 1
            velocity = .9 * velocity + 6.4 * trust * value.grad
            expected[name] = [weight - velocity, velocity]
        wrapper.step()
        wrapper.zero_grad()
    for name, value in layer.named_parameters():
        torch.testing.assert_close(value.detach(), expected[name][0], rtol=1e-5, atol=1e-6)


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
    """Expected feature, computed by the pretraining encoder."""
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
    swin = cfg.model.backbone.type == 'mmguided.DenseSwin'
    assert warmup == dict(
        type='LinearLR', start_factor=pytest.approx(2e-4 if swin else 1e-4), by_epoch=True, begin=0,
        end=recipe.warmup, convert_to_iter_based=True)
    assert (cosine.begin, cosine.end) == (recipe.warmup, recipe.epochs)
    assert cosine.eta_min_ratio * optimizer.lr == pytest.approx(1e-6)
    assert cfg.optim_wrapper.get('clip_grad') == (dict(max_norm=5.) if swin else None)
    assert cfg.get('custom_hooks') == ([  # FCMAE tests the moving average of the weights
        dict(type='EMAHook', momentum=1e-4, priority='ABOVE_NORMAL')]
        if 'convnext' in row else None)
    fields = 'img_size', 'window_size', 'out_type'
    assert [cfg.model.backbone.get(field) for field in fields] == (
        [224, 7, None] if swin else [None] * 3 if 'convnext' in row else [224, None, 'avg_featmap'])
    assert cfg.model.head.loss == dict(
        type='LabelSmoothLoss', label_smooth_val=.1, mode='original')
    assert cfg.model.head.num_classes == cfg.model.data_preprocessor.num_classes
    transforms = {t.type: t for t in cfg.train_dataloader.dataset.pipeline}
    augment = transforms['RandAugment']
    assert (augment.policies, augment.magnitude_level, augment.magnitude_std) == (
        'timm_increasing', 9, .5)
    if recipe.drop_path == 0:  # 1 %
        assert not cfg.model.train_cfg and 'RandomErasing' not in transforms
    else:
        assert {a.type: a.alpha for a in cfg.model.train_cfg.augments} == dict(Mixup=.8, CutMix=1.)
        assert transforms['RandomErasing'].erase_prob == .25


@pytest.mark.parametrize('row', LINEAR)
def test_recipe_of_linear_probes(row):
    cfg = load(row)
    warmup, cosine = cfg.param_scheduler
    assert (cfg.train_cfg.max_epochs, warmup.end, cosine.begin, cosine.end) == (90, 10, 10, 90)
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


@pytest.mark.parametrize('name, first, inner, layer, depth', [
    ('vit-b_finetune-100e', 'cls_token', 'layers.5.attn.qkv.weight', 6, 12),
    ('vit-l_finetune-50e', 'pos_embed', 'layers.0.ln1.weight', 1, 24),
    ('hybrid-b_finetune-100e', 'patch_embed.stages.1.blocks.0.depthwise.weight',
     'layers.5.attn.qkv.bias', 6, 11),
    ('swin-b_finetune-100e', 'patch_embed.projection.weight',
     'stages.2.blocks.5.ffn.layers.1.weight', 10, 24),
    ('convnextv2-b_finetune-100e', 'downsample_layers.0.0.weight',
     'stages.2.5.pointwise_conv1.weight', 4, 12)])
def test_rates_of_the_layers(name, first, inner, layer, depth):
    """lr = head lr * decay ^ (number of layers above), at full size on the meta device."""
    cfg = load(f'imagenet/{name}')
    model = build_without_memory(cfg)
    group = parameter_groups(model, cfg)
    lr, decay = cfg.optim_wrapper.optimizer.lr, cfg.optim_wrapper.paramwise_cfg.layer_decay_rate
    assert group['head.fc.weight']['lr'] == pytest.approx(lr)
    assert group[f'backbone.{inner}']['lr'] == pytest.approx(lr * decay**(depth + 1 - layer))
    assert group[f'backbone.{first}']['lr'] == pytest.approx(lr * decay**(depth + 1))
    for key, parameter in model.named_parameters():
        decays = parameter.ndim > 1 and not re.search('relative_position|cls_token|pos_embed', key)
        assert group[key]['weight_decay'] == (.05 if decays else 0), key
