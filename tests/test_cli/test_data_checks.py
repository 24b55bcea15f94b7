"""Checks on built datasets: labels and classes."""
import shutil
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from mmengine.config import Config
from mmengine.runner import Runner
from scipy.io import savemat

from mmguided.cli.data_checks import check_labels, check_same_classes, check_training_data
from mmguided.datasets import ImageFolder
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
    check_training_data(SimpleNamespace(cfg=cfg, world_size=1, **{
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


@pytest.mark.parametrize('names, different', [
    ('ab', 'c'), ('abcd', 'd'), ('abd', 'c, d'), ('cba', 'in their order'), ('abc', None)])
def test_classes_of_validation(tmp_path, names, different):
    """Without class 'b', class 'c' would get the label of 'b'."""
    for name in 'abcd':
        write_image(tmp_path / name / '1.png')
    train, val = (ImageFolder(str(tmp_path), classes=list(order)) for order in ('abc', names))
    with pytest.raises(ConfigError) if different else nullcontext() as error:
        check_same_classes('val', val, 'train', train)
    if different:
        assert str(error.value).startswith(f"val.data_root='{tmp_path}': ")
        assert f'({different})' in str(error.value)


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
