"""HuggingFaceImages: rows of saved datasets, Parquet files and paths; labels and errors."""
import io
import sys

import datasets
import numpy as np
import pytest
from PIL import Image

from mmguided.cli.config_checks import check_data
from mmguided.datasets import FolderMaps, HuggingFaceImages, fingerprint
from mmguided.datasets.hugging_face import open_dataset
from mmguided.utils.errors import ConfigError
from tests.helpers.images import write_image

LOAD = dict(type='mmguided.LoadImage')


def encoded(value, ending='png'):
    file = io.BytesIO()
    Image.new('RGB', (12, 10), (value, value, 7)).save(file, ending)
    return file.getvalue()


@pytest.fixture
def rows():
    """Five images of two classes."""
    return datasets.Dataset.from_dict(
        dict(image=[dict(bytes=encoded(10 * i), path=f'{i}.png') for i in range(5)],
             label=[1, 0, 1, 1, 0], group=[3, 3, 3, 3, 4], text=list('abcde')),
        datasets.Features(image=datasets.Image(), label=datasets.ClassLabel(names=['cat', 'dog']),
                          group=datasets.Value('int32'), text=datasets.Value('string')))


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, 'HF_DATASETS_CACHE', tmp_path / 'cache')


def build(root, **kwargs):
    return HuggingFaceImages(str(root), pipeline=kwargs.pop('pipeline', [LOAD]), **kwargs)


def values(dataset):
    return [int(dataset[i]['img'][0, 0, 2]) for i in range(len(dataset))]


def save(rows, path, form):
    if form == 'parquet':
        path.mkdir()
        half = len(rows) // 2
        rows.select(range(half)).to_parquet(path / 'train-0.parquet')
        rows.select(range(half, len(rows))).to_parquet(path / 'train-1.parquet')
    elif form == 'splits':
        datasets.DatasetDict(train=rows, test=rows.select([3])).save_to_disk(path)
    else:
        rows.save_to_disk(path, num_shards=2)


@pytest.mark.parametrize('form', ['saved', 'splits', 'parquet'])
def test_rows_are_read_as_files(rows, tmp_path, form):
    save(rows, tmp_path / 'set', form)
    split = 'train' if form == 'splits' else ''
    dataset = build(tmp_path / 'set', split=split)
    assert values(dataset) == [0, 10, 20, 30, 40]
    assert dataset.get_gt_labels().tolist() == [1, 0, 1, 1, 0]
    assert dataset.CLASSES == ('cat', 'dog') and dataset.with_label is True
    assert dataset[3]['img_path'] == f'hf-datasets://{tmp_path}/set#{split}#image/3'
    np.testing.assert_array_equal(
        dataset[1]['img'][..., ::-1], np.asarray(Image.open(io.BytesIO(encoded(10)))))
    if form == 'splits':
        assert values(build(tmp_path / 'set', split='test')) == [30]


def test_other_columns_and_subsets(rows, tmp_path):
    rows = rows.rename_columns(dict(image='jpg', label='class'))
    rows.save_to_disk(tmp_path / 'set')
    numbers = build(tmp_path / 'set', image='jpg', label='group', indices=[4, 0])
    assert values(numbers) == [40, 0] and numbers.get_gt_labels().tolist() == [4, 3]
    assert numbers.CLASSES is None
    for settings in (dict(), dict(label='text', with_label=False),
                     dict(label='none', with_label=False)):
        dataset = build(tmp_path / 'set', image='jpg', **settings)
        assert 'gt_label' not in dataset[0] and dataset.with_label is False
    assert len({fingerprint(build(tmp_path / 'set', image='jpg', label=label))
                for label in ('class', 'group', 'label')}) == 3


def test_bytes_and_paths_without_a_schema(tmp_path):
    write_image(tmp_path / 'a.png', value=50)
    for column in ([encoded(50)], [str(tmp_path / 'a.png')], [dict(bytes=encoded(50), path=None)]):
        root = tmp_path / type(column[0]).__name__
        datasets.Dataset.from_dict(dict(image=column)).save_to_disk(root)
        assert values(build(root)) == [50]


def test_unreadable_rows(tmp_path):
    """A row without an image, a broken one, a deleted file."""
    column = [dict(bytes=encoded(0), path=None), None, dict(bytes=b'broken', path=None),
              dict(bytes=None, path=str(tmp_path / 'deleted.png')),
              dict(bytes=encoded(40), path=None), dict(bytes=None, path=None)]
    datasets.Dataset.from_dict(dict(image=column)).save_to_disk(tmp_path / 'set')
    dataset = build(tmp_path / 'set')
    assert values(dataset) == [0, 40, 40, 40, 40, 0] and dataset.num_broken == 4
    for row in (1, 5):
        with pytest.raises(ConfigError, match=f"image/{row}': unreadable .*the row has no image"):
            build(tmp_path / 'set', broken='error')[row]


def test_raster_images_and_maps(tmp_path):
    """16-bit PNG files are refused by LoadImage and read by LoadRaster; maps have the index as
    name."""
    file = io.BytesIO()
    Image.fromarray(np.full((4, 4), 1000, np.uint16)).save(file, 'png')
    datasets.Dataset.from_dict(dict(image=[file.getvalue()] * 2)).save_to_disk(tmp_path / 'set')
    with pytest.raises(ConfigError, match='all 2 images are unreadable.*fit into 8 bits'):
        build(tmp_path / 'set')[0]
    dataset = build(tmp_path / 'set', pipeline=[
        dict(type='mmguided.LoadRaster', scaling=(0, 4000))])
    assert dataset[1]['img'][0, 0] == 63.75
    (tmp_path / 'maps').mkdir()
    np.save(tmp_path / 'maps/1.npy', np.full((4, 4), 5))
    maps = FolderMaps(str(tmp_path / 'maps'), dataset, (1, 1))
    assert maps.missing.tolist() == [0]
    assert maps.crop(dataset[1], (1, 1), (0, 0)).item() == 5


@pytest.mark.parametrize('settings, match', [
    (dict(root='none'), 'no such folder.*hf-hub:OWNER/NAME'),
    (dict(root='empty'), r'cannot be opened \(.*Dataset\.save_to_disk'),
    (dict(split='val'), r"split='val'.*\['train', 'test'\]"),
    (dict(split=''), r"split=''.*\['train', 'test'\]"),
    (dict(image='img'), r"image='img': no such column\. Choose from \['image', 'label'"),
    (dict(image='label'), "image='label': has neither image files nor paths"),
    (dict(image='array'), "image='array': has neither image files nor paths"),
    (dict(label='y', with_label=True), r"label='y': no such column"),
    (dict(label='y'), r"label='y': no such column"),  # not unlabeled in silence
    (dict(label='text'), "label='text': .*not integers from 0.*class_encode"),
    (dict(label='array', with_label=True), "label='array': .*not integers from 0"),
    (dict(label='hidden'), "label='hidden': .*not integers from 0"),
    (dict(with_label='maybe'), "with_label='maybe'"),
    (dict(data_prefix='train'), "data_prefix='train': not supported.*data_prefix=''"),
    (dict(ann_file='a.txt'), "ann_file='a.txt': not supported"),
])
def test_errors(rows, tmp_path, settings, match):
    rows = rows.add_column('hidden', [0, -1, 0, 0, 1]).add_column('array', [[1, 2]] * 5)
    save(rows, tmp_path / 'set', 'splits')
    (tmp_path / 'empty').mkdir()
    root = tmp_path / settings.pop('root', 'set')
    with pytest.raises(ConfigError, match=match):
        build(root, **dict(split='train') | settings)


def test_without_the_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'datasets', None)
    with pytest.raises(ConfigError, match=r"data_root='.*': .*datasets.*pip install -e '\.\[data"):
        build(tmp_path)


def test_names_of_the_hub(rows, monkeypatch):
    """Read by ``datasets`` from its cache; the check of folders skips them."""
    monkeypatch.setattr(datasets, 'load_dataset', dict(
        [('owner/name', datasets.DatasetDict(train=rows))]).__getitem__)
    dataset = build('hf-hub:owner/name')
    assert values(dataset) == [0, 10, 20, 30, 40]
    check_data(dict(train=dict(data_root='hf-hub:owner/name')), ['train'])
    open_dataset.cache_clear()
