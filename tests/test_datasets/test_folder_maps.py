"""FolderMaps: means over the patches of any crop, and errors that name the file."""
import os

import numpy as np
import pytest
import torch
from PIL import Image

from mmguided.datasets import FolderMaps, ImageFolder, WithScores
from mmguided.models import MapGuidance, MaskGenerator
from mmguided.structures import Clock, Observation
from mmguided.utils.errors import ConfigError
from tests.helpers.models import SMALL, build, make_mask

CROP = dict(type='mmguided.RandomResizedCrop', scale=56, crop_ratio_range=(.2, 1.))
FLIP = dict(type='RandomFlip', prob=.5, direction=['horizontal', 'vertical', 'diagonal'])


NAMES = ('x', 'image', 'image8', 'image1', 'image16', 'large')


def dataset_of(tmp_path, *names):
    """Dataset of images, which are not read."""
    (tmp_path / 'images.txt').write_text('\n'.join(names))
    return ImageFolder(str(tmp_path), 'images', ann_file='images.txt', with_label=False,
                       pipeline=[])


def maps(tmp_path, grid, **files):
    """Maps of the images :data:`NAMES`."""
    folder = tmp_path / 'maps/a'
    folder.mkdir(parents=True)
    for name, values in files.items():
        if name.startswith('image'):
            Image.fromarray(values).save(folder / f'{name}.png')
        else:
            np.save(folder / f'{name}.npy', values)
    dataset = dataset_of(tmp_path, *(f'a/{name}.jpg' for name in NAMES))
    return FolderMaps(str(tmp_path / 'maps'), dataset, grid)


def sample(tmp_path, name, height=60, width=90):
    return dict(img_path=str(tmp_path / f'images/a/{name}.jpg'), sample_idx=NAMES.index(name),
                img=np.zeros((height, width, 3), np.uint8))


def test_scores_are_exact_means_also_of_parts_of_pixels(tmp_path):
    values = np.random.default_rng(0).random((4, 6))
    found = maps(tmp_path, (2, 3), x=values)
    whole = found.crop(sample(tmp_path, 'x'), (1, 1), (0, 0))
    torch.testing.assert_close(whole, torch.tensor(values).view(2, 2, 3, 2).mean((1, 3)).float())
    # A crop of 3/8 x 5/8 of the image: count points of a fine grid.
    scale, offset = (.375, -.625), (.2, .9)  # flipped horizontally
    fine = [np.floor((((np.arange(n) + .5) / n) * s + o) * size).astype(int)
            for n, s, o, size in zip((600, 900), scale, offset, (4, 6), strict=True)]
    expected = values[np.ix_(*fine)].reshape(2, 300, 3, 300).mean((1, 3))
    np.testing.assert_allclose(
        found.crop(sample(tmp_path, 'x'), scale, offset), expected, atol=.005)


def test_images_and_arrays_of_any_resolution(tmp_path):
    half = np.arange(6) < 3
    pictures = dict(
        image8=np.repeat(half[None] * np.uint8(200), 4, 0), image1=np.repeat(half[None], 4, 0),
        image16=np.repeat(half[None] * np.uint16(60_000), 4, 0),
        large=np.repeat(half.repeat(100)[None] * 7, 399, 0))
    found = maps(tmp_path, (1, 2), **pictures)
    for name, high in dict(image8=200, image1=1, image16=60_000, large=7).items():
        scores = found.crop(sample(tmp_path, name), (1, 1), (0, 0))
        assert scores.tolist() == [[high, 0]], name


def test_masks_cover_the_rectangle_in_100_crops(tmp_path):
    """The rectangle is white in the image; the crop shows which patches it covers."""
    top, left, height, width = 20, 30, 25, 35
    values = np.zeros((60, 90), np.uint8)
    values[top:top + height, left:left + width] = 1
    transform = WithScores([CROP, FLIP, dict(type='PackInputs')])
    transform.maps = maps(tmp_path, (14, 14), image=values)
    masks = MaskGenerator(dict(type='mmguided.TopKSampling'), dict(
        type='mmguided.MapGuidance', folder='maps'), mask_ratio=.75)
    flips = set()
    for _ in range(100):
        image = sample(tmp_path, 'image')
        image['img'] = np.repeat(values[..., None] * np.uint8(255), 3, 2)
        packed = transform(image)
        shown = packed['inputs'][0].float().view(14, 4, 14, 4).mean((1, 3)).flatten() / 255
        scores = packed['data_samples']['scores']
        # Resizing blurs the edges by a pixel of the crop.
        torch.testing.assert_close(scores, shown, rtol=0, atol=.15)
        assert (scores - shown).abs().mean() < .01
        mask, logs = masks(torch.zeros(1, 3, 56, 56), (14, 14), dict(
            cache=Observation(0, scores=scores[None])), {}, Clock())
        masked = mask.mask[0].bool()
        assert masked.sum() == 147 and logs['topk_overlap'] == 1
        # Every patch of the rectangle is masked, or only patches of the rectangle are masked.
        rectangle = shown > .15
        assert masked[rectangle].all() or rectangle[masked].all()
        flips.add(packed['data_samples']['samples'].flip_direction)
    assert flips == {None, 'horizontal', 'vertical', 'diagonal'}


def test_an_image_without_a_map_has_no_scores(tmp_path):
    scores = maps(tmp_path, (2, 3)).crop(sample(tmp_path, 'x'), (1, 1), (0, 0))
    assert scores.shape == (2, 3) and scores.isnan().all()


def test_the_folder_is_listed_once(tmp_path, monkeypatch):
    """The first ending counts, in any case. An image that is listed twice has the same map."""
    for value, name in enumerate(('a/1.png', 'a/1.npy', 'b.c/1.PNG', 'b.c/2.tif', 'unused.png')):
        path = tmp_path / 'maps' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith('npy'):
            np.save(path, np.full((1, 1), value))
        else:
            Image.new('L', (1, 1), value).save(path)
    dataset = dataset_of(tmp_path, 'a/1.jpg', './b.c/1.jpg', 'b.c/2.jpg', 'a/1.jpg',
                         'none.jpg', 'b.c/3.jpg')
    found = FolderMaps(str(tmp_path / 'maps'), dataset, (1, 1))
    assert found.missing.tolist() == [4, 5]
    monkeypatch.setattr(os.path, 'isfile', None)
    monkeypatch.setattr(os, 'scandir', None)
    image = dict(img=np.zeros((1, 1, 3)))
    scores = [found.crop(dataset.get_data_info(i) | image, (1, 1), (0, 0)).item()
              for i in range(4)]
    assert scores == [1, 2, 3, 1]


def test_shared_and_missing_maps_are_named(tmp_path):
    found = maps(tmp_path, (1, 1), x=np.ones((1, 1)))
    assert found.missing.tolist() == [1, 2, 3, 4, 5]
    dataset = dataset_of(tmp_path, 'a/x.jpg', 'a/y.jpg', 'a/x.png')
    with pytest.raises(ConfigError, match=r"a/x\.jpg' and .*a/x\.png' have the same map .*x\.npy'"):
        FolderMaps(str(tmp_path / 'maps'), dataset, (1, 1))
    with pytest.raises(ConfigError, match="folder='missing': no such folder"):
        FolderMaps('missing', dataset, (1, 1))


@pytest.mark.parametrize('values, message', [
    (np.zeros((60, 90, 3)), r"x\.npy'.*shape \(60, 90, 3\)"),
    (np.full((60, 90), -1.), 'nonnegative'), (np.full((60, 90), np.nan), 'finite'),
    (np.zeros((90, 60)), r"x\.npy'.*90 x 60 pixels and the image 60 x 90"),
    (np.array([dict(a=1)]), r'cannot be read .*np\.save'),
])
def test_wrong_maps_are_named(tmp_path, values, message):
    with pytest.raises(ConfigError, match=message):
        maps(tmp_path, (2, 3), x=values).crop(sample(tmp_path, 'x'), (1, 1), (0, 0))


def test_images_are_inspected_without_maps():
    model = build('MAE', SMALL, mask_generator=dict(
        type='mmguided.MaskGenerator', sampling=dict(type='mmguided.TopKSampling'),
        guidance=dict(type='mmguided.MapGuidance', folder='maps'))).eval()
    mask, logs = make_mask(model, torch.rand(2, 3, 32, 32))
    assert logs['guided_share'] == 0 and (mask.mask.sum(1) == 12).all()
    assert not torch.equal(mask.mask[0], mask.mask[1]) or not torch.equal(
        mask.mask, make_mask(model, torch.rand(2, 3, 32, 32))[0].mask)


def test_training_without_maps_and_unknown_settings():
    with pytest.raises(ConfigError, match='MapGuidance.*no scores.*WithScores'):
        MapGuidance('maps')({}, Clock())
    with pytest.raises(ConfigError, match="missing='ignore'"):
        MapGuidance('maps', missing='ignore')
