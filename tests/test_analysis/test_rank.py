"""Effective rank: values worked out by hand, and NumPy's singular values."""
import math

import numpy as np
import pytest
import torch

from mmguided.analysis import effective_rank


def orthonormal(rows, columns, seed=0):
    torch.manual_seed(seed)
    return torch.linalg.qr(torch.randn(rows, columns, dtype=torch.float64))[0]


@pytest.mark.parametrize('rank', [1, 2, 5, 8])
def test_equal_singular_values_give_the_rank(rank):
    features = 3 * orthonormal(20, rank) @ orthonormal(8, rank, seed=1).T
    assert effective_rank(features) == pytest.approx(rank, rel=1e-3)


def test_the_identity_gives_its_size_and_equal_features_one():
    assert effective_rank(torch.eye(7)) == pytest.approx(7, rel=1e-4)
    assert effective_rank(torch.full((9, 6), 2.5)) == pytest.approx(1, rel=1e-3)
    assert effective_rank(torch.zeros(9, 6)) == pytest.approx(1, rel=1e-3)


def test_two_singular_values_by_hand():
    """Of 3 and 1: shares 3/4 and 1/4."""
    expected = math.exp(.75 * math.log(4 / 3) + .25 * math.log(4))
    assert effective_rank(torch.tensor([[3., 0.], [0., 1.], [0., 0.]])) == pytest.approx(
        expected, rel=1e-5)


def test_numpys_singular_values_give_the_same():
    features = np.random.default_rng(0).standard_normal((50, 12)) * np.linspace(.1, 4, 12) + 1
    singular = np.linalg.svd(features, compute_uv=False)
    shares = singular / singular.sum()
    expected = np.exp(-(shares * np.log(shares)).sum())
    assert 1 < expected < 12
    tensor = torch.from_numpy(features)
    assert effective_rank(tensor) == pytest.approx(expected, rel=1e-4)
    assert effective_rank(100 * tensor[:, torch.randperm(12)]) == pytest.approx(expected, rel=1e-4)


def test_half_precision_is_computed_in_single():
    features = torch.randn(30, 5)
    assert effective_rank(features.bfloat16()) == pytest.approx(effective_rank(features), rel=1e-2)
