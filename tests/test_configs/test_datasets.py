"""Configs of datasets: batches of images, and the two views of the shipped pipelines."""
import numpy as np
import pytest
import torch
from mmcv.transforms import Compose
from mmengine.runner import Runner
from mmpretrain.registry import MODELS
from PIL import Image

from tests.helpers import configs

RELEASED, TWO_CROPS = 'cmae/vit-b_800e_released', 'cmae/ablations/vit-b_300e_random-crop'
TWO_VIEWS = 'imagenet_224_pixel-shift', RELEASED, 'image_folder_224_pixel-shift', TWO_CROPS


def load(name):
    """Read a config by its path below configs/, or by the name of a dataset."""
    return configs.load(name if '/' in name else f'_base_/datasets/{name}')


def first_batch(config, **dataset):
    loader = config.train_dataloader
    loader.update(batch_size=4, num_workers=0, pin_memory=False)
    loader.dataset.update(dataset)
    return next(iter(Runner.build_dataloader(loader, seed=0)))


@pytest.mark.parametrize('name', ['imagenet_224', 'imagenet100_224', 'image_folder_224'])
def test_configs_yield_a_batch_of_real_images(data_root, name, tmp_path):
    config = load(name)
    root = data_root / 'imagenet_mini'
    changes = dict(data_root=str(root))
    if name == 'imagenet100_224':
        classes = sorted(folder.name for folder in (root / 'train').iterdir())[:100]
        changes['classes'] = str(tmp_path / 'imagenet100.txt')
        (tmp_path / 'imagenet100.txt').write_text('\n'.join(classes))
    if name == 'image_folder_224':
        changes['data_root'] = str(root / 'train')
    batch = first_batch(config, **changes)
    assert batch['inputs'].shape == (4, 3, 224, 224) and batch['inputs'].dtype == torch.uint8
    labels = torch.stack([sample.gt_label for sample in batch['data_samples']]).flatten()
    assert labels.unique().numel() > 1
    assert labels.max() < (100 if name == 'imagenet100_224' else 700)


def shift_config(config):
    return next(t for t in config.train_dataloader.dataset.pipeline if 'PixelShift' in t.type)


@pytest.fixture
def images(tmp_path):
    """Folder with smooth random images in the layout of ImageNet."""
    for index in range(8):
        (folder := tmp_path / f'train/{index % 2}').mkdir(parents=True, exist_ok=True)
        pixels = np.random.randint(0, 256, (20, 25, 3), np.uint8)
        Image.fromarray(pixels).resize((400, 320)).save(folder / f'{index}.jpg')
    return tmp_path


def views(config, images):
    """Batch of the config's dataset, packed, collated and normalized as in a run."""
    batch = first_batch(config, data_root=str(images))
    return MODELS.build(config.data_preprocessor)(batch)['inputs']


@pytest.mark.parametrize('name', TWO_VIEWS)
def test_shipped_pipelines_give_two_views(images, name):
    online, target = views(load(name), images)
    for view in (online, target):
        assert view.shape == (4, 3, 224, 224) and view.dtype == torch.float32
        assert view.mean().abs() < 1.5 and .3 < view.std() < 2
    assert (online != target).flatten(1).any(1).all()


@pytest.mark.parametrize('name', TWO_VIEWS[:3])
def test_views_overlap_at_a_shift_in_range(images, name):
    config = load(name)
    shift_config(config).target_transforms = []
    online, target = views(config, images)
    found = [{(dy, dx) for dy in range(32) for dx in range(32)
              if torch.equal(o[:, dy:dy + 193, dx:dx + 193], t[:, :193, :193])}
             for o, t in zip(online, target, strict=True)]
    assert all(len(shifts) == 1 for shifts in found)
    assert len(set.union(*found)) > 1


def test_shipped_configs_state_paper_and_released_code():
    said = {}
    for name in TWO_VIEWS[:3]:
        pipeline = load(name).train_dataloader.dataset.pipeline
        crop = next(t for t in pipeline if t.type == 'mmguided.RandomResizedCrop')
        shift = shift_config(load(name))
        assert (crop.crop_ratio_range, crop.interpolation) == ((.2, 1.), 'bicubic')
        flips = [t.prob for t in pipeline if t.type == 'RandomFlip']
        said[name] = (crop.scale, flips, shift.crop_size, shift.max_shift)
    paper = (256, [], 224, 31)
    assert list(said.values()) == [paper, (256, [.5], 224, 31), paper]

    color, released, folder = (shift_config(load(n)).target_transforms for n in TWO_VIEWS[:3])
    assert color == released == folder
    jitter, gray, blur = color
    assert (jitter.prob, gray.prob, blur.prob) == (.8, .2, .5)
    image = np.random.default_rng(0).integers(0, 256, (8, 9, 3), np.uint8)
    grayed = Compose(gray.transforms)(dict(img=image))['img']
    luma = image @ (.114, .587, .299)  # ITU-R 601's luma of BGR
    np.testing.assert_allclose(grayed, luma[..., None].repeat(3, 2), atol=.51)
    assert (blur.magnitude_range, blur.magnitude_std) == ((.1, 2.), 'inf')
    assert [jitter.transforms[0][k] for k in ('brightness', 'contrast', 'saturation', 'hue')] == [
        .4, .4, .4, .1]
