"""Measures of masks, and labels of patches."""
import numpy as np
import pytest
import torch

from mmguided.analysis import object_share, visible_detail, visible_positions
from mmguided.analysis.patches import majority_labels, sample_patches


@pytest.mark.parametrize('mask, expected', [
    ([[1, 1, 0, 1]] * 5, 1 / 4),  # always the same position
    ((1 - torch.eye(6)).tolist(), 1),  # each position once
    # The first position twice, the second once: exp of the entropy of (2/3, 1/3).
    ([[0, 1, 1, 1], [0, 1, 1, 1], [1, 0, 1, 1]], 1.5**(2 / 3) * 3**(1 / 3) / 4)])
def test_visible_positions(mask, expected):
    mask = torch.tensor(mask, dtype=torch.float)
    assert visible_positions(mask).item() == pytest.approx(expected)


def test_visible_detail():
    """Four patches with constant channel offsets and standard deviations 0, 1, 2 and 3."""
    wave = torch.tensor([[1., -1.], [-1., 1.]])
    image = torch.cat((torch.cat((0 * wave, wave), 1), torch.cat((2 * wave, 3 * wave), 1)))
    images = image + torch.tensor([0., 10., -5.]).view(1, 3, 1, 1)
    mask = torch.tensor([[1., 0., 1., 0.]])  # those with 1 and 3 are visible
    assert visible_detail(images, mask, 2).item() == pytest.approx(2 / 1.5)
    assert visible_detail(images, 1 - mask, 2).item() == pytest.approx(1 / 1.5)


def test_object_share():
    """2 of 4 patches are masked; objects cover 1, .5, .1 and 0 of the patches."""
    objects = torch.tensor([[1., .5, .1, 0.], [0., .1, .5, 1.]])
    mask = torch.tensor([[1., 0., 1., 0.], [0., 0., 1., 1.]])
    share = object_share(mask, objects)
    torch.testing.assert_close(share.masked, torch.tensor([.55, .75]))
    torch.testing.assert_close(share.chance, torch.tensor([.4, .4]))
    torch.testing.assert_close(share.best, torch.tensor([.75, .75]))


def test_majority_labels():
    segmentation = torch.tensor([[[1, 1, 2, 2], [1, 0, 3, 3], [5, 5, -1, -1], [5, 5, -1, 4]]])
    # 3 of 4 pixels; 2 of 4 each; all; no class.
    assert majority_labels(segmentation, 2).tolist() == [[1, -1, 5, -1]]


def test_sampled_patches():
    labels = np.repeat([-1, 0, 3], [50, 4, 40])
    chosen = sample_patches(labels, per_class=10)
    assert (chosen[:-1] < chosen[1:]).all()
    assert np.unique(labels[chosen], return_counts=True)[1].tolist() == [4, 10]
    assert np.array_equal(chosen, sample_patches(labels, per_class=10))
    assert not np.array_equal(chosen, sample_patches(labels, per_class=10, seed=1))
    assert len(sample_patches(np.full(3, -1))) == 0
