"""Checks on built datasets: labels and classes."""
import json
import shutil
from contextlib import nullcontext
from copy import deepcopy
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from PIL import Image
from scipy.io import savemat

from mmguided.cli import data_checks
from mmguided.cli.data_checks import check_label_maps, check_labels, check_training_data
from mmguided.models import MaskedViT
from mmguided.utils.errors import ConfigError
from tests.helpers.benchmarks import save_encoder
from tests.helpers.colors import ARCH, color_folders
from tests.helpers.images import write_image
from tests.helpers.paths import ROOT
from tests.helpers.tools import error_of_tool, use_cpu
from tests.helpers.transfer import LAYOUTS, write_text


@pytest.fixture(autouse=True)
def _no_garbage_collection(monkeypatch):
    monkeypatch.setattr('gc.collect', lambda: 0)  # called per dataset, takes half a second


def loader(dataset):
    return dict(dataset=dataset, batch_size=2, num_workers=0,
                sampler=dict(type='DefaultSampler', shuffle=False))


def check(name, root, change=lambda root: None):
    """Check a small copy of a published dataset, modified by ``change``, as train.py does."""
    LAYOUTS[name](root)
    change(root)
    sets = Config.fromfile(ROOT / 'configs/_base_/datasets/transfer.py')[name]
    for dataset in (sets.train, sets.val):
        del dataset['_delete_']
        dataset.data_root = str(root)
    cfg = Config(dict(model=dict(head=dict(num_classes=sets.num_classes)),
                      train_dataloader=loader(sets.train), val_dataloader=loader(sets.val)))
    check_training_data(SimpleNamespace(cfg=cfg, world_size=1, model=None, **{
        field: Runner.build_dataloader(cfg[field])
        for field in ('train_dataloader', 'val_dataloader')}))


def lists(train, val):
    """Write annotation files of iNaturalist with these labels."""

    def write(root):
        for split, labels in (('train', train), ('val', val)):
            write_text(root / f'meta/{split}.txt', [f'{label}.jpg {label}' for label in labels])

    return write


def test_good_data_pass(tmp_path):
    for name in ('cub200', 'flowers102'):
        (tmp_path / name).mkdir()
        check(name, tmp_path / name)
    check('inaturalist2019', tmp_path, lists([0, 1009], [0, 1009]))


@pytest.mark.parametrize('name, change, error', [
    ('cub200', lambda root: write_text(
        root / 'image_class_labels.txt', [f'{i} 201' for i in range(1, 13)]),
     'model.head.num_classes=200: .* 201'),
    ('flowers102', lambda root: savemat(root / 'imagelabels.mat', {'labels': [1, 103] * 6}),
     r'model\.head\.num_classes=102: train_dataloader\.dataset .* 103'),
    ('inaturalist2019', lists([0], [8141]),
     r'model\.head\.num_classes=1010: val_dataloader\.dataset .* 8142'),
    ('flowers102', lambda root: savemat(root / 'imagelabels.mat', {'labels': [1, 0] * 6}),
     r'train_dataloader\.dataset: image \d+ has the label -1'),
])
def test_labels_out_of_range(tmp_path, name, change, error):
    with pytest.raises(ConfigError, match=f'^{error}'):
        check(name, tmp_path, change)


@pytest.mark.parametrize('model, error', [
    (dict(head=dict(num_classes=2)), r'^model\.head\.num_classes=2: .*model\.head\.num_classes=3'),
    (dict(decode_head=dict(num_classes=3), auxiliary_head=[dict(num_classes=1)]),
     r'model\.auxiliary_head\.0\.num_classes=1'),
    (dict(head=dict(num_classes=3)), None), (dict(head=dict(num_classes=1000)), None), ({}, None)])
def test_fewer_classes_than_the_labels_have(model, error):
    """The check needs only class names and reads no labels."""
    data = SimpleNamespace(metainfo=dict(classes=('a', 'b', 'c')))
    with pytest.raises(ConfigError, match=error) if error else nullcontext():
        check_labels('train', data, Config(dict(model=model)))


class LazyRunner:
    """Builds its loaders at their first use, as MMEngine's Runner does."""

    world_size, model = 1, None

    def __init__(self, scope, dataset, **classes) -> None:
        self.scope = scope
        self.cfg = Config(dict(model={}, **{f'{split}_dataloader': loader(
            dict(dataset(split), metainfo=dict(classes=classes.get(split, ('cat', 'dog'))),
                 **dict(test_mode=True) if split == 'val' else {})) for split in ('train', 'val')}))

    def __getattr__(self, name):
        with DefaultScope.overwrite_default_scope(self.scope):
            return Runner.build_dataloader(self.cfg[name])


def coco_runner(root, change, **classes):
    """Two images with a cat, and one with a dog, for training and for validation. ``change``
    modifies the content of a file."""
    boxes = [dict(id=i, image_id=i, category_id=(7, 7, 3)[i], bbox=[0, 0, 4, 4], area=16, iscrowd=0,
                  segmentation=[[0, 0, 4, 0, 4, 4]]) for i in range(3)]
    for split in ('train', 'val'):
        content = dict(
            images=[dict(id=i, file_name=f'{i}.png', width=8, height=8) for i in range(3)],
            annotations=deepcopy(boxes),
            categories=[dict(id=7, name='cat'), dict(id=3, name='dog'), dict(id=4, name='owl')])
        change(split, content)
        (root / f'{split}.json').write_text(json.dumps(content))
    for i in range(3):
        Image.new('RGB', (8, 8)).save(root / f'{i}.png')
    return LazyRunner('mmdet', lambda split: dict(
        type='CocoDataset', data_root=str(root), ann_file=f'{split}.json', data_prefix=dict(img=''),
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations', with_bbox=True, with_mask=True)]), **classes)


def drop(name, only=('train', 'val'), **value):
    """Replace a field of the second annotation by ``value``, or remove it."""

    def change(split, content):
        if split in only:
            del content['annotations'][1][name]
            content['annotations'][1] |= value

    return change


def relabel(*labels):
    def change(split, content):
        for annotation, label in zip(content['annotations'], labels, strict=True):
            annotation['category_id'] = label

    return change


FILE = "train_dataloader.dataset.ann_file='.*train.json': "
CLASSES = r'train_dataloader.dataset.metainfo.classes='


@pytest.mark.parametrize('change, classes, error', [
    (lambda *_: None, {}, None),
    (drop('iscrowd', only=['train']), {}, None),
    (drop('area'), {}, f"{FILE}annotation 1 of image '1.png' has no 'area'"),
    (drop('segmentation'), {}, f"{FILE}annotation 1 of image '1.png' has no 'segmentation'"),
    (drop('segmentation', segmentation=[]), {}, f'{FILE}annotation 1 .* no .segmentation'),
    (drop('iscrowd'), {}, "val_dataloader.dataset.ann_file=.*val.json': annotation 1 .* .iscrowd"),
    (lambda _, content: content.pop('categories'), {}, f'{FILE}not in the format of COCO'),
    (lambda _, content: content['categories'].append(dict(id=9, name='cat')), {},
     rf"{FILE}the categories \['cat'\] are repeated"),
    (lambda *_: None, dict(train=('cat', 'Dog')), f"{CLASSES}'cat', 'Dog': 1 of 2 .*'Dog'.* not in "
     ".*train.json', which has 'cat', 'dog', 'owl'"),
    (lambda *_: None, dict(train=('dog', 'cat')),
     f"{CLASSES}'dog', 'cat': the order .*classes=\\('cat', 'dog'\\)"),
    (lambda *_: None, dict(val=('dog', 'cat')), 'val_dataloader.dataset.metainfo.*order'),
    (relabel(4, 4, 4), {}, f"{CLASSES}'cat', 'dog': .* no annotation of these"),
])
def test_coco_annotations_against_classes(tmp_path, change, classes, error):
    """Everything is reported before mmdet reads the files."""
    runner = coco_runner(tmp_path, change, **classes)
    with pytest.raises(ConfigError, match=f'^{error}') if error else nullcontext():
        check_training_data(runner)


@pytest.mark.parametrize('inputs, error', [
    (torch.zeros(1, 5, 8, 8), None), (torch.zeros(1, 1, 8, 8), None),
    ([torch.zeros(9, dtype=torch.uint8)], None),
    (torch.zeros(1, 4, 8, 8), 'in_channels=5: the first image of train_dataloader has 4 channels'),
    ([torch.zeros(3, 8, 8)], 'in_channels=5: .* has 3 channels. Set .*in_channels=3`')])
def test_channels_of_the_first_image(inputs, error):
    model = SimpleNamespace(backbone=MaskedViT(
        arch=ARCH, img_size=8, patch_size=4, in_channels=5))
    loader = SimpleNamespace(dataset=[None], collate_fn=lambda batch: dict(inputs=inputs))
    with pytest.raises(ConfigError, match=f'^model.backbone.{error}') if error else nullcontext():
        data_checks.read_first('train_dataloader', loader, SimpleNamespace(model=model))


def seg_runner(root, maps, reduce_zero_label=False):
    for i, values in enumerate(maps):
        write_image(root / f'{i}.jpg')
        Image.fromarray(np.array(values)).save(root / f'{i}.png')
    return LazyRunner('mmseg', lambda split: dict(
        type='BaseSegDataset', data_prefix=dict(img_path=str(root), seg_map_path=str(root)),
        img_suffix='.jpg', seg_map_suffix='.png', reduce_zero_label=reduce_zero_label,
        pipeline=[dict(type='LoadAnnotations')]))


def labels(*values, dtype=np.uint8):
    return np.array([values], dtype)


@pytest.mark.parametrize('maps, error', [
    ([labels(0, 1), labels(255, 1)], None),
    ([labels(0, 255), labels(0, 0)], rf"{CLASSES}'cat', 'dog': 2 of 2 label maps have no pixel of "
     "'dog', but 1 pixels with the ignored label 255"),
    ([labels(0, 1), labels(0, 7)], "train_dataloader.dataset: seg_map_path='.*1.png': has the label"
     r" 7, .* 2 classes \('cat', 'dog'\) are 0 to 1"),
    ([labels(0, 1), labels([0] * 3, [1] * 3)], "train_dataloader.*1.png': .* mode RGB"),
    ([labels(0, 256, dtype=np.uint16), labels(0, 1)], "train_dataloader.*0.png': .* mode I;16"),
])
def test_label_maps_against_classes(tmp_path, maps, error):
    runner = seg_runner(tmp_path, maps)
    with pytest.raises(ConfigError, match=f'^{error}') if error else nullcontext():
        check_training_data(runner)
    if error is None:  # 0 is ignored, 1 is 'cat'
        with pytest.raises(ConfigError, match="2 of 2 label maps have no pixel of 'dog', but 2 "):
            check_training_data(seg_runner(tmp_path, maps, reduce_zero_label=True))


@pytest.mark.parametrize('make, line', [
    (lambda root: coco_runner(root, relabel(3, 3, 3)),
     "{field}: '{root}/{split}.json' has no annotation of 1 of 2 classes ('cat')."),
    (lambda root: seg_runner(root, [labels(0, 1), labels(1, 1), labels(0, 1)]),
     "{field}: 1 of 3 label maps have no pixel of 1 of 2 classes ('cat').")])
def test_classes_without_annotation_are_logged(tmp_path, monkeypatch, make, line):
    lines = []
    monkeypatch.setattr(data_checks, 'NUM_LABEL_MAPS', 1)
    monkeypatch.setattr(data_checks, 'print_log', lambda line, **kwargs: lines.append(line))
    monkeypatch.setattr('mmguided.datasets.analysis_images.subsample',
                        lambda items, most: [items[1]])
    runner = make(tmp_path)
    if runner.scope == 'mmseg':
        check_label_maps('val_dataloader.dataset', runner.val_dataloader.dataset)
    else:
        check_training_data(runner)
    splits = ['train', 'val'] if runner.scope == 'mmdet' else ['val']
    assert lines == [line.format(root=tmp_path, split=split, field=f'{split}_dataloader.dataset')
                     for split in splits]


@pytest.mark.parametrize('tool, config, field', [
    ('train.py', 'vit_finetune', 'val_dataloader.dataset'),
    ('test.py', 'vit_knn', 'test_dataloader.dataset')])
def test_tools_report_a_class_without_validation_images(
        monkeypatch, tmp_path, tool, config, field):
    use_cpu(monkeypatch)
    monkeypatch.chdir(tmp_path)
    data = color_folders(tmp_path / 'data', train=3, val=1)
    shutil.rmtree(data / 'val/green')
    (tmp_path / 'small.py').write_text(
        f"_base_ = '{ROOT}/configs/benchmarks/folder/{config}.py'\n"
        f'model = dict(backbone=dict(arch=dict(_delete_=True, **{ARCH}), img_size=32, '
        'patch_size=4))\n'
        + 'model["head"] = dict(in_channels=32)\n' * (tool == 'train.py'))
    save_encoder(MaskedViT(arch=ARCH, img_size=32, patch_size=4), tmp_path / 'encoder.pth')
    options = ([], ['model.backbone.init_cfg.checkpoint=encoder.pth',
                    'train_dataloader.num_workers=0', 'train_dataloader.batch_size=2',
                    'val_dataloader.num_workers=0']) if tool == 'train.py' else (
        ['encoder.pth'], ['model.ks=(2,)', 'model.bank_dataloader.num_workers=0',
                          'test_dataloader.num_workers=0'])
    error = error_of_tool(monkeypatch, tool, 'small.py', *options[0], '--data-root', data,
                          '--cfg-options', *options[1])
    assert error.startswith(f"error: {field}.data_root='{data}': ") and '(green)' in error
    assert not list((tmp_path / 'work_dirs').rglob('epoch_*.pth'))
