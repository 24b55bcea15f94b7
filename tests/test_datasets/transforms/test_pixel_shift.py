"""PixelShift: where its two views come from, and the shipped two-view pipelines on real images."""
import numpy as np
import pytest
import torch
from mmcv.transforms.utils import cache_random_params
from mmengine.config import Config
from mmengine.dataset import default_collate
from mmengine.runner import Runner
from mmpretrain.registry import MODELS
from PIL import Image
from torch.utils.data import DataLoader

from mmguided.datasets import ImageFolder, PixelShift, worker_init_fn
from mmguided.registry import TRANSFORMS
from mmguided.utils.errors import ConfigError
from tests.helpers.paths import ROOT

TWO_VIEWS = ('imagenet_224_pixel-shift', 'imagenet_224_pixel-shift_released',
             'image_folder_224_pixel-shift', 'imagenet_224_two-crops')


def master_image(height, width):
    """Every pixel holds its own position: row, column, and 7."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows, columns, np.full_like(rows, 7)], axis=2).astype(np.uint8)


def shift_of(view):
    return tuple(int(value) for value in view[0, 0, :2])


def darken(results):
    """Changes the image in place, as a transform is free to."""
    results['img'] //= 2
    results['flip'] = True
    return results


@pytest.mark.parametrize(('crop_size', 'sides'), [(5, (5, 5)), ((4, 7), (4, 7)), ([4, 7], (4, 7))])
def test_views_are_exact_crops(crop_size, sides):
    h, w = sides
    master = master_image(h + 3, w + 6)
    transform = PixelShift(crop_size, max_shift=3)
    for _ in range(50):
        results = transform(dict(img=master.copy()))
        online, target = results['img']
        dy, dx = shift_of(target)
        np.testing.assert_array_equal(online, master[:h, :w])
        np.testing.assert_array_equal(target, master[dy:dy + h, dx:dx + w])
        assert results['img_shape'] == sides


def test_shifts_are_uniform_with_both_ends_and_independent():
    transform, master = PixelShift(2, max_shift=7), master_image(9, 9)
    counts = np.zeros((8, 8))
    for _ in range(12800):
        counts[shift_of(transform(dict(img=master))['img'][1])] += 1
    assert counts.min() > 0
    # Chi-square of all pairs (dy, dx): 63 degrees of freedom, exceeded once in a thousand at 103.4.
    assert ((counts - 200)**2 / 200).sum() < 103.4


def test_no_shift_gives_equal_views_of_separate_memory():
    master = master_image(6, 6)
    online, target = PixelShift(6, max_shift=0)(dict(img=master))['img']
    np.testing.assert_array_equal(online, target)
    assert not np.shares_memory(online, target)


def test_seed_determines_the_views():
    transform, master = PixelShift(4, max_shift=20), master_image(24, 24)

    def shifts(seed):
        np.random.seed(seed)
        return [shift_of(transform(dict(img=master))['img'][1]) for _ in range(5)]

    assert shifts(0) == shifts(0) != shifts(1)


def test_cached_randomness_covers_shift_and_target_transforms():
    """mmcv's way to treat several images alike."""
    transform = PixelShift(4, 20, [dict(type='ColorJitter', brightness=.9, backend='cv2')])
    master = master_image(24, 24)

    def repeats():
        views = []
        for _ in range(4):
            with cache_random_params(transform):
                views.append([transform(dict(img=master))['img'][1] for _ in range(2)])
        return views

    assert all((first == second).all() for first, second in repeats())
    assert len({first.tobytes() for first, _ in repeats()}) == 4


def test_target_transforms_change_the_target_alone_even_in_place():
    master = master_image(8, 8) + 100
    results = PixelShift(6, 2, [darken])(dict(img=master, flip=False))
    online, target = results['img']
    dy, dx = (2 * value - 100 for value in shift_of(target))
    np.testing.assert_array_equal(online, master_image(6, 6) + 100)
    assert target[0, 0, 2] == 107 // 2 and 0 <= dy <= 2 and 0 <= dx <= 2
    assert results['flip'] is False
    np.testing.assert_array_equal(master, master_image(8, 8) + 100)


def test_a_target_transform_may_give_the_image_up():
    assert PixelShift(4, 0, [lambda results: None])(dict(img=master_image(4, 4))) is None


@pytest.mark.parametrize(('kwargs', 'message'), [
    (dict(crop_size=4, max_shift=-1), 'max_shift=-1 must be an integer of at least 0'),
    (dict(crop_size=4, max_shift=1.5), r'max_shift=1\.5 must be an integer'),
    (dict(crop_size=0, max_shift=1), 'crop_size=0 must be a side'),
    (dict(crop_size=(1, 2, 3), max_shift=1), r'crop_size=\(1, 2, 3\) must be a side'),
])
def test_bad_arguments(kwargs, message):
    with pytest.raises(ConfigError, match=f'PixelShift: {message}'):
        TRANSFORMS.build(dict(type='mmguided.PixelShift', **kwargs))


@pytest.mark.parametrize('shape', [(13, 30), (30, 23)])
def test_too_small_a_master(shape):
    transform = PixelShift((10, 20), max_shift=4)
    transform(dict(img=master_image(14, 24)))
    with pytest.raises(ConfigError, match=(
            rf'has {shape[0]} x {shape[1]} pixels .*crop_size=\(10, 20\) and max_shift=4 need '
            r'14 x 24\. Set RandomResizedCrop\.scale=\(14, 24\)')):
        transform(dict(img=master_image(*shape)))


@pytest.fixture
def one_image_repeated(tmp_path):
    for i in range(16):
        Image.fromarray(master_image(64, 64)).save(tmp_path / f'{i}.png')
    return ImageFolder(str(tmp_path), pipeline=[
        dict(type='LoadImageFromFile'),
        dict(type='mmguided.PixelShift', crop_size=2, max_shift=62),
        dict(type='PackInputs')])


def test_workers_draw_different_shifts(one_image_repeated):
    def batches(seed):
        loader = DataLoader(
            one_image_repeated, batch_size=8, num_workers=2, multiprocessing_context='fork',
            collate_fn=default_collate, worker_init_fn=worker_init_fn,
            generator=torch.Generator().manual_seed(seed))
        return [batch['inputs'][1][:, :, 0, 0].tolist() for batch in loader]

    # One batch per worker.
    first, second = batches(0)
    assert all(a != b for a, b in zip(first, second, strict=True))
    assert batches(0) == [first, second] != batches(1)


def load(name):
    return Config.fromfile(str(ROOT / f'configs/_base_/datasets/{name}.py'))


def shift_config(config):
    return next(t for t in config.train_dataloader.dataset.pipeline if 'PixelShift' in t.type)


def views(config, data_root):
    """One batch of the config's dataset, packed, collated and normalized as a run does it."""
    loader = config.train_dataloader
    loader.update(batch_size=4, num_workers=0, pin_memory=False)
    loader.dataset.data_root = str(data_root / 'imagenet_mini')
    batch = next(iter(Runner.build_dataloader(loader, seed=0)))
    return MODELS.build(config.data_preprocessor)(batch)['inputs']


@pytest.mark.parametrize('name', TWO_VIEWS)
def test_shipped_pipelines_give_two_views(data_root, name):
    online, target = views(load(name), data_root)
    for view in (online, target):
        assert view.shape == (4, 3, 224, 224) and view.dtype == torch.float32
        assert view.mean().abs() < 1.5 and .3 < view.std() < 2
    assert (online != target).flatten(1).any(1).all()


@pytest.mark.parametrize('name', TWO_VIEWS[:3])
def test_views_are_equal_without_shift_and_color(data_root, name):
    config = load(name)
    shift_config(config).update(max_shift=0, target_transforms=[])
    online, target = views(config, data_root)
    assert torch.equal(online, target)


@pytest.mark.parametrize('name', TWO_VIEWS[:3])
def test_views_overlap_at_a_shift_in_range(data_root, name):
    config = load(name)
    shift_config(config).target_transforms = []
    online, target = views(config, data_root)
    found = [{(dy, dx) for dy in range(32) for dx in range(32)
              if torch.equal(o[:, dy:dy + 193, dx:dx + 193], t[:, :193, :193])}
             for o, t in zip(online, target, strict=True)]
    assert all(len(shifts) == 1 for shifts in found)
    assert len(set.union(*found)) > 1


def test_two_crops_are_independent_and_uncolored(data_root, tmp_path):
    """On a picture of its own positions, one crop starts where the other does not."""
    Image.fromarray(master_image(256, 256)).save(tmp_path / 'positions.png')
    config = load('imagenet_224_two-crops')
    dataset = ImageFolder(str(tmp_path), pipeline=config.train_dataloader.dataset.pipeline)
    inputs = [dataset[0]['inputs'] for _ in range(20)]
    corners = torch.tensor([[view[1:, 0, 0].tolist() for view in pair] for pair in inputs])
    assert (corners[:, 0] != corners[:, 1]).any(1).all()
    # Blue, the first channel as read, holds 7 everywhere, and any change of color would alter it.
    assert all((view[0] == 7).all() for pair in inputs for view in pair)


def test_shipped_configs_state_paper_and_released_code():
    said = {}
    for name in (*TWO_VIEWS[:3], 'cifar10_32_pixel-shift'):
        pipeline = load(name).train_dataloader.dataset.pipeline
        crop = next(t for t in pipeline if t.type == 'RandomResizedCrop')
        shift = shift_config(load(name))
        assert (crop.crop_ratio_range, crop.interpolation) == ((.2, 1.), 'bicubic')
        flips = [t.prob for t in pipeline if t.type == 'RandomFlip']
        said[name] = (crop.scale, flips, shift.crop_size, shift.max_shift)
    paper = (255, [], 224, 31)
    assert list(said.values()) == [paper, (256, [.5], 224, 31), paper, (36, [.5], 32, 4)]

    color, released, folder = (shift_config(load(n)).target_transforms for n in TWO_VIEWS[:3])
    assert color == released == folder
    jitter, gray, blur = color
    assert (jitter.prob, gray.prob, blur.prob) == (.8, .2, .5)
    assert [jitter.transforms[0][k] for k in ('brightness', 'contrast', 'saturation', 'hue')] == [
        .4, .4, .4, .1]
    cifar = shift_config(load('cifar10_32_pixel-shift')).target_transforms
    assert cifar[0] == jitter and [t.type for t in cifar] == ['RandomApply', 'RandomGrayscale']


def test_image_folder_configs_differ_in_the_pipeline_alone():
    plain, shifted = (load(f'image_folder_224{suffix}') for suffix in ('', '_pixel-shift'))
    for config in (plain, shifted):
        config.train_dataloader.dataset.pop('pipeline')
    assert plain.train_dataloader == shifted.train_dataloader


def test_blur_has_sigma_uniform_from_a_tenth_to_two():
    blur = TRANSFORMS.build(
        shift_config(load('imagenet_224_pixel-shift')).target_transforms[2])
    sigmas = np.array([blur.random_magnitude() for _ in range(2000)])
    assert sigmas.min() == pytest.approx(.1, abs=.02) and sigmas.max() == pytest.approx(2, abs=.02)
    assert sigmas.mean() == pytest.approx(1.05, abs=.05)


@pytest.mark.parametrize(('name', 'red'), [('imagenet_224_pixel-shift', (0, 0, 255)),
                                           ('cifar10_32_pixel-shift', (255, 0, 0))])
def test_grey_is_luma_in_the_datasets_channel_order(name, red):
    """ITU-R 601: pure red has 0.299 of white's luma, blue 0.114."""
    gray = shift_config(load(name)).target_transforms[1]
    gray.prob = 1.
    image = np.full((4, 4, 3), red, np.uint8)
    assert (TRANSFORMS.build(gray)(dict(img=image))['img'] == int(.299 * 255)).all()


def test_cifar_pipeline_on_an_array():
    """CIFAR's datasets hand over RGB arrays, and their preprocessor leaves the channels alone."""
    config = load('cifar10_32_pixel-shift')
    image = np.random.randint(0, 256, (32, 32, 3), np.uint8)
    image[..., 2] = 0
    shift_config(config).target_transforms = []
    pipeline = [TRANSFORMS.build(step) for step in config.train_dataloader.dataset.pipeline]
    samples = []
    for label in range(4):
        results = dict(img=image.copy(), gt_label=label)
        for step in pipeline:
            results = step(results)
        samples.append(results)
    inputs = MODELS.build(config.data_preprocessor)(default_collate(samples))['inputs']
    assert [view.shape for view in inputs] == [(4, 3, 32, 32)] * 2
    assert (inputs[0] != inputs[1]).any()
    no_blue = -config.data_preprocessor.mean[2] / config.data_preprocessor.std[2]
    for view in inputs:
        torch.testing.assert_close(view[:, 2], torch.full((4, 32, 32), no_blue))
