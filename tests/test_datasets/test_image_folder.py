"""Image folders: files, labels, unreadable images and errors."""
import tracemalloc

import numpy as np
import pytest
from PIL import Image
from torch.utils.data import DataLoader

from mmguided.datasets import ImageFolder
from mmguided.registry import DATASETS
from mmguided.utils.errors import ConfigError
from tests.helpers.images import write_image

LOAD = dict(type='mmguided.LoadImage')


def build(root, **kwargs):
    return DATASETS.build(dict(type='mmguided.ImageFolder', data_root=str(root)) | kwargs)


def paths(dataset):
    root = dataset.img_prefix.rstrip('/') + '/'
    return [dataset.get_data_info(i)['img_path'].removeprefix(root) for i in range(len(dataset))]


@pytest.fixture
def labeled(tmp_path):
    for name in ('b/1.png', 'a/2.JPEG', 'a/deep/er/3.webp', 'a-b/4.TIFF'):
        write_image(tmp_path / name)
    (tmp_path / 'a/notes.txt').write_text('no image')
    return tmp_path


@pytest.fixture
def with_broken(tmp_path):
    """Six images of which 1 (truncated), 2 (empty) and 5 (text) are broken."""
    for i in range(6):
        write_image(tmp_path / f'{i}.jpg', value=10 * i)
    whole = (tmp_path / '1.jpg').read_bytes()
    (tmp_path / '1.jpg').write_bytes(whole[:len(whole) // 2])
    (tmp_path / '2.jpg').write_bytes(b'')
    (tmp_path / '5.jpg').write_text('<html>404</html>')
    return tmp_path


def test_labels_are_sorted_first_level_folders(labeled):
    dataset = build(labeled)
    assert dataset.CLASSES == ('a', 'a-b', 'b')
    assert paths(dataset) == ['a/2.JPEG', 'a/deep/er/3.webp', 'a-b/4.TIFF', 'b/1.png']
    assert dataset.get_gt_labels().tolist() == [0, 0, 1, 2]


def test_both_backends_read_all_extensions(tmp_path):
    for ending in ImageFolder(data_root=str(write_image(tmp_path / 'x.png').parent)).extensions:
        write_image(tmp_path / f'image{ending}', value=100)
    (tmp_path / 'x.png').unlink()
    for backend in ('pillow', 'cv2'):
        dataset = build(tmp_path, broken='error',
                        pipeline=[dict(type='LoadImageFromFile', imdecode_backend=backend)])
        assert len(dataset) == 10
        assert [round(dataset[i]['img'].mean()) for i in range(10)] == [100] * 10


def test_auto_label_is_false_with_loose_images_or_one_folder(labeled, tmp_path_factory):
    single = tmp_path_factory.mktemp('single')
    write_image(single / 'only/1.png')
    write_image(labeled / 'loose.png')
    for root, count in ((labeled, 5), (single, 1)):
        dataset = build(root)
        assert dataset.with_label is False and dataset.CLASSES is None
        assert len(dataset) == count and 'gt_label' not in dataset.get_data_info(0)
    # Explicit labels exclude the loose image.
    assert len(build(labeled, with_label=True)) == 4
    assert build(single, with_label=True).get_gt_labels().tolist() == [0]


def test_the_folder_above_train_and_val_is_an_error(tmp_path):
    for name in ('train/a/1.png', 'train/b/2.png', 'val/a/3.png', 'more/4.png'):
        write_image(tmp_path / name)
    with pytest.raises(ConfigError, match=r"has the sub-folders train .* Give '.*/train'"):
        build(tmp_path)
    assert len(build(tmp_path, with_label=False)) == 4
    assert build(tmp_path, with_label=True).CLASSES == ('more', 'train', 'val')
    assert build(tmp_path / 'train').CLASSES == ('a', 'b')


def test_classes_select_and_order_folders(labeled, tmp_path_factory):
    file = tmp_path_factory.mktemp('lists') / 'classes.txt'
    file.write_text('b\n\n a \n')
    dataset = build(labeled, classes=str(file))
    assert dataset.CLASSES == ('b', 'a')
    assert paths(dataset) == ['b/1.png', 'a/2.JPEG', 'a/deep/er/3.webp']
    assert dataset.get_gt_labels().tolist() == [0, 1, 1]
    assert paths(build(labeled, classes=['b', 'a'], with_label=False)) == paths(dataset)


def test_annotation_file(labeled):
    (labeled / 'list.txt').write_text('b/1.png 7\na/2.JPEG 3\n')
    dataset = build(labeled, ann_file='list.txt', with_label=True)
    assert paths(dataset) == ['b/1.png', 'a/2.JPEG']
    assert dataset.get_gt_labels().tolist() == [7, 3]


@pytest.mark.parametrize('text, message', [
    ('b/1.png 7\na/2.JPEG\n', "line 2 is 'a/2.JPEG'"), ('b/1.png -1\n', "line 1 is 'b/1.png -1'"),
    ('b/1.png 7\n\n', "line 2 is ''"), ('', '')])
def test_invalid_annotation_file(labeled, text, message):
    (labeled / 'list.txt').write_text(text)
    with pytest.raises(ConfigError, match=rf"ann_file='.*list\.txt': {message}"):
        build(labeled, ann_file='list.txt', with_label=True)


def test_broken_images_are_replaced_counted_and_logged_once(with_broken, monkeypatch):
    messages = []
    monkeypatch.setattr('mmguided.datasets.image_folder.print_log',
                        lambda message, **kwargs: messages.append(message))
    dataset = build(with_broken, pipeline=[LOAD])
    values = [[int(dataset[i]['img'][0, 0, 0]) for i in range(6)] for _ in range(2)]
    # 1 and 2 become 3, and 5 wraps around to 0.
    assert values == [[0, 30, 30, 30, 40, 0]] * 2
    assert dataset.num_broken == len(messages) == 3
    assert str(with_broken / '1.jpg') in messages[0] and '(OSError: ' in messages[0]


@pytest.mark.parametrize('write', [
    lambda path: path.unlink(),
    lambda path: Image.fromarray(np.full((4, 4), 256, np.uint16)).save(path, 'png'),
    lambda path: Image.fromarray(np.full((4, 4), 70000, np.int32)).save(path, 'tiff'),
    lambda path: Image.fromarray(np.full((4, 4), .5, np.float32)).save(path, 'tiff')])
def test_deleted_images_and_images_above_8_bits_are_broken(with_broken, write):
    dataset, strict = (build(with_broken, pipeline=[LOAD], broken=broken)
                       for broken in ('skip', 'error'))
    assert len(dataset) == len(strict) == 6
    write(with_broken / '3.jpg')
    assert int(dataset[3]['img'][0, 0, 0]) == 40 and dataset.num_broken == 1
    with pytest.raises(ConfigError, match=r"img_path='.*3\.jpg': unreadable"):
        strict[3]


def test_broken_images_in_workers_are_counted(with_broken):
    dataset = build(with_broken, pipeline=[LOAD])
    loader = DataLoader(dataset, batch_size=1, num_workers=2, multiprocessing_context='fork',
                        collate_fn=lambda batch: int(batch[0]['img'][0, 0, 0]))
    assert list(loader) == [0, 30, 30, 30, 40, 0]
    assert dataset.num_broken == 3


@pytest.mark.parametrize('kwargs', [dict(broken='error'), dict(test_mode=True)])
def test_broken_images_are_errors(with_broken, monkeypatch, kwargs):
    dataset = build(with_broken, pipeline=[LOAD], **kwargs)
    assert dataset[0]['img'].shape == (10, 12, 3)
    for index in (1, 2, 5):
        with pytest.raises(ConfigError, match=rf"img_path='.*{index}\.jpg': "):
            dataset[index]
    for index in (0, 3, 4):
        (with_broken / f'{index}.jpg').write_bytes(b'')
    messages = []
    monkeypatch.setattr('mmguided.datasets.image_folder.print_log',
                        lambda message, **kwargs: messages.append(message))
    with pytest.raises(ConfigError, match=r"data_root='.*': all 6 "):
        build(with_broken, pipeline=[LOAD])[1]
    assert not messages


def test_different_numbers_of_bands_are_errors(tmp_path, monkeypatch):
    messages = []
    monkeypatch.setattr('mmguided.datasets.image_folder.print_log',
                        lambda message, **kwargs: messages.append(message))
    for name, bands in (('a', 5), ('b', 4), ('c', 5)):
        np.save(tmp_path / f'{name}.npy', np.full((2, 2, bands), ord(name), np.uint8))
    raster = dict(type='mmguided.LoadRaster')
    dataset = build(tmp_path, extensions=['.npy'], pipeline=[raster])
    assert dataset[0]['img'].shape == dataset[2]['img'].shape == (2, 2, 5)
    with pytest.raises(ConfigError, match=(
            r"img_path='.*b\.npy': has 4 bands, but '.*a\.npy' has 5\. .*bands=\[0, 1, 2, 3, 4\]")):
        dataset[1]
    dataset = build(tmp_path, extensions=['.npy'],
                    pipeline=[dict(raster, bands=[0, 1, 2, 3, 4])])
    assert dataset[1]['img'][0, 0].tolist() == 5 * [ord('c')] and len(messages) == 1


def test_different_types_are_errors(tmp_path):
    """Workers cannot collate them."""
    for name, dtype in (('a', np.uint8), ('b', np.uint16)):
        np.save(tmp_path / f'{name}.npy', np.ones((2, 2), dtype))
    raster = dict(type='mmguided.LoadRaster')
    dataset = build(tmp_path, extensions=['.npy'], pipeline=[raster])
    assert dataset[0]['img'].dtype == np.uint8
    with pytest.raises(ConfigError, match=(
            r"img_path='.*b\.npy': is loaded as float32, but '.*a\.npy' as uint8\. Store")):
        dataset[1]
    dataset = build(tmp_path, extensions=['.npy'], pipeline=[dict(raster, scaling='percentile')])
    assert dataset[0]['img'].dtype == dataset[1]['img'].dtype


def test_a_single_extension_may_be_a_string(tmp_path):
    """'mask.png' ends with a letter of '.jpg'."""
    for name in ('photo.jpg', 'mask.png'):
        write_image(tmp_path / 'a' / name)
    assert paths(build(tmp_path, extensions='.jpg')) == ['a/photo.jpg']


def test_an_index_outside_of_the_dataset_is_refused(labeled):
    dataset = build(labeled, pipeline=[])
    assert [sample['sample_idx'] for sample in dataset] == [0, 1, 2, 3]
    assert dataset[-1]['sample_idx'] == 3
    for index in (4, -5):
        with pytest.raises(IndexError):
            dataset[index]


def test_other_errors_are_raised(with_broken):
    def buggy(results):
        raise ValueError('a bug')

    dataset = build(with_broken, pipeline=[LOAD, buggy])
    with pytest.raises(ValueError, match='^a bug$'):
        dataset[0]
    assert dataset.num_broken == 0


@pytest.mark.parametrize('folder, kwargs, message', [
    ('nowhere', dict(data_prefix='train'),
     r"nowhere': .*/nowhere/train'.* train_dataloader\.dataset\.data_root="),
    ('nowhere', dict(test_mode=True), r"nowhere': .* test_dataloader\.dataset\.data_root="),
    ('a/notes.txt', {}, r"notes\.txt': .*file"), ('empty', {}, "empty': no images .*jpg.*empty/'"),
    ('b', dict(with_label=True), 'with_label=True: ')])
def test_invalid_folders(labeled, folder, kwargs, message):
    (labeled / 'empty').mkdir()
    with pytest.raises(ConfigError, match=message):
        build(labeled / folder, **kwargs)


@pytest.mark.parametrize('kwargs, message', [
    (dict(data_root=''), "data_root='':"),
    (dict(classes=['a', 'c', 'd']), 'classes=c, d: 2 of 3 .* a, a-b, b'),
    (dict(classes=['a', 'empty']), 'classes=empty: 1 of 2'), (dict(classes=[]), r'classes=\[\]:'),
    (dict(classes=['a', 'b', 'a']), r"classes=\['a', 'b', 'a'\]: a "),
    (dict(classes='missing.txt'), r"classes='missing\.txt':"),
    (dict(with_label='maybe'), "with_label='maybe':"), (dict(broken='ignore'), "broken='ignore':"),
    (dict(ann_file='list.txt'), "with_label='auto':"),
    (dict(ann_file='list.txt', with_label=True, classes=['b', 'a']), 'classes=b, a: no effect'),
    (dict(ann_file='list.txt', with_label=False), r"ann_file='.*list\.txt':")])
def test_invalid_arguments(labeled, kwargs, message):
    (labeled / 'empty').mkdir()
    with pytest.raises(ConfigError, match=message):
        build(labeled, **kwargs)


def test_memory_of_the_list(tmp_path):
    """Bytes per image. A Python object per image would not fit, and workers would copy it."""
    (tmp_path / 'images.txt').write_text(''.join(
        f'n{i % 1000:08}/n{i % 1000:08}_{i:07}.JPEG {i % 1000}\n' for i in range(20_000)))
    tracemalloc.start()
    dataset = build(tmp_path, ann_file='images.txt', with_label=True)
    kept, peak = (size / len(dataset) for size in tracemalloc.get_traced_memory())
    tracemalloc.stop()
    overhead = len(str(tmp_path))
    assert kept - overhead < 110 and peak - overhead < 670, (kept, peak, overhead)
    assert dataset.get_data_info(12_345) == dict(
        img_path=f'{tmp_path}/n00000345/n00000345_0012345.JPEG', gt_label=345, sample_idx=12_345)
