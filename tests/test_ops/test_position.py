"""Sine-cosine position embeddings and resized relative position bias tables."""
import numpy as np
import pytest
import torch
from scipy.interpolate import RectBivariateSpline

from mmguided.ops import resize_relative_positions, sincos_position_embedding


def test_width_must_be_a_multiple_of_four():
    with pytest.raises(ValueError, match='dim=6'):
        sincos_position_embedding((3, 5), 6)


def distances():
    """Distances of trained offsets for windows of 6: 1, 1 + q, ..., up to 6."""
    q, = (root.real for root in np.roots([1, 1, 1, 1, -5]) if root.imag == 0 and root.real > 0)
    assert q == pytest.approx(1.09, abs=.01)
    far = np.cumsum(q**np.arange(5))
    return np.concatenate((-far[::-1], [0], far))


def test_resizing_is_a_cubic_spline_in_two_dimensions():
    table = torch.randn(121, 2)
    resized = resize_relative_positions(table, 7)
    assert resized.shape == (169, 2) and resized.dtype == torch.float32
    steps = np.arange(-6, 7)
    for head in range(2):
        spline = RectBivariateSpline(
            distances(), distances(), table[:, head].view(11, 11).double().numpy())
        np.testing.assert_allclose(
            resized[:, head].view(13, 13), spline(steps, steps), atol=1e-4)


def test_windows_become_smaller_too():
    """Offset 0 and the farthest offsets keep their values."""
    table = torch.randn(169, 1)
    smaller = resize_relative_positions(table, 6).view(11, 11)
    table = table.view(13, 13)
    for ours, theirs in ((5, 6), (0, 0), (10, 12)):
        torch.testing.assert_close(smaller[ours, ours], table[theirs, theirs])
