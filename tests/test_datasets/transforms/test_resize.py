"""Resizing of images with any number of channels."""
import mmcv.transforms
import mmpretrain.datasets
import numpy as np
import pytest

from mmguided.datasets import RandomResizedCrop, Resize, ResizeEdge

RNG = np.random.default_rng(0)
COLORS = RNG.integers(0, 256, (40, 60, 3), np.uint8)


def test_rgb_images_as_by_pillow():
    settings = dict(interpolation='bicubic')
    for ours, theirs in (
            (ResizeEdge(17, **settings), mmpretrain.datasets.ResizeEdge(
                17, backend='pillow', **settings)),
            (Resize((13, 17), **settings), mmcv.transforms.Resize(
                (13, 17), backend='pillow', **settings))):
        expected = theirs(dict(img=COLORS))
        resized = ours(dict(img=COLORS))
        np.testing.assert_array_equal(resized['img'], expected['img'])
        assert resized['img_shape'] == expected['img_shape']


@pytest.mark.parametrize('shape', [(40, 60), (60, 40), (40, 40), (31, 97), (300, 7)])
def test_a_size_is_covered_with_the_aspect_ratio(shape):
    image = RNG.integers(0, 256, (*shape, 3), np.uint8)
    np.testing.assert_array_equal(  # a square size is the short edge
        ResizeEdge((16, 16))(dict(img=image))['img'], ResizeEdge(16)(dict(img=image))['img'])
    for size in ((12, 20), (20, 12)):
        rows, columns = ResizeEdge(size)(dict(img=image))['img_shape']
        assert rows >= size[0] and columns >= size[1]
        assert rows == size[0] or columns == size[1]
        # One side is rounded down to pixels.
        assert min(abs(rows * shape[1] / shape[0] - columns),
                   abs(columns * shape[0] / shape[1] - rows)) < 1


@pytest.mark.parametrize('build', [
    lambda: ResizeEdge(20), lambda: Resize((30, 20)),
    lambda: RandomResizedCrop((20, 30), crop_ratio_range=(1, 1), aspect_ratio_range=(1, 1))])
def test_bands_are_resized_as_colors_without_rounding(build):
    bands = np.concatenate([COLORS, 257. * COLORS[..., :2]], axis=2).astype(np.float32)
    resized = build()(dict(img=bands))
    assert resized['img'].shape == (20, 30, 5) and resized['img_shape'] == (20, 30)
    assert resized['img'].dtype == np.float32
    expected = ResizeEdge(20)(dict(img=COLORS))['img']
    np.testing.assert_allclose(resized['img'][..., :3], expected, atol=1.01)
    np.testing.assert_allclose(resized['img'][..., 3:] / 257, resized['img'][..., :2], rtol=1e-4)
    gray = build()(dict(img=bands[..., 0]))['img']  # LoadImageFromFile, color_type='grayscale'
    np.testing.assert_array_equal(gray, resized['img'][..., :1])
