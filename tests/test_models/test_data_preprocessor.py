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
from mmguided.models import DecodingPreprocessor

SETTINGS = dict(mean=[99.] * 3, std=[50., 40., 30.], to_rgb=True)
CROP = dict(size=24, scale=(.2, 1.), interpolation='bicubic')


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
