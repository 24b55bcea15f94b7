"""Decoding and augmentation on the device of the model."""
from io import BytesIO

import numpy as np
import pytest
import torch
from mmengine.dataset import default_collate, pseudo_collate
from mmpretrain.models import SelfSupDataPreprocessor
from PIL import Image
from torchvision.transforms import v2

from mmguided.datasets import ImageFolder
from mmguided.models import DataPreprocessor, DecodingPreprocessor
from mmguided.utils.errors import ConfigError

SETTINGS = dict(mean=[99.] * 3, std=[50., 40., 30.], to_rgb=True)
CROP = dict(size=24, scale=(.2, 1.), interpolation='bicubic')


@pytest.mark.parametrize('to_rgb', [True, False])
def test_three_channels_as_in_mmpretrain(to_rgb):
    settings, images = SETTINGS | dict(to_rgb=to_rgb), torch.rand(2, 3, 5, 7).mul(255).byte()
    for inputs in (images, [images, images.flip(0)]):
        ours, theirs = (build(**settings)(dict(inputs=inputs, data_samples=None))['inputs']
                        for build in (DataPreprocessor, SelfSupDataPreprocessor))
        for mine, other in zip(ours, theirs, strict=True):
            assert torch.equal(mine, other)


@pytest.mark.parametrize('num', [1, 2, 5])
def test_other_channels_stay_in_order(num):
    mean, images = [float(i) for i in range(num)], torch.rand(2, num, 5, 7)
    preprocess = DataPreprocessor(mean, [2.] * num, to_rgb=True)
    outputs = preprocess(dict(inputs=images, data_samples=None))['inputs']
    for i in range(num):
        assert torch.equal(outputs[:, i], (images[:, i] - i) / 2)
    with pytest.raises(ConfigError, match=f'mean=.* {num} values, but std has 4'):
        DataPreprocessor(mean, [1.] * 4)


def test_one_value_normalizes_all_channels_and_does_not_change_their_order():
    images = torch.rand(2, 3, 5, 7)
    for mean in ([9.], [9.] * 3):
        outputs = DataPreprocessor(mean, [2.] * len(mean), to_rgb=True)(
            dict(inputs=images, data_samples=None))['inputs']
        assert torch.equal(outputs, (images.flip(1) - 9) / 2)


@pytest.fixture
def folder(tmp_path):
    """Two RGB JPEG files, and a rotated, a gray and a PNG file, of different sizes."""
    rng = np.random.default_rng(0)
    exif = Image.Exif()
    exif[0x0112] = 6
    for i, (mode, ending, options) in enumerate([
            ('RGB', 'jpg', {}), ('RGB', 'jpg', {}), ('RGB', 'jpg', dict(exif=exif)),
            ('L', 'jpg', {}), ('RGB', 'png', {})]):
        image = Image.fromarray(rng.integers(0, 256, (40 + i, 60 - i, 3), np.uint8)).convert(mode)
        image.save(tmp_path / f'{i}.{ending}', **options)
    return tmp_path


def samples(folder, **settings):
    dataset = ImageFolder(str(folder), with_label=False, pipeline=[
        dict(type='mmguided.LoadImage', **settings), dict(type='PackInputs')])
    return [dataset[i] for i in range(len(dataset))], dataset


def test_images_equal_those_of_the_workers(folder):
    transforms = dict(RandomResizedCrop=CROP, RandomHorizontalFlip=dict(p=.5))
    preprocess = DecodingPreprocessor(transforms, **SETTINGS)
    files, decoded = samples(folder, decode=False)[0], samples(folder)[0]
    assert [file['inputs'].ndim for file in files] == [1, 1, 3, 3, 3]
    torch.manual_seed(0)
    inputs = preprocess(pseudo_collate(files), training=True)['inputs']
    torch.manual_seed(0)
    augment = v2.Compose([
        v2.RandomResizedCrop(24, (.2, 1.), interpolation=v2.InterpolationMode.BICUBIC),
        v2.RandomHorizontalFlip()])
    expected = torch.stack([augment(sample['inputs'].flip(0)) for sample in decoded]).float()
    std = torch.tensor(SETTINGS['std']).view(3, 1, 1)
    torch.testing.assert_close(inputs, (expected - 99) / std)


def test_other_batches_are_only_normalized(folder):
    batch = default_collate(samples(folder)[0][:1])
    expected = SelfSupDataPreprocessor(**SETTINGS)(batch)['inputs']
    preprocess = DecodingPreprocessor(dict(RandomResizedCrop=CROP), **SETTINGS)
    torch.testing.assert_close(preprocess(batch)['inputs'], expected)


def test_truncated_files_are_replaced_by_the_loader(folder):
    file = BytesIO((folder / '0.jpg').read_bytes())
    (folder / '0.jpg').write_bytes(file.getvalue()[:-80])
    files, dataset = samples(folder, decode=False)
    assert torch.equal(files[0]['inputs'], files[1]['inputs']) and dataset.num_broken == 1
