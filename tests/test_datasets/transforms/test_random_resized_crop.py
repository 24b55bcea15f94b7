"""Random resized crops."""
import numpy as np
import pytest
import torch
from mmpretrain.datasets import RandomResizedCrop as OfMMPretrain
from torchvision.transforms import v2

from mmguided.datasets import RandomResizedCrop
from mmguided.utils.errors import ConfigError
from tests.helpers.images import position_image


def photograph(height=75, width=100):
    """Smooth colors with edges."""
    rng = np.random.default_rng(0)
    image = np.cumsum(rng.normal(0, 6, (height, width, 3)), axis=1) + 128
    return np.clip(image, 0, 255).astype(np.uint8)


@pytest.mark.parametrize('interpolation', ['bilinear', 'bicubic'])
@pytest.mark.parametrize('scale', [(24, 32), (128, 96)])
def test_crops_are_those_of_mmpretrain(interpolation, scale):
    """Same boxes and sizes; pixels agree up to rounding."""
    settings = dict(scale=scale, crop_ratio_range=(.2, 1.), interpolation=interpolation)
    aspect = scale[1] / scale[0]
    crops = RandomResizedCrop(**settings), OfMMPretrain(
        **settings, backend='pillow', aspect_ratio_range=(3 / 4 * aspect, 4 / 3 * aspect))
    differences = []
    for seed in range(30):
        ours, theirs = (crop(dict(img=photograph())) for crop in crops
                        if np.random.seed(seed) is None)
        assert ours['img'].dtype == np.uint8 and ours['img_shape'] == scale
        differences.append(np.abs(ours['img'].astype(int) - theirs['img']))
    assert np.max(differences) <= 2 and np.mean(differences) < .05


def test_square_crops_draw_the_same_numbers_as_mmpretrain():
    ours, theirs = RandomResizedCrop(224), OfMMPretrain(224)
    image = photograph()
    for seed in range(50):
        ours_box, theirs_box = (crop.rand_crop_params(image) for crop in (ours, theirs)
                                if np.random.seed(seed) is None)
        assert ours_box == theirs_box
    assert ours.aspect_ratio_range == theirs.aspect_ratio_range


@pytest.mark.parametrize('size', [(192, 320), (320, 192), (224, 224)])
def test_images_are_distorted_by_at_most_a_third(size):
    """Also the crops of the fallback: the image is too wide for any crop of its area."""
    crop = RandomResizedCrop(size)
    wide = np.zeros((40, 400, 3), np.uint8)
    wholes = RandomResizedCrop(size, crop_ratio_range=(1., 1.))
    for transform, image in ((crop, photograph()), (wholes, wide), (wholes, wide.swapaxes(0, 1))):
        for seed in range(200):
            np.random.seed(seed)
            _, _, height, width = transform.rand_crop_params(image)
            # Sides are rounded to pixels.
            assert (width - .5) / (height + .5) <= 4 / 3 * size[1] / size[0]
            assert (width + .5) / (height - .5) >= 3 / 4 * size[1] / size[0]


def test_distribution_of_crops_is_that_of_torchvision():
    """Mean area, ratio and center of 4000 crops agree within 4.5 standard errors."""
    image = position_image(75, 100)
    theirs = v2.RandomResizedCrop(24, scale=(.2, 1.))
    ours = RandomResizedCrop(24, crop_ratio_range=(.2, 1.))
    np.random.seed(0)
    torch.manual_seed(0)
    tensor = torch.zeros(3, 75, 100)
    boxes = np.array([[ours.rand_crop_params(image) for _ in range(4000)],
                      [list(theirs.make_params([tensor]).values())[:4] for _ in range(4000)]])
    top, left, height, width = np.moveaxis(boxes.astype(float), -1, 0)
    measures = np.stack([height * width, np.log(width / height), top + height / 2,
                         left + width / 2, (height * width)**2, (top + height / 2)**2])
    mean, error = measures.mean(-1), measures.std(-1) / 4000**.5
    assert (np.abs(mean[:, 0] - mean[:, 1]) < 4.5 * 2**.5 * error.max(1)).all()


def test_flipped_image():
    """Arrays with negative strides, such as flipped images."""
    crop = RandomResizedCrop(75, crop_ratio_range=(1., 1.), aspect_ratio_range=(1., 1.))
    image = photograph(75, 75)
    np.testing.assert_array_equal(crop(dict(img=image[:, ::-1]))['img'], image[:, ::-1])


def test_images_of_other_types_are_refused():
    with pytest.raises(ValueError, match='img: uint16, .* Use .*mmguided.LoadRaster'):
        RandomResizedCrop(24)(dict(img=photograph().astype(np.uint16)))


def test_unknown_interpolation():
    with pytest.raises(ConfigError, match=r"RandomResizedCrop\.interpolation='lanczos':"):
        RandomResizedCrop(32, interpolation='lanczos')
