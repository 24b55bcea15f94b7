"""Occlusion hides exact shares and shuffling moves whole cells; seed and image decide which."""
import numpy as np
import pytest
from mmcv.transforms import Compose

from mmguided.datasets import PatchShuffle, RandomPatchOcclusion
from mmguided.utils.errors import ConfigError
from tests.helpers.images import position_image


def image(height=32, width=48):
    return np.random.default_rng(0).integers(1, 256, (height, width, 3), dtype=np.uint8)


def hidden(ratio, index=0, seed=0, **options):
    """Which patches of 4 px of an image without black are black, ``(8, 12)``; none is in part."""
    perturbed = RandomPatchOcclusion(ratio, 4, seed, **options).perturb(image(), index)
    black = (perturbed == 0).all(-1)
    assert (perturbed[~black] == image()[~black]).all()
    patches = black.reshape(8, 4, 12, 4).mean((1, 3))
    assert np.isin(patches, (0, 1)).all()
    return patches == 1


def cells(picture, grid):
    """Cells in reading order, as bytes."""
    return [cell.tobytes() for row in np.split(picture, grid, 0)
            for cell in np.split(row, grid, 1)]


@pytest.mark.parametrize('ratio, count', [(0, 0), (.1, 10), (.25, 24), (.5, 48), (.9, 87), (1, 96)])
def test_the_share_of_hidden_patches_is_exact(ratio, count):
    """Of 96: 9.6 and 86.4 are rounded up."""
    assert hidden(ratio).sum() == count


def test_a_higher_ratio_hides_more_of_the_same():
    masks = [hidden(ratio) for ratio in (.1, .25, .5, .75, .9)]
    for fewer, more in zip(masks, masks[1:], strict=False):
        assert (fewer <= more).all() and fewer.sum() < more.sum()


def test_all_patches_are_hidden_equally_often():
    share = np.mean([hidden(.25, index) for index in range(600)], axis=0)
    assert np.abs(share - .25).max() < 4.5 * (.25 * .75 / 600)**.5


def test_hidden_patches_have_the_fill_color():
    perturbed = RandomPatchOcclusion(1, 16, fill_color=(104, 116, 124)).perturb(image(), 0)
    assert (perturbed == (104, 116, 124)).all()
    gray = RandomPatchOcclusion(.5, 16).perturb(image()[..., :1], 0)
    assert (gray == 0).mean() == .5 and gray.shape == (32, 48, 1)


@pytest.mark.parametrize('grid', [2, 4, 8])
def test_cells_are_permuted_whole(grid):
    picture = position_image(32, 48)
    shuffled = PatchShuffle(grid).perturb(picture, 0)
    before, after = cells(picture, grid), cells(shuffled, grid)
    assert len(set(before)) == grid**2
    assert sorted(before) == sorted(after) and before != after


def test_all_permutations_of_cells_are_equally_frequent():
    """24 of four cells."""
    picture = position_image(4, 4)
    counts = {}
    for index in range(2400):
        result = PatchShuffle(2).perturb(picture, index).tobytes()
        counts[result] = counts.get(result, 0) + 1
    assert len(counts) == 24 and sum((n - 100)**2 / 100 for n in counts.values()) < 50  # p < .001


@pytest.mark.parametrize('transform', [RandomPatchOcclusion(0), PatchShuffle(1)])
def test_the_lowest_level_changes_nothing(transform):
    assert (transform.perturb(image(), 3) == image()).all()


@pytest.mark.parametrize('build', [
    lambda seed: RandomPatchOcclusion(.5, 4, seed), lambda seed: PatchShuffle(4, seed)])
def test_seed_and_index_decide_and_nothing_else(build):
    first = build(0).perturb(image(), 5)
    np.random.seed(7)
    transform, original = build(0), image()
    transform.perturb(original, 8)
    assert (transform.perturb(original, 5) == first).all() and (original == image()).all()
    assert (build(1).perturb(image(), 5) != first).any()
    assert (build(0).perturb(image(), 6) != first).any()


def test_in_a_pipeline_by_config():
    pipeline = Compose([
        dict(type='CenterCrop', crop_size=(32, 32)),
        dict(type='mmguided.PatchShuffle', grid=2, seed=3),
        dict(type='mmguided.RandomPatchOcclusion', ratio=.25, patch_size=8, seed=3),
        dict(type='PackInputs')])
    packed = pipeline(dict(img=image(), sample_idx=9, gt_label=1))
    expected = RandomPatchOcclusion(.25, 8, 3).perturb(
        PatchShuffle(2, 3).perturb(image()[:, 8:40], 9), 9)
    assert (packed['inputs'].permute(1, 2, 0).numpy() == expected).all()
    assert packed['data_samples'].img_shape == (32, 32)


@pytest.mark.parametrize('build, message', [
    (lambda: RandomPatchOcclusion(1.1), r'ratio=1\.1 must lie in \[0, 1\]'),
    (lambda: RandomPatchOcclusion(-.1), r'ratio=-0\.1 must lie in \[0, 1\]'),
    (lambda: RandomPatchOcclusion(.5, 0), 'patch_size=0 must be a number of pixels'),
    (lambda: RandomPatchOcclusion(.5, seed=-1), 'RandomPatchOcclusion: seed=-1 must be an integer'),
    (lambda: PatchShuffle(0), 'grid=0 must be a number of cells'),
    (lambda: PatchShuffle(2.), r'grid=2\.0 must be a number of cells'),
    (lambda: PatchShuffle(2, seed=.5), r'PatchShuffle: seed=0\.5 must be an integer'),
    (lambda: RandomPatchOcclusion(.5, 5).perturb(image(), 0),
     'patch_size=5 does not divide the image of 32 x 48 pixels'),
    (lambda: PatchShuffle(3).perturb(image(), 0),
     'grid=3 does not divide the image of 32 x 48 pixels'),
])
def test_what_cannot_be_is_an_error(build, message):
    with pytest.raises(ConfigError, match=message):
        build()
