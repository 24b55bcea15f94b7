"""Bi-partition gap and KL divergence of token relations."""
import numpy as np
import pytest
import torch
from scipy import stats

from mmguided.analysis import intra_and_inter, relation_kl


def test_intra_and_inter():
    weights = torch.tensor([[[9., 1, 2, 3], [1, 9, 4, 5], [2, 4, 9, 6], [3, 5, 6, 9]]])
    side = torch.tensor([[True, True, False, False]])
    assert intra_and_inter(weights, side).tolist() == [[(1 + 6) / 2, (2 + 3 + 4 + 5) / 4]]
    one_side = torch.ones(1, 3, dtype=torch.bool)
    intra, inter = intra_and_inter(torch.ones(1, 3, 3), one_side)[0]
    assert intra == 1 and inter.isnan()


def test_relation_kl_equals_scipy():
    relations, reference = torch.randn(
        2, 3, 5, 5, generator=torch.Generator().manual_seed(0)).softmax(-1)
    expected = stats.entropy(relations.double(), reference.double(), axis=-1).mean(-1)
    np.testing.assert_allclose(relation_kl(relations, reference), expected, rtol=1e-4)
    assert relation_kl(relations, relations).abs().max() < 1e-6


def test_relation_kl_of_zeros():
    some = torch.tensor([[[.5, .5], [0., 1]]])
    all_one = torch.tensor([[[1., 0], [0, 1]]])
    assert relation_kl(all_one, some).item() == pytest.approx(np.log(2) / 2)
    assert relation_kl(some, all_one).item() == np.inf
