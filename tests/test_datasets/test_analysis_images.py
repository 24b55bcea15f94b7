"""Image datasets of the analysis tools."""
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


def test_center_crops_in_all_sizes(tmp_path):
    image, color = np.zeros((8, 16, 3)), torch.tensor([255., 100, 0]).view(3, 1, 1)
    image[:, 4:12] = 255, 100, 0  # the central square
    save(tmp_path / 'a.png', image)
    item = AnalysisImages([tmp_path / 'a.png'], [(8, 8), (4, 4), (8, 8), (2, 6)])[0]
    assert list(item) == [(8, 8), (4, 4), (2, 6)]
    assert item[8, 8].dtype == torch.uint8 and (item[8, 8] == color).all()  # RGB
    assert (item[4, 4][:, :, 1:3].float() - color).abs().max() <= 3
    assert item[2, 6].shape == (3, 2, 6)


def test_labels_are_cropped_like_images(tmp_path):
    labels = np.array([[9, 1, 2, 9], [9, 0, 3, 9]], dtype=np.uint8)
    for name in ('a/1.png', 'b/1.png', 'without.png'):
        save(tmp_path / 'images' / name, np.zeros((2, 4, 3)))
    for name, shift in (('a', 0), ('b', 10)):
        indices = Image.frombytes('P', (4, 2), (labels + shift).tobytes())
        indices.putpalette([i for i in range(255, -1, -1) for _ in range(3)])  # ignored
        (tmp_path / 'labels' / name).mkdir(parents=True)
        indices.save(tmp_path / 'labels' / name / '1.png')
    dataset = LabeledImages(tmp_path / 'images', tmp_path / 'labels', (2, 2), ignored=0)
    assert [dataset[i]['labels'].tolist() for i in range(len(dataset))] == [
        [[1, 2], [-1, 3]], [[11, 12], [10, 13]]]
    assert len(LabeledImages(tmp_path / 'images', tmp_path / 'labels', (2, 2), most=1)) == 1


def test_invalid_label_maps(tmp_path):
    save(tmp_path / 'images/a.png', np.zeros((4, 4, 3)))
    with pytest.raises(ConfigError, match="--labels='.*a.png"):
        LabeledImages(tmp_path / 'images', tmp_path / 'labels', (4, 4))
    for label, reason in ((np.zeros((4, 4, 3)), 'RGB'), (np.zeros((4, 8)), r'\(8, 4\).*\(4, 4\)')):
        save(tmp_path / 'labels/a.png', label)
        with pytest.raises(ConfigError, match=rf"--labels='.*a\.png': .*{reason}"):
            LabeledImages(tmp_path / 'images', tmp_path / 'labels', (4, 4))[0]


def test_unreadable_images_are_skipped_but_not_disk_errors(tmp_path):
    save(tmp_path / 'a.png', np.full((4, 4, 3), 5))
    (tmp_path / 'b.png').write_bytes(b'no image')
    items = [*map(AnalysisImages(list_images(tmp_path), [(4, 4)]).__getitem__, range(2))]
    assert items[1] is None
    assert stack_items(items)[4, 4].shape == (1, 3, 4, 4)
    assert stack_items([None]) is None
    with pytest.raises(ConfigError, match="--images='.*missing.png'"):
        AnalysisImages([tmp_path / 'missing.png'], [(4, 4)])[0]
    with pytest.raises(ConfigError, match=r'--images: .*\(4, 4\), \(4, 5\)'):
        stack_items([{(4, 4): torch.zeros(3, 4, 4)}, {(4, 5): torch.zeros(3, 4, 5)}])


def test_listed_images_are_evenly_spaced(tmp_path):
    for name in ('a/1.png', 'a/2.JPG', 'b/1.png', 'b/c/2.png'):
        save(tmp_path / name, np.zeros((2, 2, 3)))
    (tmp_path / 'b/notes.txt').write_text('no image')
    save(tmp_path / 'b/._1.png', np.zeros((2, 2, 3)))
    found = list_images(tmp_path, 2)
    assert [path.relative_to(tmp_path).parts[0] for path in found] == ['a', 'b']
    (tmp_path / 'empty').mkdir()
    for name, said in (('empty', 'no images'), ('missing', 'does not exist'),
                       ('a/1.png', 'not a folder')):
        with pytest.raises(ConfigError, match=f"--images='.*{name}': {said}"):
            list_images(tmp_path / name)
    assert len(list_images(tmp_path)) == 4
    (tmp_path / 'links').mkdir()
    (tmp_path / 'links/b').symlink_to(tmp_path / 'b')
    assert len(list_images(tmp_path / 'links')) == 2


def test_bgr_dataset():
    dataset = [dict(inputs=torch.arange(3, dtype=torch.uint8).view(3, 1, 1) + i) for i in range(4)]
    images = DatasetImages(dataset, is_bgr=True, most=2)
    assert len(images) == 2
    assert images[1][1, 1].flatten().tolist() == [4, 3, 2]
