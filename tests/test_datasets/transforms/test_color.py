"""Color augmentation has the draws and pixels of mmpretrain."""
import mmpretrain.datasets
import numpy as np
import pytest

from mmguided.datasets import ColorJitter, GaussianBlur

JITTER = dict(brightness=.4, contrast=.4, saturation=.4, hue=.1)
BLUR = dict(prob=.5, magnitude_range=(.1, 2.), magnitude_std='inf')


def pixels():
    """Colors that rise to the right and down, with noise."""
    down, right = np.mgrid[:40, :50]
    image = np.stack([5 * right, 6 * down, 250 - 2 * down - 3 * right], -1)
    return np.clip(image + np.random.default_rng(0).normal(0, 5, image.shape), 0, 255).astype(
        np.uint8)


@pytest.mark.parametrize('ours, theirs, most, mean', [
    (ColorJitter(**JITTER), mmpretrain.datasets.ColorJitter(**JITTER, backend='cv2'), 3, .3),
    (ColorJitter(contrast=(.3, 3.)),
     mmpretrain.datasets.ColorJitter(contrast=(.3, 3.), backend='cv2'), 1, .01),
    (ColorJitter(), mmpretrain.datasets.ColorJitter(backend='cv2'), 0, 0),
    (GaussianBlur(**BLUR), mmpretrain.datasets.GaussianBlur(**BLUR), 9, 1)])
def test_draws_and_pixels_of_mmpretrain(ours, theirs, most, mean):
    unchanged = []
    for seed in range(40):
        results = []
        for transform in (ours, theirs):
            np.random.seed(seed)
            results.append(transform(dict(img=pixels()))['img'].astype(int))
        difference = np.abs(results[0] - results[1])
        assert difference.max() <= most and difference.mean() <= mean, seed
        unchanged.append([(result == pixels()).all() for result in results])
    assert all(a == b for a, b in unchanged)


def test_blurred_impulse_is_a_gaussian():
    image = np.zeros((21, 21, 3), np.uint8)
    image[10, 10] = 255
    blurred = GaussianBlur(radius=1.5, prob=1.)(dict(img=image))['img']
    down, right = np.mgrid[-10:11, -10:11]
    expected = 255 * np.exp(-(down**2 + right**2) / 2 / 1.5**2) / (2 * np.pi * 1.5**2)
    np.testing.assert_allclose(blurred, expected[..., None].repeat(3, 2), atol=1)
    assert image.sum() == 3 * 255
