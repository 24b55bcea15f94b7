"""Score maps are augmented like images."""
import numpy as np
import pytest
import torch
from mmcv.transforms import Compose
from mmengine.dataset import default_collate

from mmguided.datasets import ScoreMaps, WithScores
from mmguided.datasets.score_maps import crop_scores
from mmguided.utils.errors import ConfigError

CROP = dict(type='mmguided.RandomResizedCrop', scale=56, crop_ratio_range=(.2, 1.),
            interpolation='bicubic')
FLIPS = [dict(type='RandomFlip', prob=.5, direction=['horizontal', 'vertical', 'diagonal'])]
PACK = dict(type='PackInputs')
GRID = 14, 14


def with_scores(scores, tmp_path, flips=FLIPS):
    """The transform with score maps ``(N, h, w)``."""
    transform = WithScores([CROP, *flips, PACK])
    transform.maps = ScoreMaps(tmp_path, scores.shape)
    with transform.maps.create() as (name, write):
        write(np.arange(len(scores)), scores.astype(np.float32))
    transform.maps.use(name)
    return transform


def sample(image, index=0):
    return dict(img=image.copy(), sample_idx=index, gt_label=3)


def test_scores_have_the_geometry_of_the_crop(tmp_path):
    """Linear ramps of scores and pixels agree in any crop, because linear interpolation is exact
    except in the outermost half patch."""
    height, width = 90, 130
    down, right = np.mgrid[:height, :width] + .5
    image = np.stack([255 * down / height, 255 * right / width, 0 * down], -1).astype(np.uint8)
    rising = (np.arange(14) + .5) / 14
    maps = np.stack([np.broadcast_to(rising[:, None], GRID), np.broadcast_to(rising, GRID)])
    transform = with_scores(maps, tmp_path)
    turned = set()
    for _ in range(60):
        state = np.random.get_state()
        for axis in range(2):
            np.random.set_state(state)
            packed = transform(sample(image, axis))
            shown = packed['inputs'][axis].numpy().reshape(14, 4, 14, 4).mean((1, 3)) / 255
            scores = packed['data_samples']['scores'].view(GRID).numpy()
            inside = (shown > .5 / 14 + .01) & (shown < 1 - .5 / 14 - .01)
            assert inside.mean() > .5
            np.testing.assert_allclose(scores[inside], shown[inside], atol=.008)
        turned.add(packed['data_samples']['samples'].flip_direction)
    assert turned == {None, 'horizontal', 'vertical', 'diagonal'}


def test_images_equal_the_transforms_without_scores(tmp_path):
    color = dict(type='ColorJitter', brightness=.4)
    image = np.random.randint(0, 256, (90, 130, 3), np.uint8)
    transforms = [CROP, *FLIPS, color, PACK]
    scored = with_scores(np.random.rand(1, *GRID), tmp_path, [*FLIPS, color])
    for seed in range(20):
        packed = []
        for transform in (Compose(transforms), WithScores(transforms), scored):
            np.random.seed(seed)
            packed.append(transform(sample(image)))
        assert all(torch.equal(packed[0]['inputs'], each['inputs']) for each in packed)
        samples = packed[2]['data_samples']['samples']
        assert samples.gt_label == 3
        for field in ('img_shape', 'flip', 'flip_direction'):
            assert samples.get(field) == packed[0]['data_samples'].get(field), field


def test_scores_of_a_batch_are_stacked(tmp_path):
    maps = np.arange(3.)[:, None, None] * np.ones(GRID)
    maps[1] = np.nan
    transform = with_scores(maps, tmp_path)
    batch = default_collate([transform(sample(np.zeros((60, 60, 3), np.uint8), i))
                             for i in range(3)])
    scores = batch['data_samples']['scores']
    assert scores.shape == (3, 196) and scores.dtype == torch.float32
    assert (scores[0] == 0).all() and scores[1].isnan().all()
    torch.testing.assert_close(scores[2], torch.full((196, ), 2.))
    assert len(batch['data_samples']['samples']) == 3


def test_crop_scores():
    scores = torch.tensor([[0., 1, 2, 3], [4, 5, 6, 7]])
    torch.testing.assert_close(crop_scores(scores, (1, 1), (0, 0)), scores)
    torch.testing.assert_close(crop_scores(scores, (1, -1), (0, 1)), scores.flip(1))
    torch.testing.assert_close(crop_scores(scores, (-1, 1), (1, 0)), scores.flip(0))
    # Right half: centers at 2 - 1/4, 2 + 1/4, ... patches; constant beyond the last center.
    right = crop_scores(scores, (1, .5), (0, .5))
    both = crop_scores(torch.stack((scores, scores.flip(0))), (1, .5), (0, .5))
    torch.testing.assert_close(both, torch.stack((right, right.flip(0))))
    torch.testing.assert_close(right, torch.tensor([[1.75, 2.25, 2.75, 3], [5.75, 6.25, 6.75, 7]]))


def test_whole_image_is_resized_to_the_crop_size():
    image = np.zeros((90, 130, 3), np.uint8)
    image[:45, 65:] = 200
    packed = WithScores([CROP, PACK]).whole(sample(image, 7))
    assert packed['inputs'].shape == (3, 56, 56) and packed['data_samples'] == 7
    assert (packed['inputs'][:, :24, 32:] == 200).all() and not packed['inputs'][:, 32:].any()


@pytest.mark.parametrize('transforms, value', [
    ([PACK], r"\['PackInputs'\]"), ([CROP, *FLIPS], r"\['RandomResizedCrop', 'RandomFlip'\]"),
    ([dict(type='CenterCrop', crop_size=56), PACK], r"\['CenterCrop', 'PackInputs'\]"),
    ([CROP, dict(type='CenterCrop', crop_size=32), PACK], 'CenterCrop')])
def test_unsupported_transforms(transforms, value):
    with pytest.raises(ConfigError, match=rf'WithScores\.transforms={value}:'):
        WithScores(transforms)
