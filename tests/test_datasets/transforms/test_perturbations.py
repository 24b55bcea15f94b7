"""Occlusion and shuffling of patches."""
import numpy as np
import pytest

from mmguided.datasets import PatchShuffle, RandomPatchOcclusion
from mmguided.utils.errors import ConfigError
from tests.helpers.images import position_image


def image(height=32, width=48):
    return np.random.default_rng(0).integers(1, 256, (height, width, 3), dtype=np.uint8)


def occluded(ratio, index=0, seed=0, **options):
    """Occluded patches of 4 px, ``(8, 12)`` bool."""
    perturbed = RandomPatchOcclusion(ratio, 4, seed, **options).perturb(image(), index)
    black = (perturbed == 0).all(-1)
    assert (perturbed[~black] == image()[~black]).all()
    patches = black.reshape(8, 4, 12, 4).mean((1, 3))
    assert np.isin(patches, (0, 1)).all()
    return patches == 1


def patches_of(picture, grid):
    """Patches in row-major order, as bytes."""
    return [patch.tobytes() for row in np.split(picture, grid, 0)
            for patch in np.split(row, grid, 1)]


def test_patches_at_a_low_ratio_are_a_subset_of_those_at_a_higher_ratio():
    """9.6 and 86.4 of 96 patches are rounded up."""
    masks = [occluded(ratio) for ratio in (0, .1, .25, .5, .9, 1)]
    assert [mask.sum() for mask in masks] == [0, 10, 24, 48, 87, 96]
    for fewer, more in zip(masks, masks[1:], strict=False):
        assert (fewer <= more).all()


def test_patches_are_occluded_uniformly():
    share = np.mean([occluded(.25, index) for index in range(600)], axis=0)
    assert np.abs(share - .25).max() < 4.5 * (.25 * .75 / 600)**.5


def test_fill_color():
    perturbed = RandomPatchOcclusion(1, 16, fill_color=(104, 116, 124)).perturb(image(), 0)
    assert (perturbed == (104, 116, 124)).all()
    gray = RandomPatchOcclusion(.5, 16).perturb(image()[..., :1], 0)
    assert (gray == 0).mean() == .5 and gray.shape == (32, 48, 1)


@pytest.mark.parametrize('grid', [1, 2, 8])
def test_patches_are_permuted(grid):
    picture = position_image(32, 48)
    shuffled = PatchShuffle(grid).perturb(picture, 0)
    before, after = patches_of(picture, grid), patches_of(shuffled, grid)
    assert len(set(before)) == grid**2 and sorted(before) == sorted(after)
    assert (before == after) == (grid == 1)


@pytest.mark.parametrize('build', [
    lambda seed: RandomPatchOcclusion(.5, 4, seed), lambda seed: PatchShuffle(4, seed)])
def test_only_seed_and_index_matter(build):
    first = build(0).perturb(image(), 5)
    np.random.seed(7)
    transform, original = build(0), image()
    transform.perturb(original, 8)
    assert (transform.perturb(original, 5) == first).all() and (original == image()).all()
    assert (build(1).perturb(image(), 5) != first).any()
    assert (build(0).perturb(image(), 6) != first).any()


@pytest.mark.parametrize('build, field', [
    (lambda: RandomPatchOcclusion(1.1), r'RandomPatchOcclusion\.ratio=1\.1:'),
    (lambda: RandomPatchOcclusion(-.1), r'ratio=-0\.1:'),
    (lambda: RandomPatchOcclusion(.5, 0), 'patch_size=0:'),
    (lambda: RandomPatchOcclusion(.5, seed=-1), r'RandomPatchOcclusion\.seed=-1:'),
    (lambda: PatchShuffle(0), r'PatchShuffle\.grid=0:'),
    (lambda: PatchShuffle(2.), r'grid=2\.0:'),
    (lambda: PatchShuffle(2, seed=.5), r'PatchShuffle\.seed=0\.5:'),
    (lambda: RandomPatchOcclusion(.5, 5).perturb(image(), 0), 'patch_size=5: .* 32 x 48'),
    (lambda: PatchShuffle(3).perturb(image(), 0), 'grid=3: .* 32 x 48')])
def test_invalid_settings(build, field):
    with pytest.raises(ConfigError, match=field):
        build()
