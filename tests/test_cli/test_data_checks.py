"""Labels, classes and files of the data sets, before training and testing."""
import shutil
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from scipy.io import savemat

from mmguided.cli.data_checks import check_labels, check_same_classes, check_training_data
from mmguided.cli.error_messages import explain_config_errors
from mmguided.datasets import ImageFolder
from mmguided.models import MaskedViT
from mmguided.registry import DATASETS
from mmguided.utils.errors import ConfigError
from tests.helpers.colors import ARCH, color_folders
from tests.helpers.images import write_image
from tests.helpers.paths import ROOT
from tests.helpers.tools import error_of_tool, use_cpu
from tests.helpers.transfer import LAYOUTS, write_text


@pytest.fixture(autouse=True)
def _no_garbage_collection(monkeypatch):
    monkeypatch.setattr('gc.collect', lambda: 0)  # at each data set, half a second


def loader(dataset):
    return dict(dataset=dataset, batch_size=2, num_workers=0,
                sampler=dict(type='DefaultSampler', shuffle=False))


def prepared(name, root, change, num_classes=None, **train):
    """What a tool checks of one of the small sets, spoiled by ``change``, before it trains."""
    LAYOUTS[name](root)
    change(root)
    sets = Config.fromfile(ROOT / 'configs/_base_/datasets/transfer.py')[name]
    for dataset in (sets.train, sets.val):
        del dataset['_delete_']
        dataset.data_root = str(root)
    cfg = Config(dict(
        model=dict(head=dict(num_classes=num_classes or sets.num_classes)),
        train_dataloader=loader({**sets.train, **train}), val_dataloader=loader(sets.val)))
    with explain_config_errors(cfg, ('train_dataloader', 'val_dataloader')):
        check_training_data(SimpleNamespace(cfg=cfg, world_size=1, **{
            field: Runner.build_dataloader(cfg[field])
            for field in ('train_dataloader', 'val_dataloader')}))


def lists(train, val):
    """iNaturalist's lists, as its converter writes them."""

    def write(root):
        for split, text in (('train', train), ('val', val)):
            write_text(root / f'meta/{split}.txt', text)

    return write


IMAGES = [f'train_val2019/Aves/{i % 2}/{i}.jpg' for i in range(2)]
GOOD = [f'{IMAGES[0]} 0', f'{IMAGES[1]} 1009']


def test_good_data_pass(tmp_path):
    for name in ('cub200', 'dtd', 'flowers102'):
        (tmp_path / name).mkdir()
        prepared(name, tmp_path / name, lambda root: None)
    prepared('inaturalist2019', tmp_path, lists(GOOD, GOOD))


@pytest.mark.parametrize('name, change, message', [
    ('cub200', lambda root: write_text(root / 'image_class_labels.txt', ['1 1', '2']),
     'train_dataloader.dataset.data_root={root!r}: CUB cannot be read (ValueError: not enough '
     'values to unpack'),
    ('cub200', lambda root: write_text(root / 'train_test_split.txt', ['1 1']),
     'CUB cannot be read (AssertionError: sample_ids should be same in files'),
    ('cub200', lambda root: write_text(
        root / 'train_test_split.txt', [f'{i} 1' for i in range(1, 13)]),
     "val_dataloader.dataset.data_root={root!r}: CUB has no images of split='test'; compare the "
     'files with the layout that the documentation of mmpretrain.datasets.CUB shows'),
    ('cub200', lambda root: write_text(
        root / 'image_class_labels.txt', [f'{i} 201' for i in range(1, 13)]),
     'model.head.num_classes=200: train_dataloader.dataset has labels from 200 to 200; set '
     '`--cfg-options model.head.num_classes=201`, or mend its label file'),
    ('cub200', lambda root: write_text(
        root / 'image_class_labels.txt', [f'{i} {i // 7}' for i in range(1, 13)]),
     'train_dataloader.dataset.data_root={root!r}: the label of image 0 is -1, and the first class '
     'has 0; mend its label file'),
    ('dtd', lambda root: (root / 'imdb/imdb.mat').write_bytes(b'<html>404</html>'),
     'train_dataloader.dataset.data_root={root!r}: DTD cannot be read ('),
    ('dtd', lambda root: savemat(root / 'imdb/imdb.mat', {'meta': [1, 2]}),
     "DTD cannot be read (KeyError: 'images')"),
    ('dtd', lambda root: shutil.rmtree(root / 'images/banded'),
     "train_dataloader.dataset.data_root={root!r}: no file '{root}/images/banded/banded_0000.jpg', "
     'which the label file names; put the images there'),
    ('flowers102', lambda root: savemat(root / 'setid.mat', {'trnid': [1, 2], 'valid': [3, 4]}),
     "val_dataloader.dataset.data_root={root!r}: Flowers102 cannot be read (KeyError: 'tstid')"),
    ('flowers102', lambda root: savemat(root / 'imagelabels.mat', {'labels': [1, 103] * 6}),
     'model.head.num_classes=102: train_dataloader.dataset has labels from 0 to 102'),
    ('cifar10', lambda root: (root / 'cifar-10-batches-py/test_batch').write_bytes(b'half'),
     'train_dataloader.dataset.data_root={root!r}: CIFAR10 cannot be read (RuntimeError: Cannot '
     'find CIFAR10 dataset in'),
    ('inaturalist2019', lists([*GOOD, f'{IMAGES[0]} 1010'], GOOD),
     'model.head.num_classes=1010: train_dataloader.dataset has labels from 0 to 1010'),
    ('inaturalist2019', lists(GOOD, [f'{IMAGES[0]} 8141']),
     'model.head.num_classes=1010: val_dataloader.dataset has labels from 8141 to 8141'),
    ('inaturalist2019', lists(GOOD, ['gone.jpg 3']),
     "val_dataloader.dataset.data_root={root!r}: no file '{root}/gone.jpg', which the label file"),
    ('inaturalist2019', lists(GOOD, ['1.jpg aves']),
     "ann_file='{root}/meta/val.txt', line 1: '1.jpg aves' is not 'path label'"),
    ('inaturalist2019', lambda root: None,
     "ann_file='{root}/meta/train.txt' does not exist. Mend the path, write it by a tool of "
     'tools/dataset_converters'),
])
def test_wrong_labels_and_splits_are_named_in_one_line(tmp_path, name, change, message):
    with pytest.raises(ConfigError) as error:
        prepared(name, tmp_path, change)
    assert message.replace('{root}', str(tmp_path)).replace('{root!r}', repr(str(tmp_path))) in (
        str(error.value))
    assert '\n' not in str(error.value)


def test_another_mistake_within_a_data_set_keeps_its_name(tmp_path):
    with pytest.raises(ConfigError, match=r"^train_dataloader\.dataset\.splitt='train': CUB has no "
                                          "option 'splitt'"):
        prepared('cub200', tmp_path, lambda root: None, splitt='train')


def test_a_users_own_data_set_keeps_its_stack(tmp_path):

    @DATASETS.register_module(force=True)
    class Mine(ImageFolder):

        def load_data_list(self):
            raise ValueError('of mine')

    cfg = Config(dict(train_dataloader=loader(dict(type='mmguided.Mine', data_root='x'))))
    with pytest.raises(ValueError, match='of mine') as error, \
            explain_config_errors(cfg, ('train_dataloader', )):
        Runner.build_dataloader(cfg.train_dataloader)
    assert not isinstance(error.value, ConfigError)


def folders(root, *names):
    for name in names:
        write_image(root / name / '1.png')
    return ImageFolder(str(root), with_label=True)


@pytest.mark.parametrize('names, message', [
    ('ab', "val.data_root='{root}': its classes are not those of train, whose order gives the "
     "labels: it lacks 'c'; give both"),
    ('abcd', "it has also 'd'; give both"), ('abd', "it lacks 'c' and has also 'd'; give both"),
    ('abc', None)])
def test_classes_of_validation(tmp_path, names, message):
    """Without 'b', the label of 'c' would be that of 'b'."""
    train, val = folders(tmp_path / 'train', *'abc'), folders(tmp_path / 'val', *names)
    if message is None:
        check_same_classes('val', val, 'train', train)
        return
    with pytest.raises(ConfigError) as error:
        check_same_classes('val', val, 'train', train)
    assert message.replace('{root}', str(tmp_path / 'val')) in str(error.value)


def test_another_order_of_classes(tmp_path):
    train, val = folders(tmp_path, *'ab'), ImageFolder(str(tmp_path), classes=['b', 'a'])
    with pytest.raises(ConfigError, match='labels: it has another order'):
        check_same_classes('val', val, 'train', train)


def test_labels_are_read_only_where_a_model_has_classes(tmp_path, monkeypatch):
    train = folders(tmp_path, *'abc')
    for model, num_reads in ((dict(head=dict()), 0), (dict(head=dict(num_classes=3)), 0)):
        reads = []
        monkeypatch.setattr(train, 'get_gt_labels', lambda reads=reads: reads.append(1))
        check_labels('train', train, Config(dict(model=model)))
        assert len(reads) == num_reads
    with pytest.raises(ConfigError, match=r'model\.head\.num_classes=2: the data set has 3 cl'):
        check_labels('train', train, Config(dict(model=dict(head=dict(num_classes=2)))))


@pytest.mark.parametrize('model, error', [
    (dict(head=dict(num_classes=2)), r'model\.head\.num_classes=2: the data set has 3 classes; set '
     r'`--cfg-options model\.head\.num_classes=3`'),
    (dict(decode_head=dict(num_classes=3), auxiliary_head=[dict(num_classes=1)]),
     r'model\.auxiliary_head\.0\.num_classes=1'),
    (dict(head=dict(num_classes=3)), None), (dict(head=dict(num_classes=1000)), None), ({}, None)])
def test_fewer_classes_than_the_labels_have(model, error):
    data = SimpleNamespace(metainfo=dict(classes=('a', 'b', 'c')))
    loader = [1]
    runner = SimpleNamespace(cfg=Config(dict(model=model)), world_size=1, train_dataloader=type(
        'Loader', (list, ), dict(dataset=data, batch_size=1))(loader))
    if error is None:
        check_training_data(runner)
        return
    with pytest.raises(ConfigError, match=error):
        check_training_data(runner)


@pytest.mark.parametrize('tool, config, field', [
    ('train.py', 'vit-micro_finetune', 'val_dataloader.dataset'),
    ('test.py', 'vit-micro_knn', 'test_dataloader.dataset')])
def test_the_tools_stop_at_a_class_without_validation_images(
        monkeypatch, tmp_path, tool, config, field):
    use_cpu(monkeypatch)
    monkeypatch.chdir(tmp_path)
    data = color_folders(tmp_path / 'data', train=3, val=1)
    shutil.rmtree(data / 'val/green')
    (tmp_path / 'small.py').write_text(
        f"_base_ = '{ROOT}/configs/benchmarks/folder/{config}.py'\n"
        f'model = dict(backbone=dict(arch=dict(_delete_=True, **{ARCH})))\n'
        + 'model["head"] = dict(in_channels=32)\n' * (tool == 'train.py'))
    encoder = MaskedViT(arch=ARCH, img_size=32, patch_size=4)
    state = {f'backbone.{name}': value for name, value in encoder.state_dict().items()}
    torch.save(dict(state_dict=state), 'encoder.pth')
    options = ([], ['model.backbone.init_cfg.checkpoint=encoder.pth',
                    'train_dataloader.num_workers=0', 'train_dataloader.batch_size=2',
                    'val_dataloader.num_workers=0']) if tool == 'train.py' else (
        ['encoder.pth'], ['model.ks=(2,)', 'model.bank_dataloader.num_workers=0',
                          'test_dataloader.num_workers=0'])
    error = error_of_tool(monkeypatch, tool, 'small.py', *options[0], '--data-root', data,
                          '--cfg-options', *options[1])
    assert error.startswith(f"error: {field}.data_root='{data}': its classes are not those of ")
    assert "it lacks 'green'" in error
    assert not list((tmp_path / 'work_dirs').rglob('epoch_*.pth'))
