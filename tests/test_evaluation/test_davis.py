"""Measures of DAVIS-2017: the official toolkit's numbers, and cases by hand."""
import json
import math

import numpy as np
import pytest
from skimage.morphology import disk

from mmguided.evaluation import score_folders, score_sequence, summarize_objects
from mmguided.evaluation.davis import boundary, contour_accuracy, region_similarity, statistics
from mmguided.utils.errors import ConfigError
from mmguided.utils.mask_files import read_mask, write_mask


def test_official_numbers_of_each_object_and_in_total(davis_masks):
    expected = json.loads((davis_masks / 'expected.json').read_text())
    total = expected.pop('global')
    names = (davis_masks / 'ImageSets/2017/val.txt').read_text().split()
    objects, ours = score_folders(
        davis_masks / 'predictions', davis_masks / 'Annotations/480p', names)
    assert ours == pytest.approx(total, abs=1e-6)
    assert objects.keys() == expected.keys()
    for name, numbers in expected.items():
        numbers = {key.title().replace('_', '-'): value for key, value in numbers.items()
                   if '_' in key}
        assert objects[name] == pytest.approx(numbers, abs=1e-6), name


def test_official_numbers_of_each_frame(davis_masks):
    expected = json.loads((davis_masks / 'expected.json').read_text())
    frames = sorted((davis_masks / 'predictions/dogs-jump').glob('*.png'))
    predictions = np.stack([read_mask(path) for path in frames])
    annotations = np.stack([read_mask(davis_masks / 'Annotations/480p/dogs-jump' / path.name)
                            for path in frames])
    for i, measures in enumerate(score_sequence(predictions, annotations), 1):
        for name in ('J', 'F'):
            assert measures[name] == pytest.approx(expected[f'dogs-jump_{i}'][name], abs=1e-6)


def box(top, bottom, left, right, shape=(40, 60)):
    mask = np.zeros(shape, bool)
    mask[top:bottom, left:right] = True
    return mask


def test_region_similarity():
    empty, left, both = box(0, 0, 0, 0), box(0, 10, 0, 10), box(0, 10, 0, 20)
    assert region_similarity(empty, empty) == 1
    assert region_similarity(left, empty) == region_similarity(empty, left) == 0
    assert region_similarity(left, both) == region_similarity(both, left) == .5


def test_boundary_by_hand():
    mask = np.array([[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 1], [0, 0, 1, 1]], bool)
    assert boundary(mask).astype(int).tolist() == [
        [1, 1, 1, 0],  # (0, 0): the pixel below and to the right; (0, 3): the one below alone
        [1, 0, 1, 1],
        [1, 1, 0, 0],
        [0, 1, 0, 0]]  # the one to the right alone


def test_contours_match_within_the_rounded_tolerance():
    """In an image of 40 x 60 pixels: 0.8 % of the diagonal, 72.1, is 0.58, rounded up to 1."""
    mask = box(10, 20, 10, 20)
    assert contour_accuracy(mask, mask) == contour_accuracy(mask, box(11, 21, 10, 20)) == 1
    assert contour_accuracy(mask, box(25, 35, 30, 40)) == 0
    # Lines of 60 pixels two apart; the boundary of a full row band is two lines.
    assert contour_accuracy(box(10, 20, 0, 60), box(12, 20, 0, 60)) == .5


def test_contours_of_nothing():
    empty, mask = box(0, 0, 0, 0), box(10, 20, 10, 20)
    assert contour_accuracy(empty, empty) == 1
    assert contour_accuracy(empty, mask) == contour_accuracy(mask, empty) == 0


def test_contours_match_in_a_disk():
    """Single pixels: two boundaries match as scikit-image's disk says, at a radius of 3."""
    shape = (210, 210)  # 0.8 % of the diagonal is 2.4
    assert math.ceil(.008 * math.hypot(*shape)) == 3
    matched = disk(3)
    for dy, dx in ((3, 0), (2, 2), (3, 1), (0, 4)):
        line, other = np.zeros(shape, bool), np.zeros(shape, bool)
        line[100, 100], other[100 + dy, 100 + dx] = True, True
        near = dy < 4 and dx < 4 and matched[3 + dy, 3 + dx]
        # Each pixel has 4 boundary pixels, itself and those above and left of it.
        assert (contour_accuracy(line, other) == 1) == bool(near)


@pytest.mark.parametrize('values, mean, recall, decay', [
    ([1, .8, .5, .2, 0], .5, .4, .9 - .1),          # quarters 0-1 and 3-4
    ([1, .9, .6, .6, .4, .2], 37 / 60, 4 / 6, .95 - .3),  # 0-1 and 4-5
    ([.9, .5, .1], .5, 1 / 3, .7 - .1),              # 2.5 is rounded up: 0-1 and 2
    ([.7], .7, 1, 0)])
def test_mean_recall_decay(values, mean, recall, decay):
    assert statistics(values) == pytest.approx((mean, recall, decay))


def test_first_and_last_frame_do_not_count_and_void_is_background():
    annotations = np.zeros((5, 8, 10), np.uint8)
    annotations[:, 2:6, 2:4], annotations[:, 2:6, 6:8] = 1, 2
    predictions = annotations.copy()
    annotations[:, 0] = 255
    predictions[[0, 4]] = 0
    predictions[2][predictions[2] == 2] = 0
    one, two = score_sequence(predictions, annotations)
    assert one == dict(J=[1, 1, 1], F=[1, 1, 1]) and two['J'] == two['F'] == [1, 0, 1]
    objects, total = summarize_objects(dict(x=[one, two]))
    assert list(objects) == ['x_1', 'x_2']
    assert total['J&F-Mean'] == pytest.approx(5 / 6) and total['J-Recall'] == pytest.approx(5 / 6)
    # 1, 0, 1 has quarters 1, 0 and 1.
    assert total['F-Decay'] == pytest.approx(-.25)


def test_what_cannot_be_scored():
    masks = np.ones((3, 4, 4), np.uint8)
    with pytest.raises(ValueError, match=r'\(3, 4, 5\).*\(3, 4, 4\).*the same size'):
        score_sequence(np.ones((3, 4, 5), np.uint8), masks)
    with pytest.raises(ValueError, match='2 frames'):
        score_sequence(masks[:2], masks[:2])
    with pytest.raises(ValueError, match='have object 3, and the first annotation 1 objects'):
        score_sequence(3 * masks, masks)
    with pytest.raises(ConfigError, match='has no object'):
        score_sequence(masks, 0 * masks)


def test_files_that_cannot_be_scored(tmp_path):
    for t in range(3):
        write_mask(tmp_path / f'annotations/x/{t}.png', np.ones((4, 4), np.uint8))
        write_mask(tmp_path / f'predictions/x/{t}.png', np.ones((4, 5), np.uint8))
    folders = tmp_path / 'predictions', tmp_path / 'annotations'
    with pytest.raises(ConfigError, match=r"predictions'.*x: .*the same size"):
        score_folders(*folders, ['x'])
    (tmp_path / 'predictions/x/1.png').unlink()
    with pytest.raises(ConfigError, match=r"x/1.png': no such file"):
        score_folders(*folders, ['x'])
    with pytest.raises(ConfigError, match=r'no y/\*.png'):
        score_folders(*folders, ['y'])
