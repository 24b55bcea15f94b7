"""DAVIS-2017 metrics equal the official toolkit and cases worked out by hand."""
import json
import math

import numpy as np
import pytest
from skimage.morphology import disk

from mmguided.evaluation import score_folders, score_sequence, summarize_objects
from mmguided.evaluation.davis import boundary, contour_accuracy, region_similarity, statistics
from mmguided.utils.errors import ConfigError
from mmguided.utils.mask_files import read_mask, write_mask


def test_official_numbers(davis_masks):
    """The numbers of frames, objects and the dataset equal the official ones."""
    expected = json.loads((davis_masks / 'expected.json').read_text())
    total = expected.pop('global')
    names = (davis_masks / 'ImageSets/2017/val.txt').read_text().split()
    folders = davis_masks / 'predictions', davis_masks / 'Annotations/480p'
    objects, ours = score_folders(*folders, names)
    assert ours == pytest.approx(total, abs=1e-6)
    assert objects.keys() == expected.keys()
    for name in names:
        masks = (np.stack([read_mask(path) for path in sorted((folder / name).glob('*.png'))])
                 for folder in folders)
        for i, measures in enumerate(score_sequence(*masks), 1):
            numbers = expected[f'{name}_{i}']
            frames = {key: numbers.pop(key) for key in ('J', 'F')}
            for key, values in frames.items():
                assert measures[key] == pytest.approx(values, abs=1e-6)
            numbers = {key.title().replace('_', '-'): value for key, value in numbers.items()}
            assert objects[f'{name}_{i}'] == pytest.approx(numbers, abs=1e-6)


def box(top, bottom, left, right, shape=(40, 60)):
    mask = np.zeros(shape, bool)
    mask[top:bottom, left:right] = True
    return mask


EMPTY, BOX = box(0, 0, 0, 0), box(10, 20, 10, 20)


def test_boundary():
    mask = np.array([[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 1], [0, 0, 1, 1]], bool)
    assert boundary(mask).astype(int).tolist() == [
        [1, 1, 1, 0],  # (0, 0): differs below right only; (0, 3): does not differ below
        [1, 0, 1, 1],
        [1, 1, 0, 0],
        [0, 1, 0, 0]]  # differs on the right only


@pytest.mark.parametrize('first, second, region, contour', [
    (EMPTY, EMPTY, 1, 1), (EMPTY, BOX, 0, 0), (BOX, box(25, 35, 30, 40), 0, 0),
    # In an image of 40 x 60 pixels, 0.8 % of the diagonal, 72.1, is 0.58, rounded up to 1.
    (BOX, box(11, 21, 10, 20), 9 / 11, 1),
    # The boundary of a band is two lines; the upper ones are 2 pixels apart.
    (box(10, 20, 0, 60), box(12, 20, 0, 60), .8, .5)])
def test_region_similarity_and_contour_accuracy(first, second, region, contour):
    for masks in ((first, second), (second, first)):
        assert region_similarity(*masks) == region and contour_accuracy(*masks) == contour


def test_contours_match_in_a_disk():
    """Single pixels match within scikit-image's disk of radius 3."""
    shape = (210, 210)  # 0.8 % of the diagonal is 2.4
    assert math.ceil(.008 * math.hypot(*shape)) == 3
    matched = np.pad(disk(3), 1)
    for dy, dx in ((3, 0), (2, 2), (3, 1), (0, 4)):
        # Each pixel has 4 boundary pixels: itself and those above and to the left.
        first, second = box(100, 101, 100, 101, shape), box(100 + dy, 101 + dy, 100 + dx, 101 + dx,
                                                            shape)
        assert (contour_accuracy(first, second) == 1) == bool(matched[4 + dy, 4 + dx])


@pytest.mark.parametrize('values, mean, recall, decay', [
    ([1, .8, .5, .2, 0], .5, .4, .9 - .1),          # quarters 0-1 and 3-4
    ([1, .9, .6, .6, .4, .2], 37 / 60, 4 / 6, .95 - .3),  # 0-1 and 4-5
    ([.9, .5, .1], .5, 1 / 3, .7 - .1),              # 2.5 is rounded up: 0-1 and 2
    ([.7], .7, 1, 0)])
def test_statistics(values, mean, recall, decay):
    assert statistics(values) == pytest.approx((mean, recall, decay))


def test_first_and_last_frame_and_void_pixels_are_not_scored():
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
    # The quarters of 1, 0, 1 are 1, 0 and 1.
    assert total['F-Decay'] == pytest.approx(-.25)


MASKS = np.ones((3, 4, 4), np.uint8)


@pytest.mark.parametrize('predictions, annotations, field', [
    (np.ones((3, 4, 5), np.uint8), MASKS, r'predictions\.shape=\(3, 4, 5\):.*\(3, 4, 4\)'),
    (MASKS[:2], MASKS[:2], 'frames=2:'), (3 * MASKS, MASKS, 'predictions=3:'),
    (MASKS, 0 * MASKS, 'annotation')])
def test_invalid_masks(predictions, annotations, field):
    with pytest.raises(ValueError, match=field):
        score_sequence(predictions, annotations)


def test_invalid_files(tmp_path):
    for t in range(3):
        write_mask(tmp_path / f'annotations/x/{t}.png', np.ones((4, 4), np.uint8))
        write_mask(tmp_path / f'predictions/x/{t}.png', np.ones((4, 5), np.uint8))
    for sequence, field in (('x', r"predictions='.*predictions': x: "),
                            ('y', r"annotations='.*': no y/\*\.png")):
        with pytest.raises(ConfigError, match=field):
            score_folders(tmp_path / 'predictions', tmp_path / 'annotations', [sequence])
