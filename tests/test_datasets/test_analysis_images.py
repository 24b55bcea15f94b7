"""Images as analysis reads them."""
import numpy as np
import pytest
import torch
from PIL import Image

from mmguided.datasets.analysis_images import (
    AnalysisImages,
    DatasetImages,
    LabeledImages,
    list_images,
    stack_items,
)
from mmguided.utils.errors import ConfigError


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(array, dtype=np.uint8)).save(path)


def test_the_middle_in_every_size(tmp_path):
    image = np.zeros((8, 16, 3))
    image[:, 4:12] = 255, 100, 0  # the middle square
    save(tmp_path / 'a.png', image)
    item = AnalysisImages([tmp_path / 'a.png'], [(8, 8), (4, 4), (8, 8)])[0]
    assert list(item) == [(8, 8), (4, 4)]
    assert item[8, 8].dtype == torch.uint8
    assert (item[8, 8] == torch.tensor([255, 100, 0]).view(3, 1, 1)).all()  # RGB
    assert (item[4, 4][:, :, 1:3].float() - torch.tensor([255., 100, 0]).view(3, 1, 1)
            ).abs().max() <= 3


def test_sizes_that_are_not_square(tmp_path):
    save(tmp_path / 'a.png', np.full((10, 10, 3), 7))
    item = AnalysisImages([tmp_path / 'a.png'], [(4, 12)])[0]
    assert (item[4, 12] == 7).all() and item[4, 12].shape == (3, 4, 12)


def test_labels_are_those_of_the_same_pixels(tmp_path):
    labels = np.array([[9, 1, 2, 9], [9, 0, 3, 9]], dtype=np.uint8)
    for name in ('a/1.png', 'b/1.png', 'without.png'):
        save(tmp_path / 'images' / name, np.zeros((2, 4, 3)))
    for name, shift in (('a', 0), ('b', 10)):
        indices = Image.frombytes('P', (4, 2), (labels + shift).tobytes())
        indices.putpalette([i for i in range(255, -1, -1) for _ in range(3)])  # have no effect
        (tmp_path / 'labels' / name).mkdir(parents=True)
        indices.save(tmp_path / 'labels' / name / '1.png')
    dataset = LabeledImages(tmp_path / 'images', tmp_path / 'labels', (2, 2), ignored=0)
    assert [dataset[i]['labels'].tolist() for i in range(len(dataset))] == [
        [[1, 2], [-1, 3]], [[11, 12], [10, 13]]]
    assert len(LabeledImages(tmp_path / 'images', tmp_path / 'labels', (2, 2), most=1)) == 1


@pytest.mark.parametrize('label, message', [
    (np.zeros((4, 4, 3)), r'a\.png. has mode RGB: give label maps of one channel'),
    (np.zeros((4, 8)), r'a\.png. has \(8, 4\) pixels'), (None, r'a\.png. cannot be read')])
def test_label_maps_that_are_not(tmp_path, label, message):
    save(tmp_path / 'images/a.png', np.zeros((4, 4, 3)))
    with pytest.raises(ConfigError, match='--labels.* has no .*a.png'):
        LabeledImages(tmp_path / 'images', tmp_path / 'labels', (4, 4))
    save(tmp_path / 'labels/a.png', np.zeros((4, 4)) if label is None else label)
    if label is None:
        (tmp_path / 'labels/a.png').write_bytes(b'no image')
    with pytest.raises(ConfigError, match=message):
        LabeledImages(tmp_path / 'images', tmp_path / 'labels', (4, 4))[0]


def test_what_cannot_be_read_is_left_out_of_the_batch(tmp_path):
    save(tmp_path / 'a.png', np.full((4, 4, 3), 5))
    (tmp_path / 'b.png').write_bytes(b'no image')
    items = [*map(AnalysisImages(list_images(tmp_path), [(4, 4)]).__getitem__, range(2))]
    assert items[1] is None
    assert stack_items(items)[4, 4].shape == (1, 3, 4, 4)
    assert stack_items([None]) is None
    with pytest.raises(ConfigError, match='images of several sizes'):
        stack_items([{(4, 4): torch.zeros(3, 4, 4)}, {(4, 5): torch.zeros(3, 4, 5)}])


def test_some_images_of_every_folder(tmp_path):
    for name in ('a/1.png', 'a/2.JPG', 'b/1.png', 'b/c/2.png'):
        save(tmp_path / name, np.zeros((2, 2, 3)))
    (tmp_path / 'b/notes.txt').write_text('no image')
    save(tmp_path / 'b/._1.png', np.zeros((2, 2, 3)))
    found = list_images(tmp_path, 2)
    assert [path.relative_to(tmp_path).parts[0] for path in found] == ['a', 'b']
    with pytest.raises(ConfigError, match="--images='.*empty' holds no images"):
        list_images(tmp_path / 'empty')
    assert len(list_images(tmp_path)) == 4
    (tmp_path / 'links').mkdir()
    (tmp_path / 'links/b').symlink_to(tmp_path / 'b')
    assert len(list_images(tmp_path / 'links')) == 2


def test_a_data_set_of_bgr():
    dataset = [dict(inputs=torch.arange(3, dtype=torch.uint8).view(3, 1, 1) + i) for i in range(4)]
    images = DatasetImages(dataset, is_bgr=True, most=2)
    assert len(images) == 2
    assert images[1][1, 1].flatten().tolist() == [4, 3, 2]
