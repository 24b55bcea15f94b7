"""What masks leave visible, by hand."""
import pytest
import torch

from mmguided.analysis import visible_detail, visible_positions


def test_positions_that_are_always_the_same():
    mask = torch.tensor([1., 1., 0., 1.]).expand(5, -1)
    assert visible_positions(mask).item() == pytest.approx(1 / 4)


def test_positions_that_take_turns():
    assert visible_positions(1 - torch.eye(6)).item() == pytest.approx(1)


def test_positions_of_uneven_frequency():
    """Two of three images show the first of four positions, one the second."""
    mask = torch.tensor([[0., 1., 1., 1.], [0., 1., 1., 1.], [1., 0., 1., 1.]])
    expected = (1.5**(2 / 3) * 3**(1 / 3)) / 4  # exp of the entropy of (2/3, 1/3)
    assert visible_positions(mask).item() == pytest.approx(expected)


def test_detail_of_visible_patches():
    """Four patches whose channels differ by constants, of standard deviation 0, 1, 2 and 3."""
    wave = torch.tensor([[1., -1.], [-1., 1.]])
    image = torch.cat((torch.cat((0 * wave, wave), 1), torch.cat((2 * wave, 3 * wave), 1)))
    images = image + torch.tensor([0., 10., -5.]).view(1, 3, 1, 1)
    mask = torch.tensor([[1., 0., 1., 0.]])  # those of 1 and 3 are visible
    assert visible_detail(images, mask, 2).item() == pytest.approx(2 / 1.5)
    assert visible_detail(images, 1 - mask, 2).item() == pytest.approx(1 / 1.5)
