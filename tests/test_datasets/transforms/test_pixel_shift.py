"""Pixel-shifted views."""
import numpy as np
import pytest

from mmguided.datasets import PixelShift
from mmguided.utils.errors import ConfigError
from tests.helpers.images import position_image


def shift_of(view):
    return tuple(int(value) for value in view[0, 0, :2])


def darken(results):
    """A transform that changes the image in place."""
    results['img'] //= 2
    results['flip'] = True
    return results


@pytest.mark.parametrize('crop_size, sides', [(5, (5, 5)), ([4, 7], (4, 7))])
def test_views_are_exact_crops(crop_size, sides):
    h, w = sides
    master = position_image(h + 3, w + 6)
    transform = PixelShift(crop_size, max_shift=3)
    for _ in range(50):
        results = transform(dict(img=master.copy()))
        online, target = results['img']
        dy, dx = shift_of(target)
        np.testing.assert_array_equal(online, master[:h, :w])
        np.testing.assert_array_equal(target, master[dy:dy + h, dx:dx + w])
        assert results['img_shape'] == sides


def test_shifts_are_uniform_and_independent():
    transform, master = PixelShift(2, max_shift=7), position_image(9, 9)
    counts = np.zeros((8, 8))
    for _ in range(12800):
        counts[shift_of(transform(dict(img=master))['img'][1])] += 1
    assert counts.min() > 0
    # Chi-square of all pairs (dy, dx) with 63 degrees of freedom: p = .001 at 103.4.
    assert ((counts - 200)**2 / 200).sum() < 103.4


def test_target_transforms_do_not_change_the_online_view():
    master = position_image(8, 8) + 100
    results = PixelShift(6, 2, [darken])(dict(img=master, flip=False))
    online, target = results['img']
    dy, dx = (2 * value - 100 for value in shift_of(target))
    np.testing.assert_array_equal(online, position_image(6, 6) + 100)
    assert target[0, 0, 2] == 107 // 2 and 0 <= dy <= 2 and 0 <= dx <= 2
    assert results['flip'] is False
    np.testing.assert_array_equal(master, position_image(8, 8) + 100)


@pytest.mark.parametrize('crop_size, max_shift, field', [
    (4, -1, 'max_shift=-1:'), (4, 1.5, r'max_shift=1\.5:'), (0, 1, 'crop_size=0:'),
    ((1, 2, 3), 1, r'crop_size=\(1, 2, 3\):'),
    ((29, 20), 4, r'crop_size=\(29, 20\), max_shift=4: .*32 x 32.*\.scale=\(33, 24\)'),
    ((20, 29), 4, r'crop_size=.*\.scale=\(24, 33\)')])
def test_invalid_sizes(crop_size, max_shift, field):
    with pytest.raises(ConfigError, match=rf'PixelShift\.{field}'):
        PixelShift(crop_size, max_shift)(dict(img=position_image(32, 32)))
