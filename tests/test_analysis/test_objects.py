"""Masks against objects, by hand."""
import torch

from mmguided.analysis import object_share


def test_by_hand():
    """4 patches, of which 2 are masked; objects cover 1, .5, .1 and 0 of them."""
    objects = torch.tensor([[1., .5, .1, 0.], [0., .1, .5, 1.]])
    mask = torch.tensor([[1., 0., 1., 0.], [0., 0., 1., 1.]])
    share = object_share(mask, objects)
    torch.testing.assert_close(share.masked, torch.tensor([.55, .75]))
    torch.testing.assert_close(share.chance, torch.tensor([.4, .4]))
    torch.testing.assert_close(share.best, torch.tensor([.75, .75]))


def test_random_masks_are_at_chance():
    objects = torch.rand(1, 16).expand(4000, -1)
    ids = torch.rand(4000, 16).argsort(1)[:, :12]
    share = object_share(torch.zeros(4000, 16).scatter(1, ids, 1), objects)
    assert (share.masked.mean() - share.chance[0]).abs() < 3 * share.masked.std() / 4000**.5
    assert (share.masked <= share.best + 1e-6).all()
