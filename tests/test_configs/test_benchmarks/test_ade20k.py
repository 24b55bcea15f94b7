"""ADE20K: every config says what its paper does, builds, and a small one learns real images."""
import json
import os
import re
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DATASETS, METRICS, MODELS, PARAM_SCHEDULERS, DefaultScope

from mmguided.engine import device
from mmguided.models import MaskedViT
from tests.helpers.configs import build_without_memory
from tests.helpers.paths import ROOT
from tests.helpers.tools import error_of_tool, run_tool, use_cpu

CONFIGS = ROOT / 'configs/benchmarks/ade20k'
README = (CONFIGS / 'README.md').read_text()
NAMES = sorted(path.stem for path in CONFIGS.glob('*.py'))


def rates(name):
    """Learning rate, layer decay and drop path that the README states."""
    row, = re.findall(rf'\| `{name}\.py` \|.+\| (\S+)[^|]* \| (\S+) \| (\S+) \|\n', README)
    return tuple(map(float, row))


@pytest.fixture(autouse=True)
def _on_cpu(monkeypatch):
    use_cpu(monkeypatch)
    with DefaultScope.overwrite_default_scope('mmseg'):
        yield


def load(name):
    return Config.fromfile(str(CONFIGS / f'{name}.py'))


# Configs as shipped ------------------------------------------------------------------------------


def test_every_config_is_in_the_readme():
    assert len(NAMES) == 8 and set(re.findall(r'^\| `(\w\S+)\.py` ', README, re.M)) == set(NAMES)


def test_rates_that_the_papers_state():
    """mmseg's for MAE, CMT-MAE's and Conditional MAE's own, ConvMAE's."""
    assert rates('upernet_vit-b_160k') == (1e-4, .65, .1)
    assert rates('upernet_vit-b_cmt-160k') == (3e-5, .9, .1)
    assert rates('upernet_vit-b_conditional-160k') == (3e-4, .65, .1)
    assert rates('upernet_hybrid-b_160k') == (1e-4, .75, .2)


@pytest.mark.parametrize('name', NAMES)
def test_docstring_holds_the_commands_hardware_and_what_is_measured(name):
    doc = (CONFIGS / f'{name}.py').read_text().split('"""')[1]
    config = f'configs/benchmarks/ade20k/{name}.py'
    assert f'tools/dist_train.sh {config} 8' in doc and f'tools/dist_test.sh {config}' in doc
    assert 'model.backbone.init_cfg.checkpoint=CHECKPOINT' in doc
    assert 'Hardware: 8 GPUs with 2 images each' in doc and 'Ours: not measured' in doc


@pytest.mark.parametrize('name', NAMES)
def test_recipe(name):
    cfg = load(name)
    lr, decay, drop_path = rates(name)
    depth = {'s': 12, 'b': 12, 'l': 24}[name.split('-')[1][0]]
    # At a third, a half, two thirds and the whole; a hybrid has stages for that.
    taps = None if 'hybrid' in name else tuple(
        end - 1 for end in (depth // 3, depth // 2, 2 * depth // 3, depth))
    wrapper = cfg.optim_wrapper
    assert (wrapper.type, wrapper.loss_scale) == ('AmpOptimWrapper', 'dynamic')
    assert wrapper.optimizer == dict(type='AdamW', lr=lr, betas=(.9, .999), weight_decay=.05)
    assert wrapper.paramwise_cfg.layer_decay_rate == decay
    assert (cfg.model.backbone.drop_path_rate, cfg.model.backbone.get('out_indices')) == (
        drop_path, taps)
    assert cfg.train_cfg.max_iters == 160000
    assert [(step.type, step.begin, step.end) for step in cfg.param_scheduler] == [
        ('LinearLR', 0, 1500), ('PolyLR', 1500, 160000)]
    assert cfg.train_dataloader.batch_size * 8 == cfg.auto_scale_lr.base_batch_size == 16
    assert cfg.train_dataloader.dataset.type == 'ADE20KDataset'
    assert cfg.train_dataloader.dataset.pipeline[3].crop_size == (512, 512)
    assert cfg.train_dataloader.worker_init_fn == dict(type='mmguided.datasets.worker_init_fn')
    assert cfg.model.test_cfg == dict(mode='slide', crop_size=(512, 512), stride=(341, 341))
    assert cfg.model.data_preprocessor.size == (512, 512)
    assert cfg.model.backbone.init_cfg == dict(
        type='Pretrained', checkpoint='', prefix='backbone.')
    if 'upernet' in name:
        head, auxiliary = cfg.model.decode_head, cfg.model.auxiliary_head
        assert head.channels == auxiliary.in_channels == head.in_channels[-1]
        assert (auxiliary.num_classes, auxiliary.in_index) == (150, 2)
        assert auxiliary.loss_decode.loss_weight == .4
    checkpoints = cfg.default_hooks.checkpoint
    assert (checkpoints.interval, checkpoints.max_keep_ckpts) == (16000, 2)
    assert cfg.default_hooks.rng_state == dict(type='mmguided.RNGStateHook')
    assert cfg.default_hooks.strict_backbone == dict(
        type='mmguided.StrictBackboneHook', test_prefix='')
    assert 'fp16' not in cfg and not cfg.model.get('pretrained')


def test_the_rate_rises_for_1500_iterations_and_falls_linearly_to_nothing():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.)
    schedulers = [PARAM_SCHEDULERS.build(scheduler, default_args=dict(optimizer=optimizer))
                  for scheduler in load('upernet_vit-b_160k').param_scheduler]
    rates = []
    for _ in range(3001):
        rates.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
    assert rates[0] == pytest.approx(1e-6)
    assert rates[750] == pytest.approx(.5, abs=1e-3)
    assert max(rates) == pytest.approx(1.) and abs(rates.index(max(rates)) - 1500) <= 1
    assert rates[3000] == pytest.approx(1 - 1500 / 158500, rel=1e-4)


@pytest.mark.parametrize('name', NAMES)
def test_model_fits_together_and_each_depth_learns_at_its_rate(name):
    cfg = load(name)
    lr, decay, _ = rates(name)
    with torch.device('meta'):
        model = MODELS.build(cfg.model)
        model.eval()
        maps = model.extract_feat(torch.zeros(1, 3, 512, 512))
        logits = model.decode_head(maps)
        heads = [model.auxiliary_head(maps)] if model.with_auxiliary_head else []
        sum(out.sum() for out in (logits, *heads)).backward()
    strides = [512 // m.shape[-1] for m in maps]
    assert strides == [4, 8, 16, 32] and logits.shape == (1, 150, 128, 128)
    # Under DDP a weight without a gradient is an error.
    assert not [k for k, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert model.backbone.patch_resolution == (32, 32)  # positions are resized on loading

    cfg.launcher = 'none'
    device.prepare_device(cfg)  # full precision
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    groups = {group['param_name']: group for group in wrapper.optimizer.param_groups}
    parameters = {k: p for k, p in model.named_parameters() if p.requires_grad}
    assert groups.keys() == parameters.keys()
    depth = model.backbone.num_layers
    for name, parameter in parameters.items():
        block = re.match(r'backbone\.layers\.(\d+)\.', name)
        entry = name.startswith(('backbone.patch_embed.', 'backbone.cls_token', 'backbone.pos_em'))
        below = depth - int(block[1]) if block else (depth + 1) * entry
        assert groups[name]['lr'] == pytest.approx(lr * decay**below), name
        decays = parameter.ndim > 1 and not name.endswith(('.pos_embed', '.cls_token'))
        assert groups[name]['weight_decay'] == (.05 if decays else 0.), name


@pytest.mark.parametrize('name', ['upernet_vit-b_cmae-160k', 'upernet_hybrid-b_160k'])
def test_xavier_for_what_is_not_pretrained(name):
    """CMAE Sec. 4.3: every convolution of neck and heads is uniform up to Xavier's bound, and its
    bias 0, after the same initialization that training runs. Else mmseg's, by Kaiming's rule."""
    cfg = load(name)
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


# A small one on real images ----------------------------------------------------------------------

ARCH = dict(embed_dims=64, num_layers=4, num_heads=2, feedforward_channels=128)
SMALL = '''
_base_ = [{base!r}]

width, side, iters, num_classes = 64, 128, 100, 133
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
    neck=dict(embed_dim=width),
    decode_head=dict(in_channels=[width] * 4, channels=32, num_classes=num_classes),
    auxiliary_head=dict(in_channels=width, channels=32, num_classes=num_classes),
    test_cfg=dict(crop_size=(side, side), stride=(85, 85)))
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
    """Kept by all tests, so that one training serves them."""
    return tmp_path_factory.mktemp('ade20k')


@pytest.fixture
def config(folder, data_root):
    path = folder / 'small.py'
    path.write_text(SMALL.format(
        base=str(CONFIGS / 'upernet_vit-b_160k.py'), data_root=str(data_root.resolve()), arch=ARCH))
    return path


def pretrained(path, **arch):
    """A checkpoint of pretraining on 64 x 64 images, with weights beside the encoder's."""
    encoder = MaskedViT(dict(ARCH, **arch), img_size=64)
    encoder.init_weights()
    state = {f'backbone.{name}': value for name, value in encoder.state_dict().items()}
    torch.save(dict(state_dict=state | {'neck.mask_token': torch.zeros(1, 1, 8)}), path)
    return path


@pytest.fixture
def trained(monkeypatch, config, folder):
    """What tools/train.py made of a pretrained encoder, four images and 100 steps; long, since
    fewer steps learn too little to compare. It serves all tests of this file."""
    work_dir = folder / 'work'
    if not work_dir.exists():
        checkpoint = pretrained(folder / 'pretrained.pth')
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
    assert lines[-1]['mIoU'] > 30  # over the classes that are there


def test_one_process_and_two_get_the_same_numbers(monkeypatch, trained, config, folder):
    """The four images and another, so that one process has one more; SyncBN as shipped. Long,
    since it starts three processes, and windows in steps of 85 pixels are many."""
    out = folder / 'one.json', folder / 'two.json'
    options = ['--work-dir', folder / 'test', '--out-item', 'metrics', '--out']
    run_tool(monkeypatch, 'test.py', config, trained, *options, out[0])
    result = subprocess.run(
        ['bash', ROOT / 'tools/dist_test.sh', config, trained, '2', *options, out[1]],
        cwd=folder,  # below which MMEngine collects the results of processes
        env={**os.environ, 'PYTHON': sys.executable, 'OMP_NUM_THREADS': '1'},
        capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    assert 'SyncBN needs GPUs and there are none' in result.stdout + result.stderr
    one, two = (json.loads(path.read_text()) for path in out)
    assert one == two
    assert one['aAcc'] > 50 and one['mIoU'] > 20


def test_whole_images_by_option(monkeypatch, trained, config, folder):
    """As the shipped config's docstring says it."""
    doc = (CONFIGS / 'upernet_vit-b_160k.py').read_text().split('"""')[1]
    options = re.search(r'--cfg-options (model\.test_cfg\S+)\s+(\S+)`', doc).groups()
    out = folder / 'whole.json'
    run_tool(monkeypatch, 'test.py', config, trained, '--work-dir', folder / 'test', '--out-item',
        'metrics', '--out', out, '--cfg-options', *options)
    assert json.loads(out.read_text())['aAcc'] > 50
    dumped = Config.fromfile(str(folder / 'test/small.py')).model
    assert dumped.test_cfg.mode == 'whole'
    assert dumped.data_preprocessor.test_cfg.size_divisor == 16


@pytest.fixture
def model(config, trained):
    model = MODELS.build(Config.fromfile(str(config)).model)
    model.load_state_dict(torch.load(trained, map_location='cpu', weights_only=False)['state_dict'])
    model.eval()
    return model


@torch.no_grad()
def logits(model, image, padding=None, **test_cfg):
    """Of ``predict`` at the size of the image."""
    from mmseg.structures import SegDataSample
    size = tuple(image.shape[-2:])
    model.test_cfg.update(test_cfg)
    model.data_preprocessor.test_cfg = padding
    sample = SegDataSample(metainfo=dict(ori_shape=size, img_shape=size))
    data = model.data_preprocessor(dict(inputs=[image], data_samples=[sample]))
    return model.predict(**data)[0].seg_logits.data


@pytest.mark.parametrize('size', [(128, 171), (97, 131), (150, 200)])
def test_one_window_over_the_image_is_whole_inference(model, size):
    image = torch.randint(256, (3, *size), dtype=torch.uint8)
    whole = logits(model, image, mode='whole')
    assert whole.shape == (133, *size) and whole.std() > .1
    one = logits(model, image, mode='slide', crop_size=(200, 200))
    torch.testing.assert_close(one, whole, rtol=1e-4, atol=1e-4)


def test_windows_are_averaged_where_they_overlap(model):
    """Of 128 x 171 pixels two windows are 0..128 and, moved back from 85, 43..171."""
    image = torch.randint(256, (3, 128, 171), dtype=torch.uint8)
    slide = logits(model, image, mode='slide')
    left, right = (logits(model, image[:, :, x:x + 128], mode='whole') for x in (0, 43))
    expected = (F.pad(left, (0, 43)) + F.pad(right, (43, 0))) / F.pad(
        torch.ones(85), (43, 43), value=0).add(1)
    torch.testing.assert_close(slide, expected, rtol=1e-4, atol=1e-4)
    assert (slide - logits(model, image, mode='whole')).abs().max() > .1


def test_whole_images_are_padded_to_patches_and_the_padding_is_taken_off(model):
    image = torch.randint(256, (3, 97, 131), dtype=torch.uint8)
    result = logits(model, image, mode='whole', padding=dict(size_divisor=16))
    preprocessor = model.data_preprocessor
    normal = (image.flip(0) - preprocessor.mean) / preprocessor.std
    with torch.no_grad():
        small = model(F.pad(normal, (0, 13, 0, 15))[None])  # to 112 x 144
    expected = F.interpolate(small, size=(112, 144), mode='bilinear')[0, :, :97, :131]
    torch.testing.assert_close(result, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('checkpoint, message', [
    ('', 'backbone.init_cfg.checkpoint is empty: name a checkpoint, with --cfg-options '
         'model.backbone.init_cfg.checkpoint=PATH'),
    ('gone.pth', "backbone.init_cfg.checkpoint='gone.pth': no such file"),
    ('wide.pth', 'The checkpoint holds a ViT of width 32, 4 blocks and patch size 16; this config '
                 'builds width 64'),
])
def test_a_wrong_encoder_does_not_train(monkeypatch, config, folder, checkpoint, message):
    monkeypatch.chdir(folder)
    pretrained('wide.pth', embed_dims=32)
    assert message in error_of_tool(
        monkeypatch, 'train.py', config, '--work-dir', folder / 'wrong', '--cfg-options',
        f'model.backbone.init_cfg.checkpoint={checkpoint}')


def test_an_encoder_alone_is_not_tested(monkeypatch, config, folder):
    checkpoint = pretrained(folder / 'encoder.pth')
    said = error_of_tool(monkeypatch, 'test.py', config, checkpoint, '--work-dir', folder / 'wrong')
    assert re.search(r'\d+ missing \(neck\.', said)
    assert 'give a checkpoint that this config has trained, not one of pretraining' in said


def test_training_starts_from_a_segmentor_of_other_classes(
        monkeypatch, capsys, trained, config, folder):
    """By ``load_from`` alone, as docs/downstream.md says it; not from one of another encoder."""
    work_dir = folder / 'other'
    options = [f'load_from={trained}', 'train_cfg.max_iters=1', 'optim_wrapper.optimizer.lr=0',
               *(f'model.{head}_head.num_classes=140' for head in ('decode', 'auxiliary'))]
    run_tool(monkeypatch, 'train.py', config, '--no-validate', '--work-dir', work_dir,
             '--cfg-options', *options)
    assert 'size mismatch for decode_head.conv_seg.weight' in capsys.readouterr().out
    old, new = (torch.load(path, map_location='cpu', weights_only=False)['state_dict']
                for path in (trained, work_dir / 'iter_1.pth'))
    assert new['decode_head.conv_seg.weight'].shape[0] == 140
    for name, value in new.items():
        if name.startswith('backbone.'):
            assert torch.equal(value, old[name]), name

    said = error_of_tool(monkeypatch, 'train.py', config, '--work-dir', folder / 'deeper',
                         '--cfg-options', *options, 'model.backbone.arch.num_layers=5')
    assert 'The checkpoint holds a ViT of width 64, 4 blocks' in said


@pytest.mark.parametrize('kind', ['mmguided.MaskedViT', 'mmpretrain.MAEViT'])
def test_every_weight_of_the_encoder_is_the_checkpoints(config, folder, kind):
    encoder = MODELS.build(dict(type=kind, arch=ARCH, img_size=64, patch_size=16))
    encoder.init_weights()
    path = folder / 'encoder.pth'
    torch.save({f'backbone.{name}': value for name, value in encoder.state_dict().items()}, path)
    cfg = Config.fromfile(str(config)).model
    cfg.backbone.init_cfg.checkpoint = str(path)
    model = MODELS.build(cfg)
    model.init_weights()
    ours, loaded = model.backbone.state_dict(), encoder.state_dict()
    assert ours.pop('pos_embed').shape == (1, 65, 64)  # resized from 17
    assert len(ours) == len(loaded) - 1
    for name, value in ours.items():
        assert torch.equal(value, loaded[name]), name


# The way that docs/downstream.md tells -----------------------------------------------------------


@pytest.mark.parametrize('name, step', [
    ('coco/mask-rcnn_vit-b_cae-1x', 2), ('coco/mask-rcnn_vit-b_vitdet-100e', 2),
    ('ade20k/upernet_vit-b_160k', 3)])
def test_documented_options_for_data_elsewhere(name, step):
    page = (ROOT / 'docs/downstream.md').read_text()
    text = page.split(f'\n## {step}. ')[1].split('```')[0]
    cfg = Config.fromfile(str(CONFIGS.parent / f'{name}.py'))
    for splits, field in re.findall(r'`(\S+)(_(?:dataloader|evaluator)\S+)=', text):
        for split in splits.strip('{}').split(','):
            *path, key = (split + field).split('.')
            node = cfg
            for part in path:
                node = node.get(part, {})
            if key in node:
                node[key] = 'elsewhere'
    parts = [f'{split}_{part}' for split in ('train', 'val', 'test') for part in (
        'dataloader', 'evaluator')]
    assert 'elsewhere' in str(cfg) and 'data/' not in str([cfg.get(part) for part in parts])


def documented(base, tmp_path):
    """The config of the page that inherits ``base``."""
    page = (ROOT / 'docs/downstream.md').read_text()
    block, = (block for block in re.findall(r'```python\n(_base_.*?)```', page, re.S)
              if base in block)
    path = tmp_path / 'mine.py'
    path.write_text(block.replace("'configs/", f"'{ROOT}/configs/").replace(
        "'data/mine", f"'{tmp_path}/mine"))
    return Config.fromfile(str(path))


def test_documented_dataset_of_your_own(tmp_path):
    cfg, shipped = documented('upernet_vit-b_160k.py', tmp_path), load('upernet_vit-b_160k')
    for ours, theirs in ((cfg.train_dataloader, shipped.train_dataloader),
                         (cfg.test_dataloader, shipped.test_dataloader)):
        assert ours.dataset.metainfo.classes == ('road', 'tree', 'sky')
        assert ours.dataset.data_prefix == theirs.dataset.data_prefix
        for step in ours.dataset.pipeline:
            step.pop('_scope_')  # a variable of a base says where it comes from
        assert ours.dataset.pipeline == theirs.dataset.pipeline
    model = build_without_memory(cfg)
    assert (model.decode_head.num_classes, model.auxiliary_head.num_classes) == (3, 3)


def test_documented_objects_of_your_own(tmp_path):
    cfg = documented('mask-rcnn_vit-b_cae-1x.py', tmp_path)
    names = ('car', 'bicycle', 'sign')
    for split in ('train', 'val'):
        path = tmp_path / f'mine/annotations/{split}.json'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(dict(
            images=[dict(id=1, file_name=f'{split}.jpg', height=64, width=64)],
            categories=[dict(id=10 * i, name=name) for i, name in enumerate(names, 1)],
            annotations=[
                dict(id=i, image_id=1, category_id=10 * i, bbox=[i, i, 20, 20], area=400, iscrowd=0,
                     segmentation=[[i, i, i + 20, i, i + 20, i + 20]]) for i in (3, 2)])))
    with DefaultScope.overwrite_default_scope('mmdet'):
        for split, loader in (('train', cfg.train_dataloader), ('val', cfg.val_dataloader),
                              ('val', cfg.test_dataloader)):
            data, = DATASETS.build(loader.dataset | dict(pipeline=[]))
            assert data['img_path'] == f'{tmp_path}/mine/{split}/{split}.jpg'
            assert [thing['bbox_label'] for thing in data['instances']] == [2, 1]
        for evaluator in (cfg.val_evaluator, cfg.test_evaluator):
            assert METRICS.build(evaluator)._coco_api.imgs[1]['file_name'] == 'val.jpg'
        heads = build_without_memory(cfg).roi_head
    assert heads.bbox_head.fc_cls.out_features == 4  # and the background
    assert heads.mask_head.conv_logits.out_channels == 3


def test_documented_configs_exist():
    page = (ROOT / 'docs/downstream.md').read_text()
    named = re.findall(r'configs/[\w./-]+\.py', page)
    assert len(named) >= 6 and not [name for name in named if not (ROOT / name).is_file()]
