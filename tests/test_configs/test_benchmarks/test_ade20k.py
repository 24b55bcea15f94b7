"""Configs of ADE20K: values of the papers, learning rates by depth, and a small segmentor on real
images."""
import json
import os
import re
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

from mmguided.utils.errors import ConfigError
from tests.helpers.benchmarks import load, names, save_encoder
from tests.helpers.configs import build_without_memory, parameter_groups
from tests.helpers.paths import ROOT
from tests.helpers.tools import run_tool, use_cpu

CONFIGS = ROOT / 'configs/benchmarks/ade20k'
UPERNET = 'ade20k/vit-b_upernet-160k'
# Learning rate, layer decay, drop path, blocks of the maps, weight of the auxiliary loss.
TAPS = (3, 5, 7, 11)
RECIPES = {
    UPERNET: (1e-4, .65, .1, TAPS, .4),  # mmseg's recipe for MAE
    f'{UPERNET} model.backbone.arch=small': (1e-4, .65, .1, TAPS, .4),
    'ade20k/vit-b_upernet-160k_cmae': (1e-4, .65, .1, TAPS, .4),
    f'{UPERNET} optim_wrapper.optimizer.lr=3e-5 optim_wrapper.paramwise_cfg.layer_decay_rate=0.9':
        (3e-5, .9, .1, TAPS, .4),  # CMT-MAE
    f'{UPERNET} optim_wrapper.optimizer.lr=3e-4': (3e-4, .65, .1, TAPS, .4),  # Conditional MAE
    'ade20k/vit-l_upernet-160k': (1e-4, .75, .2, (7, 11, 15, 23), .4),
    'ade20k/hybrid-b_upernet-160k': (1e-4, .75, .2, None, .4),  # ConvMAE
    'ade20k/vit-b_fpn-160k': (1e-4, .65, .1, TAPS, None),
}


@pytest.fixture(autouse=True)
def _on_cpu(monkeypatch):
    use_cpu(monkeypatch)
    with DefaultScope.overwrite_default_scope('mmseg'):
        yield


# Configs as shipped ------------------------------------------------------------------------------


def test_the_table_covers_every_config():
    assert {row.split()[0] for row in RECIPES} == set(names('ade20k'))


@pytest.mark.parametrize('row', RECIPES)
def test_recipe(row):
    cfg = load(row)
    lr, decay, drop_path, taps, auxiliary_weight = RECIPES[row]
    wrapper = cfg.optim_wrapper
    assert (wrapper.type, wrapper.loss_scale) == ('AmpOptimWrapper', 'dynamic')
    assert wrapper.optimizer == dict(
        type='AdamW', lr=lr, betas=(.9, .999), weight_decay=.05, fused=True)
    assert wrapper.paramwise_cfg.layer_decay_rate == decay
    assert (cfg.model.backbone.drop_path_rate, cfg.model.backbone.get('out_indices')) == (
        drop_path, taps)
    assert cfg.train_cfg.max_iters == 160000
    assert cfg.param_scheduler == [
        dict(type='LinearLR', start_factor=1e-6, by_epoch=False, begin=0, end=1500),
        dict(type='PolyLR', power=1., eta_min=0., by_epoch=False, begin=1500, end=160000)]
    assert cfg.train_dataloader.batch_size * 8 == cfg.auto_scale_lr.base_batch_size == 16
    assert cfg.train_dataloader.dataset.type == 'ADE20KDataset'
    assert cfg.train_dataloader.dataset.pipeline[3].crop_size == (512, 512)
    assert cfg.model.test_cfg == dict(mode='slide', crop_size=(512, 512), stride=(341, 341))
    assert cfg.model.data_preprocessor.size == (512, 512)
    assert cfg.model.backbone.init_cfg == dict(
        type='Pretrained', checkpoint='', prefix='backbone.')
    if auxiliary_weight:
        auxiliary = cfg.model.auxiliary_head
        assert (auxiliary.num_classes, auxiliary.in_index) == (150, 2)
        assert auxiliary.loss_decode.loss_weight == auxiliary_weight
    checkpoints = cfg.default_hooks.checkpoint
    assert (checkpoints.interval, checkpoints.max_keep_ckpts) == (16000, 2)
    assert cfg.default_hooks.rng_state == dict(type='mmguided.RNGStateHook')
    assert cfg.default_hooks.strict_backbone == dict(
        type='mmguided.StrictBackboneHook', test_prefix='')
    assert 'fp16' not in cfg and not cfg.model.get('pretrained')


@pytest.mark.parametrize('row', RECIPES)
def test_model_fits_together_and_each_depth_learns_at_its_rate(row):
    cfg = load(row)
    lr, decay, *_ = RECIPES[row]
    model = build_without_memory(cfg).eval()
    with torch.device('meta'):
        maps = model.extract_feat(torch.zeros(1, 3, 512, 512))
        logits = model.decode_head(maps)
        heads = [model.auxiliary_head(maps)] if model.with_auxiliary_head else []
        sum(out.sum() for out in (logits, *heads)).backward()
    if model.with_auxiliary_head:
        assert model.decode_head.channels == model.backbone.embed_dims
    strides = [512 // m.shape[-1] for m in maps]
    assert strides == [4, 8, 16, 32] and logits.shape == (1, 150, 128, 128)
    # DDP raises an error for a weight without a gradient.
    assert not [k for k, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert model.backbone.patch_resolution == (32, 32)  # positions are resized on loading

    groups = parameter_groups(model, cfg)
    parameters = {k: p for k, p in model.named_parameters() if p.requires_grad}
    depth = model.backbone.num_layers
    for name, parameter in parameters.items():
        block = re.match(r'backbone\.layers\.(\d+)\.', name)
        entry = name.startswith(('backbone.patch_embed.', 'backbone.cls_token', 'backbone.pos_em'))
        below = depth - int(block[1]) if block else (depth + 1) * entry
        assert groups[name]['lr'] == pytest.approx(lr * decay**below), name
        decays = parameter.ndim > 1 and not name.endswith(('.pos_embed', '.cls_token'))
        assert groups[name]['weight_decay'] == (.05 if decays else 0.), name


@pytest.mark.parametrize('name', [UPERNET, 'ade20k/vit-b_fpn-160k'])
@pytest.mark.parametrize('side, strides', [(8, [4, 8, 16, 32]), (14, [3.5, 7, 14, 28])])
def test_other_patch_sizes(name, side, strides):
    """mmseg stretches maps over the image, so that the patches must cover the image exactly."""
    row = f'{name} model.backbone.patch_size={side} model.backbone.img_size=448'
    model = build_without_memory(load(row)).eval()
    with torch.no_grad():
        maps = model.extract_feat(torch.empty(1, 3, 448, 448, device='meta'))
        assert [448 / m.shape[-1] for m in maps] == strides
        with pytest.raises(ConfigError, match=f'{side} pixels do not divide .* 460 x 448'):
            model.extract_feat(torch.empty(1, 3, 460, 448, device='meta'))


def test_images_smaller_than_the_window_are_padded():
    """A photograph of 5:1 has a short side of 410 after resizing to at most 2048 x 512."""
    cfg = load(f'{UPERNET} model.test_cfg.crop_size=(64,64) model.test_cfg.stride=(43,43)')
    cfg.model.backbone.update(
        arch=dict(embed_dims=16, num_layers=4, num_heads=2, feedforward_channels=32),
        out_indices=(0, 1, 2, 3), init_cfg=None)
    for part in (cfg.model.neck, cfg.model.decode_head, cfg.model.auxiliary_head):
        part.norm_cfg = dict(type='BN')
    model = MODELS.build(cfg.model).eval()
    image = torch.randn(1, 3, 50, 90)
    with torch.no_grad():
        logits, padded = (model.inference(x, [dict(ori_shape=(50, 90))])
                          for x in (image, F.pad(image, (0, 0, 0, 14))))
    assert logits.shape == (1, 150, 50, 90)
    assert torch.equal(logits, padded[:, :, :50])


@pytest.mark.parametrize('name', ['vit-b_upernet-160k_cmae', 'hybrid-b_upernet-160k'])
def test_xavier_for_what_is_not_pretrained(name):
    """CMAE Sec. 4.3: after the initialization of training, weights of every convolution of neck and
    heads are uniform up to Xavier's bound, and biases are 0. Other configs use mmseg's Kaiming
    initialization."""
    cfg = load(f'ade20k/{name}')
    cfg.model.decode_head.channels = cfg.model.auxiliary_head.channels = 32  # for memory
    cfg.model.backbone.init_cfg = None
    model = MODELS.build(cfg.model)
    model.init_weights()
    convs = [m for part, m in model.named_modules() if not part.startswith('backbone')
             and isinstance(m, (torch.nn.Conv2d, torch.nn.ConvTranspose2d))]
    assert len(convs) == 15 + (3 if model.with_neck else 0)
    for conv in convs:
        area = conv.kernel_size[0] * conv.kernel_size[1]
        bound = (6 / (area * (conv.weight.shape[0] + conv.weight.shape[1])))**.5
        assert conv.weight.abs().max() <= bound
        assert conv.weight.std().item() == pytest.approx(bound / 3**.5, rel=.05)
        assert conv.bias is None or not conv.bias.any()


# Small segmentor, real images ---------------------------------------------------------------------

ARCH = dict(embed_dims=64, num_layers=4, num_heads=2, feedforward_channels=128)
SMALL = '''
_base_ = [{base!r}]

side, iters, num_classes = 64, 100, 133
data = dict(
    _delete_=True,
    type='BaseSegDataset',
    data_root={data_root!r},
    img_suffix='.jpg',
    seg_map_suffix='.png',
    reduce_zero_label=True,
    metainfo=dict(classes={data_root!r} + '/stuff_mini/classes.txt'),
    indices=4)
train = dict(
    img_path='coco_mini/train2017', seg_map_path='stuff_mini/annotations/training')
load = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations', reduce_zero_label=True)]
resize = dict(type='Resize', scale=(2048, side), keep_ratio=True)
loader = dict(num_workers=0, persistent_workers=False)
train_dataloader = dict(
    batch_size=4,
    dataset=dict(data_prefix=train, pipeline=[
        *load, resize, dict(type='RandomCrop', crop_size=(side, side)), dict(type='PackSegInputs')
    ], **data),
    **loader)
pipeline = [load[0], resize, load[1], dict(type='PackSegInputs')]
val_dataloader = dict(dataset=dict(data_prefix=train, pipeline=pipeline, **data), **loader)
test_dataloader = dict(
    dataset=dict(data_prefix=train, pipeline=pipeline, **data | dict(indices=5)), **loader)

model = dict(
    data_preprocessor=dict(size=(side, side)),
    backbone=dict(
        arch=dict(_delete_=True, **{arch!r}), img_size=side, out_indices=(0, 1, 2, 3)),
    decode_head=dict(channels=32, num_classes=num_classes),
    auxiliary_head=dict(channels=32, num_classes=num_classes),
    test_cfg=dict(crop_size=(side, side), stride=(43, 43)))
optim_wrapper = dict(optimizer=dict(lr=5e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, by_epoch=False, begin=0, end=10),
    dict(type='PolyLR', power=1.0, eta_min=0., by_epoch=False, begin=10, end=iters)
]
train_cfg = dict(max_iters=iters, val_interval=iters)
default_hooks = dict(checkpoint=dict(interval=iters), logger=dict(interval=20))
'''


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Folder shared by all tests, so that one training is enough."""
    return tmp_path_factory.mktemp('ade20k')


@pytest.fixture
def config(folder, data_root):
    path = folder / 'small.py'
    path.write_text(SMALL.format(
        base=str(CONFIGS / 'vit-b_upernet-160k.py'), data_root=str(data_root.resolve()), arch=ARCH))
    return path


@pytest.fixture
def trained(monkeypatch, config, folder):
    """Segmentor that tools/train.py trains from a pretrained encoder on four images for 100 steps,
    for all tests of this file. It takes long, because fewer steps learn too little for a
    comparison."""
    work_dir = folder / 'work'
    if not work_dir.exists():
        encoder = dict(type='mmguided.MaskedViT', arch=ARCH, img_size=64)
        checkpoint = save_encoder(encoder, folder / 'pretrained.pth')
        run_tool(monkeypatch, 'train.py', config, '--work-dir', work_dir, '--cfg-options',
            f'model.backbone.init_cfg.checkpoint={checkpoint}')
    return work_dir / 'iter_100.pth'


def test_it_learns_four_images_by_heart(trained):
    log, = trained.parent.glob('*/*.log')
    assert 'Every key of the encoder is loaded from' in log.read_text()
    scalars, = trained.parent.glob('*/vis_data/scalars.json')
    lines = [json.loads(line) for line in scalars.read_text().splitlines()]
    losses = [line['loss'] for line in lines if 'loss' in line]
    assert losses[0] > 6 and losses[-1] < 1.5
    assert lines[-1]['mIoU'] > 30  # over the present classes


def test_one_process_and_two_get_the_same_numbers(monkeypatch, trained, config, folder):
    """Five images, so that one process has one more than the other, and SyncBN as shipped. The test
    takes long, because it starts three processes, and there are many windows with a stride of 43
    pixels."""
    out = folder / 'one.json', folder / 'two.json'
    options = ['--work-dir', folder / 'test', '--out-item', 'metrics', '--out']
    run_tool(monkeypatch, 'test.py', config, trained, *options, out[0])
    result = subprocess.run(
        ['bash', ROOT / 'tools/dist_test.sh', config, trained, '2', *options, out[1]],
        cwd=folder,  # MMEngine collects the results of processes below it
        env={**os.environ, 'PYTHON': sys.executable, 'OMP_NUM_THREADS': '1'},
        capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    assert 'SyncBN needs GPUs' in result.stdout + result.stderr
    one, two = (json.loads(path.read_text()) for path in out)
    assert one == two
    assert one['aAcc'] > 50 and one['mIoU'] > 20


# Steps of docs/downstream.md ---------------------------------------------------------------------


def documented(base, tmp_path):
    """Config in docs/downstream.md that inherits ``base``."""
    page = (ROOT / 'docs/downstream.md').read_text()
    block, = (block for block in re.findall(r'```python\n(_base_.*?)```', page, re.S)
              if base in block)
    path = tmp_path / 'mine.py'
    path.write_text(block.replace("'configs/", f"'{ROOT}/configs/").replace(
        "'data/mine", f"'{tmp_path}/mine"))
    return Config.fromfile(str(path))


def test_documented_dataset_of_your_own(tmp_path):
    cfg, shipped = documented('vit-b_upernet-160k.py', tmp_path), load(UPERNET)
    for ours, theirs in ((cfg.train_dataloader, shipped.train_dataloader),
                         (cfg.test_dataloader, shipped.test_dataloader)):
        assert ours.dataset.metainfo.classes == ('road', 'tree', 'sky')
        assert ours.dataset.data_prefix == theirs.dataset.data_prefix
        for step in ours.dataset.pipeline:
            step.pop('_scope_')  # a variable of a base names its origin
        assert ours.dataset.pipeline == theirs.dataset.pipeline
    model = build_without_memory(cfg)
    assert (model.decode_head.num_classes, model.auxiliary_head.num_classes) == (3, 3)


def test_documented_objects_of_your_own(tmp_path):
    cfg = documented('vit-b_mask-rcnn-1x_cae.py', tmp_path)
    for split, loader in (('train', cfg.train_dataloader), ('val', cfg.val_dataloader),
                          ('val', cfg.test_dataloader)):
        dataset = loader.dataset
        assert dataset.metainfo.classes == ('car', 'bicycle', 'sign')
        assert dataset.data_root.rstrip('/') == f'{tmp_path}/mine'
        assert (dataset.ann_file, dataset.data_prefix.img.rstrip('/')) == (
            f'annotations/{split}.json', split)
    for evaluator in (cfg.val_evaluator, cfg.test_evaluator):
        assert evaluator.ann_file == f'{tmp_path}/mine/annotations/val.json'
    with DefaultScope.overwrite_default_scope('mmdet'):
        heads = build_without_memory(cfg).roi_head
    assert heads.bbox_head.fc_cls.out_features == 4  # plus the background
    assert heads.mask_head.conv_logits.out_channels == 3
