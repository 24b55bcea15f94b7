"""Whole images in place of what augmentation makes of them."""
import numpy as np
import pytest
import torch
from mmengine.dataset import ConcatDataset
from PIL import Image

from mmguided.datasets import ImageFolder, whole_image_pipeline
from mmguided.utils.errors import ConfigError

CROP = dict(type='RandomResizedCrop', scale=32, backend='pillow')
VIEWS = [
    [CROP, dict(type='RandomFlip', prob=.5), dict(type='PackInputs')],
    [dict(type='mmguided.WithScores', transforms=[CROP, dict(type='PackInputs')])],
    [dict(type='MultiView', num_views=[1, 1], transforms=[[CROP], [CROP]]),
     dict(type='PackInputs')],
]


@pytest.fixture
def folder(tmp_path):
    """Two classes of an image of noise each, 20 high and 40 wide."""
    rng = np.random.default_rng(0)
    for name in 'ab':
        (tmp_path / name).mkdir()
        Image.fromarray(rng.integers(0, 256, (20, 40, 3), np.uint8)).save(tmp_path / name / '0.png')
    return tmp_path


@pytest.mark.parametrize('transforms', VIEWS)
def test_an_image_is_resized_whole_and_keeps_its_label(folder, transforms):
    load = dict(type='LoadImageFromFile', imdecode_backend='pillow')
    training = ImageFolder(str(folder), pipeline=[load, *transforms])
    images = ImageFolder(str(folder), pipeline=whole_image_pipeline(training, (16, 24)))
    for i, name in enumerate('ab'):
        expected = Image.open(folder / name / '0.png').resize((24, 16), Image.Resampling.BICUBIC)
        sample = images[i]
        pixels = sample['inputs'].flip(0).permute(1, 2, 0)  # BGR, as it is loaded
        assert torch.equal(pixels, torch.from_numpy(np.array(expected)))
        assert sample['data_samples'].gt_label.tolist() == [i]
    (folder / 'a/0.png').write_bytes(b'broken')
    assert images[0]['data_samples'].gt_label.tolist() == [1] and images.num_broken == 1


def test_a_data_set_made_of_others_does_not_say_how(folder):
    with pytest.raises(ConfigError, match=r'dataset\.type=ConcatDataset has no pipeline'):
        whole_image_pipeline(ConcatDataset([ImageFolder(str(folder), pipeline=[])]), (8, 8))
