"""Training images without augmentation."""
import numpy as np
import pytest
import torch
from mmengine.dataset import ConcatDataset
from PIL import Image

from mmguided.datasets import ImageFolder, whole_image_pipeline
from mmguided.utils.errors import ConfigError

CROP = dict(type='mmguided.RandomResizedCrop', scale=32)
VIEWS = [
    [CROP, dict(type='RandomFlip', prob=.5), dict(type='PackInputs')],
    [dict(type='mmguided.WithScores', transforms=[CROP, dict(type='PackInputs')])],
    [dict(type='MultiView', num_views=[1, 1], transforms=[[CROP], [CROP]]),
     dict(type='PackInputs')],
]
LOAD = dict(type='mmguided.LoadImage')


@pytest.fixture
def folder(tmp_path):
    """Two classes with one 20 x 40 noise image each."""
    rng = np.random.default_rng(0)
    for name in 'ab':
        (tmp_path / name).mkdir()
        Image.fromarray(rng.integers(0, 256, (20, 40, 3), np.uint8)).save(tmp_path / name / '0.png')
    return tmp_path


@pytest.mark.parametrize('transforms', VIEWS)
def test_images_are_resized_without_cropping(folder, transforms):
    training = ImageFolder(str(folder), pipeline=[LOAD, *transforms])
    images = ImageFolder(str(folder), pipeline=whole_image_pipeline(training, (16, 24)))
    for i, name in enumerate('ab'):
        expected = Image.open(folder / name / '0.png').resize((24, 16), Image.Resampling.BICUBIC)
        sample = images[i]
        pixels = sample['inputs'].flip(0).permute(1, 2, 0)  # loaded as BGR
        assert torch.equal(pixels, torch.from_numpy(np.array(expected)))
        assert sample['data_samples'].gt_label.tolist() == [i]
    (folder / 'a/0.png').write_bytes(b'broken')
    assert images[0]['data_samples'].gt_label.tolist() == [1] and images.num_broken == 1


def test_concatenated_dataset_has_no_pipeline(folder):
    with pytest.raises(ConfigError, match=r'dataset\.type=ConcatDataset:'):
        whole_image_pipeline(ConcatDataset([ImageFolder(str(folder), pipeline=[])]), (8, 8))


def test_files_that_the_model_decodes_in_training_are_decoded(folder):
    Image.new('RGB', (24, 16), (200, 100, 50)).save(folder / 'a/0.png', 'jpeg')
    training = ImageFolder(str(folder), pipeline=[dict(LOAD, decode=False)])
    assert training[0]['img'].ndim == 1
    pixels = whole_image_pipeline(training, (16, 24))[0](dict(img_path=folder / 'a/0.png'))['img']
    assert pixels.shape == (16, 24, 3) and training[0]['img'].ndim == 1
