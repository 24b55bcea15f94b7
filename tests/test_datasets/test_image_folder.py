"""ImageFolder: what it finds, how it labels, what it does about broken images and bad input."""
import subprocess
import sys
import tarfile
from multiprocessing.reduction import ForkingPickler

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from PIL import Image
from torch.utils.data import DataLoader

from mmguided.datasets import ImageFolder
from mmguided.registry import DATASETS
from mmguided.utils.errors import ConfigError
from tests.helpers.paths import ROOT

LOAD = dict(type='LoadImageFromFile', imdecode_backend='pillow')
SUBSET_TOOL = ROOT / 'tools/dataset_converters/make_imagenet_subset.py'


def write(path, value=0):
    """Writes a 12 x 10 picture of one gray value."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((10, 12, 3), value, np.uint8)).save(path)
    return path


def build(root, **kwargs):
    return DATASETS.build(dict(type='mmguided.ImageFolder', data_root=str(root), **kwargs))


def paths(dataset):
    root = dataset.img_prefix.rstrip('/') + '/'
    return [dataset.get_data_info(i)['img_path'].removeprefix(root) for i in range(len(dataset))]


@pytest.fixture
def labeled(tmp_path):
    for name in ('b/1.png', 'a/2.JPEG', 'a/deep/er/3.webp', 'a-b/4.TIFF', '.hidden/5.png',
                 'a/.6.png'):
        write(tmp_path / name)
    (tmp_path / 'a/notes.txt').write_text('no image')
    return tmp_path


@pytest.fixture
def with_broken(tmp_path):
    """Six images of which 1 (truncated), 2 (empty) and 5 (text) are broken."""
    for i in range(6):
        write(tmp_path / f'{i}.jpg', value=10 * i)
    whole = (tmp_path / '1.jpg').read_bytes()
    (tmp_path / '1.jpg').write_bytes(whole[:len(whole) // 2])
    (tmp_path / '2.jpg').write_bytes(b'')
    (tmp_path / '5.jpg').write_text('<html>404</html>')
    return tmp_path


@pytest.mark.parametrize('with_label', ['auto', True])
def test_labels_are_sorted_first_level_folders(labeled, with_label):
    dataset = build(labeled, with_label=with_label)
    assert dataset.CLASSES == ('a', 'a-b', 'b')
    assert paths(dataset) == ['a/2.JPEG', 'a/deep/er/3.webp', 'a-b/4.TIFF', 'b/1.png']
    assert dataset.get_gt_labels().tolist() == [0, 0, 1, 2]


def test_every_default_extension_is_read_by_both_backends(tmp_path):
    for ending in ImageFolder(data_root=str(write(tmp_path / 'x.png').parent)).extensions:
        write(tmp_path / f'image{ending}', value=100)
    (tmp_path / 'x.png').unlink()
    for backend in ('pillow', 'cv2'):
        dataset = build(tmp_path, broken='error',
                        pipeline=[dict(type='LoadImageFromFile', imdecode_backend=backend)])
        assert len(dataset) == 9
        assert [round(dataset[i]['img'].mean()) for i in range(9)] == [100] * 9


def test_auto_is_unlabeled_with_loose_images_or_one_folder(labeled, tmp_path_factory):
    single = tmp_path_factory.mktemp('single')
    write(single / 'only/1.png')
    write(labeled / 'loose.png')
    for root, count in ((labeled, 5), (single, 1)):
        dataset = build(root)
        assert dataset.with_label is False and dataset.CLASSES is None
        assert len(dataset) == count and 'gt_label' not in dataset.get_data_info(0)
    # Asked for explicitly, labels leave the loose image out.
    assert len(build(labeled, with_label=True)) == 4
    assert build(single, with_label=True).get_gt_labels().tolist() == [0]


@pytest.mark.parametrize('as_file', [False, True])
def test_classes_choose_folders_and_their_order_is_the_label(labeled, tmp_path_factory, as_file):
    classes = ['b', 'a']
    if as_file:
        file = tmp_path_factory.mktemp('lists') / 'classes.txt'
        file.write_text('b\n\n a \n')
        classes = str(file)
    dataset = build(labeled, classes=classes)
    assert dataset.CLASSES == ('b', 'a')
    assert paths(dataset) == ['b/1.png', 'a/2.JPEG', 'a/deep/er/3.webp']
    assert dataset.get_gt_labels().tolist() == [0, 1, 1]
    assert paths(build(labeled, classes=classes, with_label=False)) == paths(dataset)


def test_annotation_file(labeled):
    (labeled / 'list.txt').write_text('b/1.png 7\na/2.JPEG 3\n')
    dataset = build(labeled, ann_file='list.txt', with_label=True)
    assert paths(dataset) == ['b/1.png', 'a/2.JPEG']
    assert dataset.get_gt_labels().tolist() == [7, 3]


def test_broken_images_are_skipped_to_the_next_and_counted_once(with_broken):
    dataset = build(with_broken, pipeline=[LOAD])
    values = [[int(dataset[i]['img'][0, 0, 0]) for i in range(6)] for _ in range(2)]
    # 1 and 2 become 3, and 5 wraps around to 0.
    assert values == [[0, 30, 30, 30, 40, 0]] * 2
    assert dataset.num_broken == 3


def test_warns_once_with_the_path(with_broken, monkeypatch):
    messages = []
    monkeypatch.setattr('mmguided.datasets.image_folder.print_log',
                        lambda message, **kwargs: messages.append(message))
    dataset = build(with_broken, pipeline=[LOAD])
    for _ in range(2):
        dataset[1]
    assert len(messages) == 2
    assert str(with_broken / '1.jpg') in messages[0] and '(OSError: ' in messages[0]
    assert str(with_broken / '2.jpg') in messages[1]


def test_broken_images_in_workers_are_counted_in_the_main_process(with_broken):
    dataset = build(with_broken, pipeline=[LOAD])
    loader = DataLoader(dataset, batch_size=1, num_workers=2, multiprocessing_context='fork',
                        collate_fn=lambda batch: int(batch[0]['img'][0, 0, 0]))
    assert list(loader) == [0, 30, 30, 30, 40, 0]
    assert dataset.num_broken == 3


def test_count_is_shared_with_spawned_workers(with_broken):
    # A spawned worker gets the dataset through this pickler; starting one takes 15 s of imports.
    dataset = build(with_broken, pipeline=[LOAD])
    copy = ForkingPickler.loads(ForkingPickler.dumps(dataset))
    copy[1]
    assert dataset.num_broken == 2


@pytest.mark.parametrize('kwargs', [dict(broken='error'), dict(test_mode=True)])
@pytest.mark.parametrize('index', [1, 2, 5])
def test_broken_error_names_file_and_remedy(with_broken, kwargs, index):
    dataset = build(with_broken, pipeline=[LOAD], **kwargs)
    assert dataset[0]['img'].shape == (10, 12, 3)
    with pytest.raises(ConfigError, match=rf"{index}\.jpg' is no readable image .*broken='skip'"):
        dataset[index]


def test_all_images_broken(tmp_path):
    for i in range(3):
        (tmp_path / f'{i}.jpg').write_bytes(b'')
    with pytest.raises(ConfigError, match=r'all 3 images are unreadable.*/0\.jpg'):
        build(tmp_path, pipeline=[LOAD])[1]


def test_other_failures_are_not_taken_for_broken_images(with_broken):
    def buggy(results):
        raise ValueError('a bug')

    dataset = build(with_broken, pipeline=[LOAD, buggy])
    with pytest.raises(ValueError, match='^a bug$'):
        dataset[0]
    (with_broken / '3.jpg').unlink()
    with pytest.raises(FileNotFoundError):
        dataset[3]
    assert dataset.num_broken == 0


def test_missing_folder(tmp_path):
    with pytest.raises(ConfigError) as error:
        build(tmp_path / 'nowhere', data_prefix='train')
    message = str(error.value)
    assert f"data_root='{tmp_path}/nowhere'" in message and '/nowhere/train' in message
    assert '--cfg-options train_dataloader.dataset.data_root=' in message
    with pytest.raises(ConfigError, match='test_dataloader.dataset.data_root='):
        build(tmp_path / 'nowhere', test_mode=True)
    with pytest.raises(ConfigError, match="data_root='' names no folder"):
        build('')


def test_bad_folders(tmp_path):
    with pytest.raises(ConfigError, match='holds no files.*Known extensions: .*jpg'):
        build(tmp_path)
    (tmp_path / 'notes.txt').write_text('no image')
    with pytest.raises(ConfigError, match=r'holds 1 files, but no images \(notes\.txt\)'):
        build(tmp_path)
    with pytest.raises(ConfigError, match='is a file, not a folder'):
        build(tmp_path / 'notes.txt')
    write(tmp_path / '1.png')
    with pytest.raises(ConfigError, match='all images lie directly in .*`with_label=False`'):
        build(tmp_path, with_label=True)


@pytest.mark.parametrize(('kwargs', 'message'), [
    (dict(classes=['a', 'c', 'd']), r'2 of 3 are no sub-folders of .*: c, d\. It has .* a, a-b, b'),
    (dict(classes=['a', 'empty']), 'no images in empty'),
    (dict(classes=[]), 'names no class'),
    (dict(classes=['a', 'b', 'a']), 'names a more than once'),
    (dict(classes='missing.txt'), r"classes='missing\.txt': no such file.*make_imagenet_subset"),
    (dict(with_label='maybe'), "with_label='maybe': use True, False or 'auto'"),
    (dict(broken='ignore'), "broken='ignore': use 'skip' or 'error'"),
    (dict(ann_file='list.txt'), 'say True'),
    (dict(ann_file='list.txt', with_label=False), r"list\.txt' does not exist"),
])
def test_bad_arguments(labeled, kwargs, message):
    (labeled / 'empty').mkdir()
    with pytest.raises(ConfigError, match=message):
        build(labeled, **kwargs)


def run_subset_tool(*args):
    return subprocess.run([sys.executable, SUBSET_TOOL, *map(str, args)], capture_output=True,
                          text=True)


def test_subset_tool(tmp_path):
    root, out = tmp_path / 'train', tmp_path / 'subsets/list.txt'
    for i in range(20):
        write(root / f'n{i:02}/1.png')
    drawn = []
    for seed in (0, 0, 1):
        done = run_subset_tool(root, '--num-classes', 5, '--seed', seed, '--out', out)
        assert done.returncode == 0, done.stderr
        drawn.append(out.read_text().split())
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(set(drawn[0])) == 5 and drawn[0] == sorted(drawn[0])
    assert build(root, classes=str(out)).CLASSES == tuple(drawn[2])

    (tmp_path / 'mine.txt').write_text('n03\nn99\n')
    refused = run_subset_tool(root, '--check', tmp_path / 'mine.txt', '--out', out)
    assert refused.returncode == 2 and '1 of 2 names are no sub-folders' in refused.stderr
    assert 'has 20 classes' in run_subset_tool(root, '--num-classes', 21, '--out', out).stderr


def first_batch(config, **dataset):
    loader = config.train_dataloader
    loader.update(batch_size=4, num_workers=0, pin_memory=False)
    loader.dataset.update(dataset)
    return next(iter(Runner.build_dataloader(loader, seed=0)))


@pytest.mark.parametrize('name', ['imagenet_224', 'imagenet100_224', 'image_folder_224'])
def test_configs_yield_a_batch_of_real_images(data_root, name, tmp_path):
    config = Config.fromfile(ROOT / f'configs/_base_/datasets/{name}.py')
    root = data_root / 'imagenet_mini'
    changes = dict(data_root=str(root))
    if name == 'imagenet100_224':
        classes = sorted(folder.name for folder in (root / 'train').iterdir())[:100]
        changes['classes'] = str(tmp_path / 'imagenet100.txt')
        (tmp_path / 'imagenet100.txt').write_text('\n'.join(classes))
    if name == 'image_folder_224':
        changes['data_root'] = str(root / 'train')
    batch = first_batch(config, **changes)
    assert batch['inputs'].shape == (4, 3, 224, 224) and batch['inputs'].dtype == torch.uint8
    labels = torch.stack([sample.gt_label for sample in batch['data_samples']]).flatten()
    assert labels.unique().numel() > 1
    assert labels.max() < (100 if name == 'imagenet100_224' else 700)


@pytest.mark.parametrize('name', ['cifar10_32', 'cifar100_32'])
def test_cifar_configs(data_root, name, tmp_path):
    config = Config.fromfile(ROOT / f'configs/_base_/datasets/{name}.py')
    source = config.train_dataloader.dataset
    assert DATASETS.get(f'mmpretrain.{source.type}').METAINFO['classes'][0] == (
        'airplane' if name == 'cifar10_32' else 'apple')
    # The real files are a large download: here, JPEGs take the place of their arrays.
    with tarfile.open(data_root / 'cifar10.tar.gz') as archive:
        for member, _ in zip(archive, range(8), strict=False):
            archive.extract(member, tmp_path, filter='data')
    config.train_dataloader.dataset = dict(
        type='mmguided.ImageFolder', data_root=str(tmp_path), pipeline=[LOAD, *source.pipeline])
    assert first_batch(config)['inputs'].shape == (4, 3, 32, 32)
