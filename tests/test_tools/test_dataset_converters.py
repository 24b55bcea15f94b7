"""tools/dataset_converters: annotation files from the published layouts, and subsets."""
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from mmguided.datasets import ImageFolder
from tests.helpers.images import write_image
from tests.helpers.tools import error_of_tool, run_tool
from tests.helpers.transfer import CONVERTERS, LAYOUTS, write_text


@pytest.fixture
def convert(monkeypatch, tmp_path):
    """Convert a small copy of a dataset; with ``change``, return the error."""

    def run(name, change=None):
        LAYOUTS[name](tmp_path)
        if change:
            change(tmp_path)
        tool, *options = CONVERTERS[name]
        tool = f'dataset_converters/{tool}.py'
        return (error_of_tool if change else run_tool)(monkeypatch, tool, tmp_path, *options)

    return run


def lines(path):
    return [line.rsplit(' ', 1) for line in path.read_text().splitlines()]


def test_tiny_imagenet(convert, tmp_path, capsys):
    """n02 is written first, and has the second label."""
    convert('tiny_imagenet')
    assert lines(tmp_path / 'meta/val.txt') == [
        [f'images/val_{i}.JPEG', '1' if i < 3 else '0'] for i in range(6)]
    assert 'meta/val.txt: 6 images of 2 classes' in capsys.readouterr().out
    train = ImageFolder(str(tmp_path), data_prefix='train', with_label=True)
    infos = [train.get_data_info(i) for i in range(len(train))]
    labels = {info['img_path'].split('/')[-3]: info['gt_label'] for info in infos}
    assert labels == dict(n01=0, n02=1)


def test_stanford_dogs(convert, tmp_path):
    convert('stanford_dogs')
    for split, numbers in (('train', (0, 1, 2)), ('test', (3, 4, 5))):
        assert lines(tmp_path / f'meta/{split}.txt') == [
            [f'{breed}/{breed.partition("-")[0]}_{i}.jpg', label]
            for breed, label in (('n02085620-Chihuahua', '0'),
                                 ('n02116738-African_hunting_dog', '119')) for i in numbers]


def test_inaturalist(convert, tmp_path):
    convert('inaturalist2019')
    for split, offset in (('train', 0), ('val', 100)):
        assert lines(tmp_path / f'meta/{split}.txt') == [
            [f'train_val2019/Aves/{i % 2}/{offset + i}.jpg', str(i % 2)] for i in range(6)]
    for path, label in lines(tmp_path / 'meta/val.txt'):
        assert (tmp_path / path).is_file() and f'/{label}/' in path


def of_json(change):
    """Change the content of iNaturalist's val2018.json."""

    def spoil(root):
        content = json.loads((root / 'val2018.json').read_text())
        change(content)
        (root / 'val2018.json').write_text(json.dumps(content))

    return spoil


@pytest.mark.parametrize('name, change, message', [
    ('tiny_imagenet', lambda root: (root / 'val/val_annotations.txt').unlink(),
     'val/val_annotations.txt'),
    ('tiny_imagenet', lambda root: write_text(root / 'val/val_annotations.txt', ['v.JPEG n9 0 0']),
     "val_annotations.txt', line 1: 'v.JPEG n9 0 0'"),
    ('stanford_dogs', lambda root: (root / 'train_list.mat').write_bytes(b'<html>404</html>'),
     'train_list.mat'),
    ('stanford_dogs', lambda root: savemat(root / 'train_list.mat', {'labels': [1]}), 'file_list'),
    ('stanford_dogs', lambda root: savemat(root / 'train_list.mat', {
        'file_list': ['a/1.jpg', 'b/1.jpg'], 'labels': [1, 1]}),
     "'b/1.jpg' has the class 1, which is 'a'"),
    ('inaturalist2018', lambda root: (root / 'val2018.json').write_text('{'), 'val2018.json'),
    ('inaturalist2018', of_json(lambda content: content.pop('annotations')),
     "val2018.json' has no 'annotations'"),
    ('inaturalist2018', of_json(lambda content: content['annotations'][0].update(category_id=7)),
     "val2018.json': image 100 has the unknown category 7"),
    ('inaturalist2018', of_json(lambda content: content['images'].pop()),
     "val2018.json': unknown image 105"),
])
def test_errors_name_the_file(convert, name, change, message):
    error = convert(name, change)
    assert error.startswith('error: ') and message in error


def test_imagenet_subset(tmp_path, monkeypatch):
    tool = 'dataset_converters/make_imagenet_subset.py'
    root, out = tmp_path / 'train', tmp_path / 'subsets/list.txt'
    for i in range(20):
        write_image(root / f'n {i:02}/1.png')
    (root / 'empty').mkdir()  # no class
    drawn = []
    for seed in (0, 0, 1):
        run_tool(monkeypatch, tool, root, '--num-classes', 5, '--seed', seed, '--out', out)
        drawn.append(out.read_text().splitlines())
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(set(drawn[0])) == 5 and drawn[0] == sorted(drawn[0])
    assert ImageFolder(str(root), classes=str(out), pipeline=[]).CLASSES == tuple(drawn[2])

    (tmp_path / 'mine.txt').write_text('n 03\nn 99\n')
    for args, message in ((('--check', tmp_path / 'mine.txt'), 'mine.txt\': 1 of 2'),
                          (('--num-classes', 21), f"--num-classes=21: '{root}' has 20 classes"),
                          (('--check', tmp_path / 'gone.txt'), "gone.txt'")):
        assert message in error_of_tool(monkeypatch, tool, root, *args, '--out', out)
    run_tool(monkeypatch, tool, root, '--check', out, '--out', tmp_path / 'copy.txt')
    assert (tmp_path / 'copy.txt').read_text() == out.read_text()


LOW_SHOT = 'dataset_converters/make_low_shot_subset.py'


@pytest.fixture
def low_shot(tmp_path, monkeypatch):
    """Three classes of 5, 6 and 7 images, named as in ImageNet; run the tool on them."""
    for i, count in enumerate((5, 6, 7)):
        for j in range(count):
            write_image(tmp_path / f'train/n0{i}/n0{i}_{j}.JPEG')
    out = tmp_path / 'subsets/list.txt'

    def run(*args, fails=False):
        result = (error_of_tool if fails else run_tool)(
            monkeypatch, LOW_SHOT, tmp_path / 'train', *args, '--out', out)
        return result if fails else out.read_text().splitlines()

    return run


def test_low_shot_list_of_names(low_shot, tmp_path):
    write_image(tmp_path / 'train/n02/with blank.JPEG')
    (tmp_path / '1percent.txt').write_text('n02_6.JPEG\nn00_1.JPEG\nwith blank.JPEG\n')
    found = low_shot('--names', tmp_path / '1percent.txt')
    assert found == ['n02/n02_6.JPEG 2', 'n00/n00_1.JPEG 0', 'n02/with blank.JPEG 2']
    dataset = ImageFolder(str(tmp_path), 'train', with_label=True, pipeline=[],
                          ann_file='subsets/list.txt')
    assert [dataset[i]['gt_label'] for i in range(3)] == [2, 0, 2]
    assert dataset[1]['img_path'] == str(tmp_path / 'train/n00/n00_1.JPEG')


def test_low_shot_draws_are_balanced_and_repeatable(low_shot):
    """8 of 18 images: 2 of one class and 3 of each of the others."""
    drawn = [low_shot('--percent', 45, '--seed', seed) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    for found in drawn:
        assert len(set(found)) == 8
        assert sorted(sum(line.endswith(f' {label}') for line in found)
                      for label in range(3)) == [2, 3, 3]
        assert all(line[:3] == f'n0{line[-1]}' == line[4:7] for line in found)
    assert len(low_shot('--percent', 17)) == 3


@pytest.mark.parametrize('names, message', [
    ('n00_1.JPEG n09_1.JPEG n00_7.JPEG', '2 of 3'), ('n00_1.JPEG n00_1.JPEG', '1 are duplicates'),
    ('', '0 of 0')])
def test_low_shot_errors_of_lists(low_shot, tmp_path, names, message):
    (tmp_path / 'names.txt').write_text('\n'.join(names.split()))
    error = low_shot('--names', tmp_path / 'names.txt', fails=True)
    assert error.startswith(f"error: --names='{tmp_path}/names.txt': ") and message in error


def test_other_low_shot_errors(low_shot, tmp_path):
    for percent, message in ((5, '1 images are 0.3'), (90, '16 images are 5.3')):
        assert f'--percent={percent}: {message}' in low_shot('--percent', percent, fails=True)
    write_image(tmp_path / 'train/n01/n00_1.JPEG')
    (tmp_path / 'names.txt').write_text('n00_2.JPEG')
    assert 'share a name' in low_shot('--names', tmp_path / 'names.txt', fails=True)


@pytest.fixture
def shards(tmp_path, monkeypatch, capsys):
    """Five images of two classes and a broken one, in shards of four."""
    gray = np.random.default_rng(0).integers(0, 256, (6, 8, 12, 1), np.uint8).repeat(3, -1)
    for i, image in enumerate(gray):
        path = tmp_path / f'images/{"ab"[i // 3]}/{i}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.repeat(8, 0).repeat(8, 1)).save(path)
    (tmp_path / 'images/a/1.png').write_bytes(b'broken')
    run_tool(monkeypatch, 'dataset_converters/make_shards.py', tmp_path / 'images', '--out',
             tmp_path / 'shards', '--short-side', 32, '--quality', 100, '--images-per-shard', 4)
    assert '5 images of 6 written' in capsys.readouterr().out
    return tmp_path / 'shards'


def read_shards(path):
    return ImageFolder(str(path), ann_file='images.txt', with_label=True, pipeline=[
        dict(type='mmguided.LoadImage', backend_args=dict(backend='mmguided.shards'))])


def test_shards_contain_the_reduced_images(shards):
    assert sorted(path.name for path in shards.iterdir()) == [
        '000000.tar', '000001.tar', 'images.txt']
    dataset = read_shards(shards)
    assert [dataset[i]['gt_label'] for i in range(5)] == [0, 0, 1, 1, 1]
    for i, name in enumerate(('a/0', 'a/2', 'b/3', 'b/4', 'b/5')):
        image = Image.open(shards.parent / f'images/{name}.png').resize(
            (48, 32), Image.Resampling.BICUBIC)
        difference = dataset[i]['img'][..., ::-1].astype(int) - np.asarray(image)
        assert dataset[i]['img_shape'] == (32, 48) and np.abs(difference).mean() < 2
    with tarfile.open(shards / '000001.tar') as tar:
        assert tar.getnames() == ['000000004.jpg', '000000004.cls', '000000005.jpg',
                                  '000000005.cls']
        assert tar.extractfile('000000005.cls').read() == b'1'


@pytest.mark.parametrize('damage', [Path.unlink, lambda path: path.write_bytes(b'short')])
def test_missing_and_incomplete_shards_stop_the_run(shards, damage):
    damage(shards / '000001.tar')
    dataset = read_shards(shards)
    assert dataset[2]['gt_label'] == 1
    with pytest.raises(OSError, match=r'shard is missing or incomplete.*000001\.tar'):
        dataset[4]


def test_shards_are_not_overwritten(shards, monkeypatch):
    error = error_of_tool(monkeypatch, 'dataset_converters/make_shards.py',
                          shards.parent / 'images', '--out', shards, '--short-side', 32)
    assert "shards': already exists" in error
