"""Measures of features equal NumPy, SciPy, Parseval's theorem and values derived by hand."""
import math

import numpy as np
import pytest
import torch
from scipy import stats

from mmguided.analysis import (
    cosine_similarity,
    effective_rank,
    feature_variance,
    fourier_amplitudes,
    frequencies,
    intra_and_inter,
    relation_kl,
    relative_log_amplitude,
    similarity_to_mean,
    similarity_variance,
)


@pytest.fixture
def features():
    return torch.randn(2, 12, 5, generator=torch.Generator().manual_seed(0))


def test_feature_variance(features):
    unit = features / features.norm(dim=-1, keepdim=True)
    expected = [((image - image.mean(0))**2).sum(1).mean().item() for image in unit]
    np.testing.assert_allclose(feature_variance(features), expected, rtol=1e-5)
    alike = torch.tensor([1., 2, 3]).expand(1, 4, 3) * torch.tensor([1., 2, 5, 7]).view(1, 4, 1)
    assert feature_variance(alike).item() == pytest.approx(0, abs=1e-6)  # independent of length
    opposite = torch.tensor([[[1., 0], [-3, 0]]])
    assert feature_variance(opposite).item() == 1


def test_similarity_variance(features):
    similarity = cosine_similarity(features)
    for image, found in zip(similarity.numpy(), similarity_variance(similarity), strict=True):
        pairs = image[~np.eye(12, dtype=bool)]
        assert found.item() == pytest.approx(pairs.var() + 1 / 11**2, rel=1e-4)
    two_groups = torch.tensor([[[1., 0], [1, 0], [0, 1], [0, 1]]])
    # 4 of 12 pairs have similarity 1: Bernoulli variance with p = 1/3. The printed mean is 8/12.
    assert similarity_variance(cosine_similarity(two_groups)).item() == pytest.approx(
        2 / 9 + 1 / 9)


@pytest.mark.parametrize('few', [8, 16, 98])
def test_similarity_variance_has_its_bound_for_orthogonal_groups(few):
    """sigma_S <= sigma_F (1 - sigma_F) without negative cosines, for the same features."""
    features = torch.eye(2)[(torch.arange(196) < few).long()].unsqueeze(0)
    sigma_f = feature_variance(features).item()
    sigma_s = similarity_variance(cosine_similarity(features)).item()
    assert sigma_f == pytest.approx(2 * few * (196 - few) / 196**2, rel=1e-5)
    assert sigma_s == pytest.approx(sigma_f * (1 - sigma_f), rel=.01)
    within = torch.cat((features[:, :few], features[:, few:] + .3), dim=1)
    sigma_f = feature_variance(within).item()
    assert similarity_variance(cosine_similarity(within)).item() < .99 * sigma_f * (1 - sigma_f)


def test_similarity_to_the_mean_is_not_to_the_mean_direction():
    features = torch.tensor([[[4., 0], [0, 3], [-1, 0]]])  # mean (1, 1)
    expected = [.5**.5, .5**.5, -.5**.5]
    assert similarity_to_mean(features)[0].tolist() == pytest.approx(expected)


def test_parseval(features):
    amplitudes = fourier_amplitudes(features, (3, 4))
    assert amplitudes.shape == (2, 5, 3, 4)
    torch.testing.assert_close(amplitudes.square().mean((2, 3)), features.square().sum(1))


@pytest.mark.parametrize('step, frequency', [(1, .25), (2, .5), (3, .75), (4, 1.)])
def test_wave_has_its_frequency(step, frequency):
    y, x = torch.meshgrid(torch.arange(8.), torch.arange(8.), indexing='ij')
    wave = torch.cos(2 * math.pi * step / 8 * (x + y)) + 1
    relative = relative_log_amplitude(wave.reshape(1, 64, 1).repeat(1, 1, 3), (8, 8))[0]
    assert frequencies((8, 8))[step] == frequency
    assert relative.argmax() == 0 if step < 4 else relative[4].item() == pytest.approx(0, abs=1e-4)
    # The positive frequency has half of the amplitude; the highest frequency has all.
    assert relative[step].item() == pytest.approx(0 if step == 4 else math.log(.5), abs=1e-4)
    others = [i for i in range(1, 5) if i != step]
    assert relative[others].max() < -10


def test_non_square_grid_ends_at_the_highest_frequency():
    sign = torch.tensor([1., -1])
    checkers = sign.repeat(2).view(4, 1) * sign.repeat(4) + 2
    relative = relative_log_amplitude(checkers.reshape(1, 32, 1), (4, 8))
    assert frequencies((4, 8)) == [0, .5, 1]
    assert relative[0, -1].item() == pytest.approx(math.log(.5), abs=1e-4)
    assert frequencies((7, 7)) == pytest.approx([0, 2 / 7, 4 / 7, 6 / 7])


@pytest.mark.parametrize('features, expected', [
    (torch.eye(7), 7), (torch.full((9, 6), 2.5), 1), (torch.zeros(9, 6), 1),
    (torch.tensor([[3., 0.], [0., 1.], [0., 0.]]),  # singular values 3 and 1: shares 3/4 and 1/4
     math.exp(.75 * math.log(4 / 3) + .25 * math.log(4)))])
def test_effective_rank(features, expected):
    assert effective_rank(features) == pytest.approx(expected, rel=1e-3)


def test_effective_rank_equals_numpy():
    features = np.random.default_rng(0).standard_normal((50, 12)) * np.linspace(.1, 4, 12) + 1
    shares = np.linalg.svd(features, compute_uv=False)
    shares /= shares.sum()
    expected = np.exp(-(shares * np.log(shares)).sum())
    assert 1 < expected < 12
    tensor = torch.from_numpy(features)
    assert effective_rank(tensor) == pytest.approx(expected, rel=1e-4)
    assert effective_rank(100 * tensor[:, torch.randperm(12)]) == pytest.approx(expected, rel=1e-4)
    assert effective_rank(tensor.bfloat16()) == pytest.approx(expected, rel=1e-2)


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
