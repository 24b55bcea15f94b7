"""Images as analysis reads them."""
import numpy as np
import pytest
import torch
from PIL import Image

from mmguided.datasets.analysis_images import (
    AnalysisImages,
    DatasetImages,
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
    labels = np.array([[9, 1, 2, 9], [9, 255, 3, 9]], dtype=np.uint8)
    save(tmp_path / 'images/a.png', np.zeros((2, 4, 3)))
    save(tmp_path / 'images/without.png', np.zeros((2, 4, 3)))
    (tmp_path / 'labels').mkdir()
    colored = Image.frombytes('P', (4, 2), labels.tobytes())  # indices count, not colors
    colored.putpalette([i for i in range(255, -1, -1) for _ in range(3)])
    colored.save(tmp_path / 'labels/a.png')
    dataset = AnalysisImages(list_images(tmp_path / 'images'), [(2, 2)], tmp_path / 'labels')
    assert len(dataset) == 1
    assert dataset[0]['labels'].tolist() == [[1, 2], [-1, 3]]


def test_label_maps_that_are_not(tmp_path):
    save(tmp_path / 'a.png', np.zeros((4, 4, 3)))
    with pytest.raises(ConfigError, match='--labels.* has no a.png'):
        AnalysisImages([tmp_path / 'a.png'], [(4, 4)], tmp_path / 'labels')
    save(tmp_path / 'labels/a.png', np.zeros((4, 4, 3)))
    dataset = AnalysisImages([tmp_path / 'a.png'], [(4, 4)], tmp_path / 'labels')
    with pytest.raises(ConfigError, match=r'a\.png. has mode RGB: give label maps of one channel'):
        dataset[0]


def test_what_cannot_be_read_is_left_out_of_the_batch(tmp_path):
    save(tmp_path / 'a.png', np.full((4, 4, 3), 5))
    (tmp_path / 'b.png').write_bytes(b'no image')
    items = [*map(AnalysisImages(list_images(tmp_path), [(4, 4)]).__getitem__, range(2))]
    assert items[1] is None
    assert stack_items(items)[4, 4].shape == (1, 3, 4, 4)
    assert stack_items([None]) is None


def test_some_images_of_every_folder(tmp_path):
    for name in ('a/1.png', 'a/2.JPG', 'b/1.png', 'b/c/2.png'):
        save(tmp_path / name, np.zeros((2, 2, 3)))
    (tmp_path / 'b/notes.txt').write_text('no image')
    found = list_images(tmp_path, 2)
    assert [path.relative_to(tmp_path).parts[0] for path in found] == ['a', 'b']
    with pytest.raises(ConfigError, match="--images='.*empty' holds no images"):
        list_images(tmp_path / 'empty')


def test_a_data_set_of_bgr():
    dataset = [dict(inputs=torch.arange(3, dtype=torch.uint8).view(3, 1, 1) + i) for i in range(4)]
    images = DatasetImages(dataset, is_bgr=True, most=2)
    assert len(images) == 2
    assert images[1][1, 1].flatten().tolist() == [4, 3, 2]
