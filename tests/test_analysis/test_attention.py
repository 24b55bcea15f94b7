"""Measures of attention maps equal SciPy and values derived by hand."""
import math

import numpy as np
import pytest
import torch
from scipy import stats

from mmguided.analysis import (
    attention_distance,
    attention_entropy,
    attention_nmi,
    exploitation_rates,
    mass_region,
    patch_distances,
    reversed_attention,
)

GRID, PATCH_SIZE = (2, 3), 8
UNIFORM, DIAGONAL = torch.full((1, 1, 6, 6), 1 / 6), torch.eye(6).view(1, 1, 6, 6)


@pytest.fixture
def attention():
    """Random maps of 2 images with 3 heads."""
    return torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(0)).softmax(-1)


def test_patch_distances():
    centers = [(PATCH_SIZE * y, PATCH_SIZE * x) for y in range(2) for x in range(3)]
    expected = [[math.dist(a, b) for b in centers] for a in centers]
    np.testing.assert_allclose(patch_distances(GRID, PATCH_SIZE), expected, rtol=1e-6)


def test_attention_distance():
    distances = patch_distances(GRID, PATCH_SIZE)
    assert attention_distance(DIAGONAL, distances).item() == 0
    assert attention_distance(UNIFORM, distances).item() == pytest.approx(
        distances.mean().item(), rel=1e-6)
    to_right = torch.zeros(1, 1, 6, 6)  # to the right neighbor; at the end of a row to itself
    for query, key in ((0, 1), (1, 2), (2, 2), (3, 4), (4, 5), (5, 5)):
        to_right[..., query, key] = 1
    assert attention_distance(to_right, distances).item() == pytest.approx(4 / 6 * PATCH_SIZE)


def test_attention_entropy(attention):
    assert attention_entropy(DIAGONAL).item() == 0
    assert attention_entropy(UNIFORM).item() == pytest.approx(math.log(6), rel=1e-6)
    expected = stats.entropy(attention.double().numpy(), axis=-1).mean(-1)
    np.testing.assert_allclose(attention_entropy(attention), expected, rtol=1e-5)


def test_nmi_of_a_collapse_is_0_and_of_a_permutation_1():
    collapse = torch.tensor([.5, .1, .1, .1, .1, .1]).expand(1, 1, 6, 6)
    assert attention_nmi(collapse).item() == pytest.approx(0, abs=1e-6)
    assert attention_nmi(DIAGONAL[..., torch.tensor([3, 1, 0, 5, 4, 2])]).item() == pytest.approx(
        1, rel=1e-6)
    to_one = torch.zeros(1, 1, 6, 6)
    to_one[..., 2] = 1  # no entropy
    assert attention_nmi(to_one).item() == 0


def test_nmi_of_the_joint_distribution(attention):
    joint = attention[1, 2].double().numpy() / 6
    query, key = joint.sum(1), joint.sum(0)
    information = stats.entropy(joint.ravel(), np.outer(query, key).ravel())
    expected = information / math.sqrt(stats.entropy(query) * stats.entropy(key))
    assert attention_nmi(attention)[1, 2].item() == pytest.approx(expected, rel=1e-4)


def test_reversed_attention():
    attention = torch.tensor([[.5, .25, .25], [.1, .8, .1], [.3, 0., .7]])
    expected = torch.tensor([[0, .1 / .4, .3 / .4], [1, 0, 0], [.25 / .35, .1 / .35, 0]])
    torch.testing.assert_close(reversed_attention(attention), expected)
    unattended = torch.tensor([[1., 0], [1, 0]])
    assert reversed_attention(unattended).tolist() == [[0, 1], [0, 0]]


def test_exploitation_of_two_blocks():
    """In the first block, visible tokens are .6 V and .4 M."""
    first, second = torch.tensor([[.6, .4], [.3, .7]]), torch.tensor([[.5, .5], [.9, .1]])
    rates = exploitation_rates(torch.stack((first, second)), mask_ratio=.75)
    # Eq. 6: R of V -> V, V -> M are .6 and .3 after the first block; after the second
    # .5 * .6 + .5 * .3 = .45 and .9 * .6 + .1 * .3 = .57.
    expected = torch.tensor([[.25 * .6 + .75 * .3, .25 * .4 + .75 * .7],
                             [.25 * .45 + .75 * .57, .25 * .55 + .75 * .43]])
    torch.testing.assert_close(rates, expected)


def test_exploitation_is_normalized():
    """Attention to other tokens, such as [CLS], is ignored."""
    attention = torch.rand(8, 2, 2)
    rates = exploitation_rates(attention, .75)
    torch.testing.assert_close(rates.sum(1), torch.ones(8))
    torch.testing.assert_close(exploitation_rates(.5 * attention, .75), rates)
    even = exploitation_rates(torch.tensor([.25, .75]).expand(3, 2, 2), .75)
    torch.testing.assert_close(even[:, 1], torch.full((3, ), .75))  # the mask ratio


@pytest.mark.parametrize('attention, mass, expected', [
    ([.5, .1, .4], .5, [1, 0, 0]), ([.4, .25, .35], .5, [1, 0, 1]),
    ([.1] * 10, .5, [1] * 5 + [0] * 5), ([2., 0, 6], .8, [1, 0, 1]),
    ([.1, .2, .7], 0., [0, 0, 0]), ([1., 0, 0], 1., [1, 0, 0])])
def test_mass_region(attention, mass, expected):
    region = mass_region(torch.tensor([attention, attention[::-1]]), mass)
    assert region[0].int().tolist() == expected
    assert region.sum(dim=1).tolist() == [sum(expected)] * 2
