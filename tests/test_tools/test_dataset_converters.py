"""tools/dataset_converters/convert_*.py: lists of labeled images from the published layouts."""
import json

import pytest
from scipy.io import savemat

from mmguided.datasets import ImageFolder
from tests.helpers.tools import error_of_tool, run_tool
from tests.helpers.transfer import CONVERTERS, LAYOUTS, write_text


@pytest.fixture
def convert(monkeypatch, tmp_path):
    """Convert a small copy of a data set, which ``change`` may spoil; the error, if any."""

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
     "val_annotations.txt': no such file; give the folder of the unpacked archive"),
    ('tiny_imagenet', lambda root: (root / 'train').rename(root / 'Train'),
     "/train' has no folders of classes; give the folder of the unpacked archive"),
    ('tiny_imagenet', lambda root: write_text(root / 'val/val_annotations.txt', ['v.JPEG n9 0 0']),
     "val_annotations.txt', line 1: 'v.JPEG n9 0 0' does not name an image and one of the classes "
     'of train'),
    ('tiny_imagenet', lambda root: write_text(root / 'val/val_annotations.txt', []),
     "meta/val.txt' would be empty"),
    ('stanford_dogs', lambda root: (root / 'test_list.mat').unlink(),
     "test_list.mat': no such file; unpack lists.tar there"),
    ('stanford_dogs', lambda root: (root / 'train_list.mat').write_bytes(b'<html>404</html>'),
     "train_list.mat' is no list of Stanford Dogs"),
    ('stanford_dogs', lambda root: savemat(root / 'train_list.mat', {'labels': [1]}),
     "train_list.mat' is no list of Stanford Dogs ('file_list')"),
    ('stanford_dogs', lambda root: savemat(root / 'train_list.mat', {
        'file_list': ['a/1.jpg', 'b/1.jpg'], 'labels': [1, 1]}),
     "'b/1.jpg' has the class 1, which is 'a'"),
    ('inaturalist2018', lambda root: (root / 'train2018.json').unlink(),
     "train2018.json': no such file; unpack the annotations there, and check --year"),
    ('inaturalist2018', lambda root: (root / 'val2018.json').write_text('{'),
     "val2018.json' is not JSON"),
    ('inaturalist2018', of_json(lambda content: content.pop('annotations')),
     "val2018.json' has no 'annotations'"),
    ('inaturalist2018', of_json(lambda content: content['annotations'][0].update(category_id=7)),
     "val2018.json': image 100 has the unknown category 7; both files must be of one year"),
    ('inaturalist2018', of_json(lambda content: content['images'].pop()),
     "val2018.json': an annotation names the unknown image 105"),
])
def test_what_is_wrong_is_named_in_one_line(convert, name, change, message):
    error = convert(name, change)
    assert error.startswith('error: ') and message in error
