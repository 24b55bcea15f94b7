"""Sine-cosine positions against their formula."""
import numpy as np
import pytest
import torch

from mmguided.ops import sincos_position_embedding


def test_positions_tell_column_then_row():
    embedding = sincos_position_embedding((3, 5), 8)[0]
    assert torch.equal(embedding[0], torch.zeros(8))
    row, column = 2, 4
    expected = [f(p * w) for p in (column, row) for f in (np.sin, np.cos) for w in (1, .01)]
    np.testing.assert_allclose(embedding[1 + row * 5 + column], expected, rtol=1e-6)


def test_without_cls_the_patches_are_the_same():
    with_cls = sincos_position_embedding((3, 5), 8)
    without = sincos_position_embedding((3, 5), 8, cls_token=False)
    assert without.shape == (1, 15, 8) and torch.equal(without, with_cls[:, 1:])


def test_width_must_be_a_multiple_of_four():
    with pytest.raises(ValueError, match='dim=6'):
        sincos_position_embedding((3, 5), 6)
