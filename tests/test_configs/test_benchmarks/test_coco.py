"""Configs of Mask R-CNN on COCO: values of the papers, strict loading, and a small detector end to
end."""
import json
import math
import os
import re
import subprocess
import sys
from collections import Counter, namedtuple
from functools import partial

import pytest
import torch
from mmcv.cnn.bricks import DropPath
from mmdet.testing import demo_mm_inputs
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import DefaultScope

from mmguided.models import MaskedConvNeXt, MaskedHybridViT, MaskedSwin, MaskedViT
from mmguided.registry import MODELS
from tests.helpers.benchmarks import load, names, save_encoder
from tests.helpers.configs import build_without_memory, parameter_groups
from tests.helpers.paths import ROOT

FOLDER = ROOT / 'configs' / 'benchmarks' / 'coco'
ADAMW = dict(type='AdamW', betas=(.9, .999), fused=True)
# Depths for the layer decay.
LAYERS = dict(DenseViT=12, DenseHybridViT=11, DenseSwin=24, DenseConvNeXt=12)
Recipe = namedtuple('Recipe', 'batch lr decay drop_path weight_decay end steps warmup')
CAE = 'coco/vit-b_mask-rcnn-1x_cae'
VITDET = 'coco/vit-b_mask-rcnn-100e_vitdet'
CASCADE = 'coco/vit-b_cascade-mask-rcnn-100e'
# Values of the papers; end and steps in epochs of the training images, or in iterations.
RECIPES = {
    CAE: Recipe(32, 3e-4, .75, .2, .05, 12, [9, 11], 500),  # ccMIM
    f'{CAE} model.backbone.arch=small model.backbone.drop_path_rate=.1':
        Recipe(32, 3e-4, .75, .1, .05, 12, [9, 11], 500),
    'coco/vit-b_mask-rcnn-1x_conditional': Recipe(16, 5e-4, .75, .2, .05, 12, [9, 11], 500),
    'coco/vit-b_mask-rcnn-1x_cmt': Recipe(16, 2e-4, .7, .1, .05, 12, [8, 11], 500),
    'coco/vit-b_mask-rcnn-1x_cmt-cae': Recipe(16, 2e-4, .75, .1, .05, 12, [8, 11], 500),
    'coco/vit-b_mask-rcnn-90k_self-guided':
        Recipe(16, 1e-4, .7, .1, .1, 90000, [60000, 80000], 500),
    VITDET: Recipe(64, 1e-4, .7, .1, .1, 100, None, 250),  # CMAE
    'coco/vit-b_mask-rcnn-100e_fpn': Recipe(64, 1e-4, .7, .1, .1, 100, None, 250),
    CASCADE: Recipe(64, 1e-4, .7, .1, .1, 100, None, 250),
    'coco/hybrid-b_mask-rcnn-100e': Recipe(64, 1e-4, .7, .1, .1, 100, None, 250),
    'coco/swin-b_mask-rcnn-1x': Recipe(32, 3e-4, .9, .3, .05, 12, [9, 11], 500),
    'coco/convnextv2-b_mask-rcnn-1x': Recipe(32, 3e-4, .75, .3, .05, 12, [9, 11], 500),
}


def taps(kind, depth):
    """Blocks of the maps, side of the windows, and blocks without windows, for each encoder."""
    quarters = [depth * part // 4 - 1 for part in (1, 2, 3, 4)]
    pretraining = 224 // 16
    return {
        'cae': ([depth // 3 - 1, depth // 2 - 1, 2 * depth // 3 - 1, depth - 1], None,
                list(range(depth))),
        'mae': (quarters, pretraining, quarters),
        'vitdet': ([depth - 1], pretraining, quarters),
        'cascade': ([depth - 1], pretraining, quarters),
        'hybrid': ([depth - 1], 16, [0, 3, 6, 10]),  # ConvMAE's
    }[kind]


# RPN convolutions; norms of neck, box and mask head; box loss; training proposals.
SYNC, LAYER = 'SyncBatchNorm', 'LayerNorm2d'
GIOU, L1 = ('GIoULoss', 10., True), ('L1Loss', 1., False)  # of decoded boxes, of deltas
PARTS = {
    'cae': (1, {SYNC: 1}, {SYNC: 4}, {}, GIOU, 2000),
    'stages': (1, {}, {SYNC: 4}, {}, GIOU, 2000),
    'mae': (2, {SYNC: 9}, {SYNC: 4}, {SYNC: 4}, L1, 1000),
    'vitdet': (2, {LAYER: 9}, {LAYER: 4}, {LAYER: 4}, L1, 1000),
    'cascade': (2, {LAYER: 9}, {LAYER: 4}, {LAYER: 4}, L1, 1000),
    'hybrid': (2, {SYNC: 8}, {LAYER: 4}, {LAYER: 4}, L1, 1000),
}
DETECTORS = dict(zip(RECIPES, (
    'cae', 'cae', 'cae', 'mae', 'cae', 'mae', 'vitdet', 'mae', 'cascade', 'hybrid', 'stages',
    'stages'), strict=True))
# For each encoder, a parameter of the embedding and one of the first block.
FIRST = {
    'DenseViT': ('pos_embed', 'layers.0.attn.qkv.weight'),
    'DenseHybridViT': ('patch_embed.stages.0.projection.weight', 'layers.0.attn.qkv.weight'),
    'DenseSwin': ('patch_embed.projection.weight', 'stages.0.blocks.0.attn.w_msa.qkv.weight'),
    'DenseConvNeXt': ('downsample_layers.0.0.weight', 'stages.0.0.depthwise_conv.weight'),
}

VIT = dict(embed_dims=32, num_layers=4, num_heads=2, feedforward_channels=64)
HYBRID = dict(VIT, stage_dims=(8, 16), stage_depths=(1, 1))
SWIN = dict(embed_dims=8, depths=[1, 1, 2, 1], num_heads=[1, 1, 2, 2])
CONVNEXT = dict(depths=[1, 1, 1, 1], channels=[8, 16, 32, 64])
WINDOWS = dict(window_size=3, global_blocks=(1, 3))
# Small pretraining encoder, and settings for a backbone of the same size.
SMALL = {
    CAE: (partial(MaskedViT, VIT), dict(arch=VIT, out_indices=(0, 1, 2, 3))),
    'coco/vit-b_mask-rcnn-1x_cmt': (
        partial(MaskedViT, VIT), dict(arch=VIT, out_indices=(0, 1, 2, 3), **WINDOWS)),
    VITDET: (partial(MaskedViT, VIT), dict(arch=VIT, **WINDOWS)),
    CASCADE: (partial(MaskedViT, VIT), dict(arch=VIT, **WINDOWS)),
    'coco/hybrid-b_mask-rcnn-100e': (
        partial(MaskedHybridViT, HYBRID), dict(arch=HYBRID, **WINDOWS)),
    'coco/swin-b_mask-rcnn-1x': (
        partial(MaskedSwin, SWIN, 192, window_size=6, mask_stages=(0, 3)), dict(arch=SWIN)),
    'coco/convnextv2-b_mask-rcnn-1x': (
        partial(MaskedConvNeXt, CONVNEXT, use_grn=True, layer_scale_init_value=0.),
        dict(arch=CONVNEXT)),
}


@pytest.fixture(autouse=True)
def _mmdet_scope():
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield


def encoder_of(cfg):
    return cfg.model.backbone.type.removeprefix('mmguided.')


def test_the_table_covers_every_config():
    assert {row.split()[0] for row in RECIPES} == set(names('coco'))


def epochs(cfg):
    """Epochs of the training images."""
    return cfg.train_cfg.max_epochs * cfg.train_dataloader.dataset.get('times', 1)


@pytest.mark.parametrize('row', RECIPES)
def test_recipe(row):
    batch, lr, decay, drop_path, weight_decay, end, steps, warmup = RECIPES[row]
    cfg = load(row)
    layers = LAYERS[encoder_of(cfg)]
    assert cfg.train_dataloader.batch_size * 8 == cfg.auto_scale_lr.base_batch_size == batch
    assert (cfg.optim_wrapper.type, cfg.optim_wrapper.loss_scale) == ('AmpOptimWrapper', 'dynamic')
    assert cfg.optim_wrapper.optimizer == dict(ADAMW, lr=lr, weight_decay=weight_decay)
    by_epoch = end <= 100  # or iterations
    assert cfg.train_cfg.type == f'{"Epoch" if by_epoch else "Iter"}BasedTrainLoop'
    assert cfg.train_cfg.get('max_iters') == end or epochs(cfg) == end
    sampler = 'DefaultSampler' if by_epoch else 'InfiniteSampler'
    assert cfg.train_dataloader.sampler == dict(type=sampler, shuffle=True, _scope_='mmdet')
    rise, fall = cfg.param_scheduler
    assert rise == dict(
        type='LinearLR', start_factor=.001, by_epoch=False, begin=0, end=warmup)
    assert fall == dict(begin=0, **(
        dict(type='MultiStepLR', by_epoch=by_epoch, end=end, milestones=steps, gamma=.1) if steps
        else dict(type='CosineAnnealingLR', by_epoch=True, convert_to_iter_based=True,
                  end=end / 4, T_max=end / 4)))  # epochs of a dataset that is repeated 4 times
    assert cfg.default_hooks.strict_backbone == dict(
        type='mmguided.StrictBackboneHook', test_prefix='')

    model = build_without_memory(cfg)
    rates = [m.drop_prob for m in model.backbone.modules() if isinstance(m, DropPath)]
    assert max(rates) == pytest.approx(drop_path)
    groups = {name: (group['lr'], group['weight_decay'])
              for name, group in parameter_groups(model, cfg).items()}
    embedding, block = (f'backbone.{key}' for key in FIRST[encoder_of(cfg)])
    assert groups[embedding] == pytest.approx(
        (lr * decay**(layers + 1), 0. if 'pos' in embedding else weight_decay))
    assert groups[block] == pytest.approx((lr * decay**layers, weight_decay))
    for head in ('rpn_head.rpn_cls', 'fc_cls', 'mask_head.*upsample'):
        found = [group for name, group in groups.items() if re.search(f'{head}.weight', name)]
        assert found and all(group == pytest.approx((lr, weight_decay)) for group in found)
    norms = [groups[key] for key in groups if key.startswith(('backbone.ln1', 'backbone.norm3'))]
    assert norms == [pytest.approx((lr, 0.))] * 2

    model.eval()
    with torch.no_grad():
        maps = model.extract_feat(torch.empty(1, 3, 96, 160, device='meta'))
    assert [tuple(m.shape[1:]) for m in maps] == [
        (256, 24, 40), (256, 12, 20), (256, 6, 10), (256, 3, 5), (256, 2, 3)]


# Strides of four levels: those of patch 16 where powers of two reach them.
STRIDES = {8: [4, 8, 16, 32], 14: [3.5, 7, 14, 28], 16: [4, 8, 16, 32], 32: [8, 16, 32, 64]}


@pytest.mark.parametrize('name, option, strides', [
    *((name, f'patch_size={side}', strides) for side, strides in STRIDES.items()
      for name in (CAE, VITDET)),
    (CAE, 'patch_size=8 model.neck.0.rescales=[4,2,1,.5]', [2, 4, 8, 16]),
    (VITDET, 'patch_size=16 model.neck.rescales=[2,1,.5,.25]', [8, 16, 32, 64]),
    ('coco/hybrid-b_mask-rcnn-100e', 'strides=[2,2,2]', [2, 4, 8, 16]),
    ('coco/swin-b_mask-rcnn-1x', 'patch_size=2', [2, 4, 8, 16]),
    ('coco/convnextv2-b_mask-rcnn-1x', 'stem_patch_size=8', [8, 16, 32, 64])])
def test_strides_follow_the_patch_size(name, option, strides):
    """Anchors and RoIs have the strides of the maps of a 448 x 896 image, also if the config sets
    the factors of the neck."""
    model = build_without_memory(load(f'{name} model.backbone.{option}')).eval()
    with torch.no_grad():
        maps = model.extract_feat(torch.empty(1, 3, 448, 896, device='meta'))
    anchors, roi_head = model.rpn_head.prior_generator, model.roi_head
    levels = [*strides, 2 * strides[-1]]
    assert [tuple(m.shape[2:]) for m in maps] == [
        (math.ceil(448 / stride), math.ceil(896 / stride)) for stride in levels]
    assert anchors.strides == [(stride, stride) for stride in levels]
    assert anchors.base_sizes == levels
    for extractor in (roi_head.bbox_roi_extractor, roi_head.mask_roi_extractor):
        assert [layer.spatial_scale for layer in extractor.roi_layers] == [
            1 / stride for stride in strides]
        assert extractor.finest_scale == 14 * strides[0]  # mmdet's 56 for strides from 4


def test_strides_that_a_config_sets_are_kept():
    model = build_without_memory(load(
        f'{CAE} model.rpn_head.anchor_generator.strides=[8,16,32,64,128] '
        'model.roi_head.mask_roi_extractor.featmap_strides=[8,16,32,64] '
        'model.roi_head.bbox_roi_extractor.finest_scale=112'))
    assert model.rpn_head.prior_generator.base_sizes == [8, 16, 32, 64, 128]
    assert model.roi_head.mask_roi_extractor.featmap_strides == [8, 16, 32, 64]
    assert model.roi_head.mask_roi_extractor.finest_scale == 56
    assert model.roi_head.bbox_roi_extractor.featmap_strides == [4, 8, 16, 32]
    assert model.roi_head.bbox_roi_extractor.finest_scale == 112


@pytest.mark.parametrize('side', [8, 14])
def test_training_and_detection_at_other_patch_sizes(side):
    """Also with strides that are not whole numbers."""
    model = revert_sync_batchnorm(small_model(CAE, patch_size=side))
    model.init_cfg = model.backbone.init_cfg = None
    model.init_weights()
    batch = demo_mm_inputs(2, [(3, 90, 120), (3, 128, 97)], num_items=[2, 3], with_mask=True)
    losses = model.train()(**model.data_preprocessor(batch, True), mode='loss')
    assert torch.isfinite(model.parse_losses(losses)[0])
    model.test_cfg.rpn.max_per_img = 5
    model.test_cfg.rcnn.score_thr = 0.
    with torch.no_grad():
        found = model.eval()(**model.data_preprocessor(batch, False), mode='predict')
    boxes = found[0].pred_instances.bboxes
    assert len(boxes) and boxes[:, ::2].max() <= 120 and boxes[:, 1::2].max() <= 90


@pytest.mark.parametrize('row', RECIPES)
def test_parts_of_the_detector(row):
    kind, cfg = DETECTORS[row], load(row)
    model = build_without_memory(cfg)
    heads = [[*part] if isinstance(part, torch.nn.ModuleList) else [part]
             for part in (model.roi_head.bbox_head, model.roi_head.mask_head)]
    assert {len(part) for part in heads} == {3 if kind == 'cascade' else 1}
    backbone, ((box, *_), (mask, *_)) = model.backbone, heads
    if kind != 'stages':
        assert (backbone.out_indices, backbone.window_size, backbone.global_blocks) == taps(
            kind, backbone.num_layers)
    if encoder_of(cfg) == 'DenseSwin':
        pretraining = Config.fromfile(str(ROOT / 'configs/_base_/models/simmim_swin-b.py'))
        assert {block.attn.window_size for stage in backbone.stages for block in stage.blocks} == {
            pretraining.model.backbone.window_size} == {6}
    norms = [Counter(type(m).__name__ for m in part.modules() if 'Norm' in type(m).__name__)
             for part in (model.neck, box, mask)]
    rpn = [m for m in model.rpn_head.rpn_conv.modules() if isinstance(m, torch.nn.Conv2d)]
    loss = type(box.loss_bbox).__name__, box.loss_bbox.loss_weight, box.reg_decoded_bbox
    proposals = model.train_cfg.rpn_proposal
    assert (len(rpn), *norms, loss, proposals.max_per_img) == PARTS[kind]
    assert proposals.nms_pre == 2000 and model.test_cfg.rpn.max_per_img == 1000
    assert (len(box.shared_convs), len(box.shared_fcs), len(mask.convs)) == (4, 1, 4)


def test_stages_of_the_cascade_are_mmdets():
    ours = load(CASCADE).model
    theirs = get_config('mmdet::_base_/models/cascade-mask-rcnn_r50_fpn.py').model
    for head, other in zip(ours.roi_head.bbox_head, theirs.roi_head.bbox_head, strict=True):
        assert head.bbox_coder == other.bbox_coder
        assert head.reg_class_agnostic == other.reg_class_agnostic is True
    assert ours.roi_head.stage_loss_weights == theirs.roi_head.stage_loss_weights
    assert ours.train_cfg.rcnn == theirs.train_cfg.rcnn


def test_augmentation():
    cae, jitter = (load(name).train_dataloader.dataset
                   for name in (CAE, VITDET))
    for row, kind in DETECTORS.items():
        dataset = load(row).train_dataloader.dataset
        same = cae if kind in ('cae', 'stages') else jitter
        assert dataset.get('dataset', dataset) == same.get('dataset', same)
    load_image, load_objects, flip, choice, pack = cae.pipeline
    assert (flip.type, choice.type) == ('RandomFlip', 'RandomChoice') and not choice.get('prob')
    assert flip.prob == .5
    resize, crop, last = choice.transforms[1]
    assert choice.transforms[0] == [last]
    assert last.scales == [(short, 1333) for short in range(480, 801, 32)]
    assert [short for short, long in resize.scales if long == 1333] == [400, 500, 600]
    assert crop == dict(type='RandomCrop', crop_type='absolute_range', crop_size=(384, 600),
                        allow_negative_crop=True)


def test_image_sizes():
    """Image sizes of the batches from mmdet's pipelines, for each protocol."""
    vitdet = load(VITDET)
    jitter, crop = vitdet.train_dataloader.dataset.dataset.pipeline[2:4]
    assert (jitter.scale, jitter.ratio_range, crop.crop_size) == (
        (1024, 1024), (.1, 2.), (1024, 1024))
    for loader in (vitdet.val_dataloader, vitdet.test_dataloader):
        assert loader.dataset.pipeline[1] == dict(
            type='Resize', scale=(1024, 1024), keep_ratio=True)
    preprocessor = MODELS.build(vitdet.model.data_preprocessor)
    for training in (True, False):
        image = demo_mm_inputs(1, [(3, 700, 1024)], with_mask=True)
        batch = preprocessor(image, training)
        assert batch['inputs'].shape == (1, 3, 1024, 1024)
        assert not batch['inputs'][:, :, 700:].any() and batch['inputs'][:, :, :700].any()
        assert batch['data_samples'][0].img_shape == (700, 1024)  # predictions are clipped to it


def small_model(row, **backbone):
    cfg = load(row)
    model, roi_head = cfg.model, cfg.model.roi_head
    model.backbone.update(SMALL[row][1] | backbone)
    model.backbone.pop('drop_path_rate')
    (model.neck[-1] if isinstance(model.neck, list) else model.neck).out_channels = 32
    model.rpn_head.update(in_channels=32, feat_channels=32)
    roi_head.bbox_roi_extractor.out_channels = roi_head.mask_roi_extractor.out_channels = 32
    for head in roi_head.bbox_head if row == CASCADE else [roi_head.bbox_head]:
        head.update(in_channels=32, conv_out_channels=32, fc_out_channels=64)
    roi_head.mask_head.update(in_channels=32, conv_out_channels=32)
    model.data_preprocessor.pad_size_divisor = 32
    return MODELS.build(model)


@pytest.mark.parametrize('name', SMALL)
def test_a_step_reaches_every_weight_from_the_pretrained_encoder(name, tmp_path):
    """All parameters get a gradient, because distributed training fails without."""
    encoder = SMALL[name][0]()
    encoder.init_weights()
    for parameter in encoder.parameters():  # no weight has an initial value
        parameter.data += .1 * torch.randn_like(parameter)
    pretrained = {k: v for k, v in encoder.state_dict().items() if 'mask_token' not in k}
    model = small_model(name)
    model.backbone.init_cfg['checkpoint'] = save_encoder(encoder, tmp_path / 'pretrained.pth')
    model.init_weights()
    loaded = model.backbone.state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in pretrained.items())
    new = {key.split('.')[0] for key in loaded.keys() - pretrained.keys()}
    stages = encoder_of(load(name)) in ('DenseSwin', 'DenseConvNeXt')
    assert new == ({'norm0', 'norm1', 'norm2'} if stages else set())

    # mmcv's compiled RoIAlign ignores strides and would read other layouts in the wrong order.
    with torch.no_grad():
        maps = model.eval().extract_feat(torch.randn(2, 3, 192, 192))
    assert all(m.is_contiguous() for m in maps)

    model = revert_sync_batchnorm(model)
    model.train()
    batch = demo_mm_inputs(2, [(3, 90, 120), (3, 128, 97)], num_items=[2, 3], with_mask=True)
    losses = model(**model.data_preprocessor(batch, True), mode='loss')
    total, _ = model.parse_losses(losses)
    total.backward()
    assert torch.isfinite(total)
    without = [k for k, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert without == []


def test_mixed_precision_does_not_round_boxes():
    model = small_model(CAE).train()
    given, used = [], []
    extractor = model.roi_head.bbox_roi_extractor
    extractor.register_forward_pre_hook(lambda _, args: given.extend(args[1].tolist()))
    for layer in extractor.roi_layers:
        layer.register_forward_pre_hook(lambda _, args: used.extend(args[1].tolist()))
    batch = demo_mm_inputs(2, [(3, 90, 120), (3, 128, 97)], num_items=[2, 3], with_mask=True)
    with torch.autocast('cpu', torch.bfloat16):
        losses = model(**model.data_preprocessor(batch, True), mode='loss')
    assert torch.isfinite(model.parse_losses(losses)[0])
    assert len(given) > 5 and sorted(given) == sorted(used)


ONE_CORE = dict(os.environ, OMP_NUM_THREADS='1', CUDA_VISIBLE_DEVICES='', PYTHON=sys.executable)
END_TO_END = '''
_base_ = [{base!r}]
arch = dict(
    _delete_=True, embed_dims=64, num_layers=4, num_heads=4, feedforward_channels=256)
model = dict(
    data_preprocessor=dict(pad_size_divisor=96),
    backbone=dict(arch=arch, window_size=4, global_blocks=(1, 3), drop_path_rate=0.),
    neck=dict(out_channels=32),
    rpn_head=dict(in_channels=32, feat_channels=32),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=32, roi_layer=dict(sampling_ratio=1)),
        bbox_head=dict(in_channels=32, conv_out_channels=32, fc_out_channels=128),
        mask_roi_extractor=dict(out_channels=32, roi_layer=dict(sampling_ratio=1)),
        mask_head=dict(num_convs=2, in_channels=32, conv_out_channels=32)),
    train_cfg=dict(
        rpn_proposal=dict(nms_pre=200, max_per_img=100), rcnn=dict(sampler=dict(num=64))),
    test_cfg=dict(rpn=dict(nms_pre=200, max_per_img=100)))

data_root = {data_root!r}
pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='Resize', scale=(96, 96), keep_ratio=True),
    dict(type='PackDetInputs', meta_keys=(
        'img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'))]
dataset = dict(
    type='CocoDataset', data_root=data_root, data_prefix=dict(img='train2017/'),
    ann_file={few!r}, pipeline=pipeline)
train_dataloader = dict(
    batch_size={images}, num_workers=0, persistent_workers=False, batch_sampler=None,
    dataset=dict(_delete_=True, type='RepeatDataset', times={steps}, dataset=dataset))
val_dataloader = dict(
    num_workers=0, persistent_workers=False, dataset=dict(dataset, test_mode=True))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file={few!r})
test_evaluator = val_evaluator
train_cfg = dict(max_epochs=1, val_interval=1)
# The encoder is pretrained in name only, so it learns like the rest.
optim_wrapper = dict(optimizer=dict(lr=2e-3), paramwise_cfg=dict(layer_decay_rate=1.))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=20),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=20, end={steps}, T_max={steps} - 20)]
'''


def write_few(data_root, path, number):
    """Write an annotation file of the first images with one large object."""
    whole = json.loads((data_root / 'annotations' / 'instances_train2017.json').read_text())
    objects = Counter(annotation['image_id'] for annotation in whole['annotations'])
    images = {image['id']: image for image in whole['images'] if objects[image['id']] == 1}
    few = [annotation for annotation in whole['annotations'] if annotation['image_id'] in images
           and annotation['bbox'][2] > .4 * images[annotation['image_id']]['width']][:number]
    path.write_text(json.dumps(whole | dict(
        images=[images[annotation['image_id']] for annotation in few], annotations=few)))


def run(folder, *command):
    """Run a command in a folder, below which MMEngine collects the results of processes."""
    return subprocess.Popen(
        list(map(str, command)), cwd=folder, env=ONE_CORE, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT)


def test_from_the_pretrained_encoder_to_the_same_ap_on_one_and_two_processes(data_root, tmp_path):
    """Three images, so that the two processes have different numbers of images. The test takes
    long, because a detector needs 140 steps to find any object."""
    few, config = tmp_path / 'few.json', tmp_path / 'few.py'
    write_few(data_root / 'coco_mini', few, 3)
    config.write_text(END_TO_END.format(
        base=str(FOLDER / 'vit-b_mask-rcnn-100e_vitdet.py'), few=str(few), images=2, steps=140,
        data_root=str(data_root / 'coco_mini')))
    encoder = MaskedViT(
        dict(embed_dims=64, num_layers=4, num_heads=4, feedforward_channels=256))
    encoder.init_weights()
    pretrained = save_encoder(encoder, tmp_path / 'encoder.pth')

    training = run(
        tmp_path, 'bash', ROOT / 'tools/dist_train.sh', config, 2, '--work-dir', tmp_path,
        '--cfg-options', f'model.backbone.init_cfg.checkpoint={pretrained}')
    log, _ = training.communicate(timeout=900)
    assert training.returncode == 0, log[-3000:]
    assert f'Every key of the encoder is loaded from {pretrained}' in log

    checkpoint = tmp_path / 'epoch_1.pth'
    tests = {
        name: run(tmp_path, *command, '--out', tmp_path / f'{name}.json', '--out-item', 'metrics',
                  '--work-dir', tmp_path / name)
        for name, command in dict(
            one=(sys.executable, ROOT / 'tools/test.py', config, checkpoint),
            two=('bash', ROOT / 'tools/dist_test.sh', config, checkpoint, 2)).items()
    }
    results = {}
    for name, process in tests.items():
        log, _ = process.communicate(timeout=900)
        assert process.returncode == 0, log[-3000:]
        results[name] = json.loads((tmp_path / f'{name}.json').read_text())
    assert results['one'] == results['two']
    # .5 when this test was written; an untrained detector has 0.
    assert results['one']['coco/bbox_mAP'] > .1 and results['one']['coco/segm_mAP'] > .1
