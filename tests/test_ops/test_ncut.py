"""Normalized cuts: parity with SciPy, invalid graphs, independence of the batch."""
import numpy as np
import pytest
import scipy.linalg
import torch
import torch.nn.functional as F

from mmguided.ops import cut_into, normalized_cut
from mmguided.structures import Wants
from tests.helpers.encoders import build_vit


def cosines(features):
    unit = F.normalize(features.double(), dim=-1)
    return unit @ unit.mT


def scipys(similarity):
    """Reference eigenvector ``(n, )`` and side."""
    degrees = np.diag(similarity.sum(1))
    y = scipy.linalg.eigh(degrees - similarity, degrees)[1][:, 1]
    y = y * np.sign(y[np.abs(y).argmax()])
    return y, y >= y.mean()


FEATURES = {
    'two clusters': lambda: torch.rand(16, 2, 24).repeat_interleave(98, dim=1)
    + .2 * torch.rand(16, 196, 24),
    'random': lambda: torch.randn(16, 196, 64).abs(),
    'an encoder': lambda: build_vit().observe(
        torch.randn(16, 3, 112, 112), Wants(relations=frozenset({1}))).relations[1],
}


@pytest.mark.parametrize('name', FEATURES)
@pytest.mark.parametrize('dtype', [torch.float64, torch.float32])
def test_eigenvectors_and_sides_are_scipys(name, dtype):
    similarity = cosines(FEATURES[name]())
    cut = normalized_cut(similarity.to(dtype))
    expected = [scipys(one) for one in similarity.numpy()]
    agreement = [(side == ours.numpy()).mean() for (_, side), ours in zip(
        expected, cut.side, strict=True)]
    assert cut.valid.all() and np.mean(agreement) > .995
    angles = [abs(np.dot(y, ours) / np.linalg.norm(y) / np.linalg.norm(ours))
              for (y, _), ours in zip(expected, cut.eigenvector.numpy(), strict=True)]
    assert min(angles) > .999
    assert cut.residual.max() < 1e-4


def test_two_blocks_by_hand():
    """Nodes 0-2 and 3-4 have weight 1 inside and .1 between; the smaller side has larger
    entries."""
    similarity = torch.full((1, 5, 5), .1)
    similarity[:, :3, :3] = similarity[:, 3:, 3:] = 1
    cut = normalized_cut(similarity)
    assert cut.side.tolist() == [[False] * 3 + [True] * 2]
    # y D y = 1, and y is orthogonal to 1 in D; degrees are 3.2 and 2.3.
    a, b = cut.eigenvector[0, 0].item(), cut.eigenvector[0, 4].item()
    assert 3 * 3.2 * a + 2 * 2.3 * b == pytest.approx(0, abs=1e-6)
    assert 3 * 3.2 * a**2 + 2 * 2.3 * b**2 == pytest.approx(1)


def test_a_graph_with_rows_that_sum_to_0_or_less_is_cut_without_negative_weights():
    clusters = torch.randn(16, 3, 6)[:, torch.randint(3, (196, ))]
    similarity = cosines(clusters + .5 * torch.randn(16, 196, 6))
    assert (similarity.sum(-1) < 0).any(-1).sum() > 4
    cut = normalized_cut(similarity)
    assert cut.valid.all() and cut.residual.max() < 1e-4
    negative = (similarity.mean(-1) < .05).any(-1).view(-1, 1, 1)
    similarity = torch.where(negative, similarity.clamp(min=0), similarity)
    agreement = [(scipys(one)[1] == side.numpy()).mean() for one, side in zip(
        similarity.numpy(), cut.side, strict=True)]
    assert np.mean(agreement) > .995


def test_an_eigenvalue_below_that_of_the_equal_entries_is_taken():
    """As in about 1 % of real images: clusters of 10 and 6 nodes with weights -.5 between them. The
    second smallest eigenvalue is that of the constant vector, which divides nothing."""
    similarity = torch.full((1, 16, 16), -.5)
    similarity[:, :10, :10] = similarity[:, 10:, 10:] = 1
    degrees = np.diag(similarity[0].sum(1))
    values, vectors = scipy.linalg.eigh(degrees - similarity[0].numpy(), degrees)
    assert values[0] < -.1 and vectors[:, 1].std() < 1e-5
    cut = normalized_cut(similarity)
    assert cut.side.tolist() == [[False] * 10 + [True] * 6]
    np.testing.assert_allclose(
        cut.eigenvector[0], vectors[:, 0] * np.sign(vectors[-1, 0]), rtol=1e-4)


def test_graphs_without_a_cut_are_told_and_disturb_no_others():
    good = cosines(FEATURES['two clusters']()[:2]).float()
    flat, broken = torch.ones(1, 196, 196), torch.full((1, 196, 196), torch.nan)
    negative = -torch.ones(1, 196, 196)
    cut = normalized_cut(torch.cat((flat, good[:1], broken, negative, good[1:])))
    assert cut.valid.tolist() == [False, True, False, False, True]
    assert cut.eigenvector.isfinite().all() and cut.residual.isfinite().all()
    alone = normalized_cut(good)
    assert torch.equal(cut.side[[1, 4]], alone.side)


def test_bfloat16_cuts_nearly_the_same():
    similarity = cosines(FEATURES['two clusters']())
    halves = normalized_cut(similarity.bfloat16()).side
    assert (halves == normalized_cut(similarity).side).float().mean() > .995


def test_autocast_does_not_change_the_cut():
    similarity = cosines(FEATURES['two clusters']()).float()
    with torch.autocast('cpu', torch.bfloat16):
        cut = normalized_cut(similarity)
    assert torch.equal(cut.eigenvector, normalized_cut(similarity).eigenvector)


def test_a_cut_of_some_nodes_is_that_of_their_graph():
    similarity = cosines(FEATURES['two clusters']()).float()
    nodes = torch.rand(16, 196) < .6
    cut = normalized_cut(similarity, nodes=nodes)
    for one, inside, side, y in zip(
            similarity, nodes, cut.side, cut.eigenvector, strict=True):
        alone = normalized_cut(one[inside][:, inside][None])
        assert torch.equal(side[inside], alone.side[0]) and not side[~inside].any()
        torch.testing.assert_close(y[inside], alone.eigenvector[0], rtol=1e-3, atol=1e-5)
        assert (y[~inside] == 0).all()


@pytest.mark.parametrize('number', [2, 3, 4])
def test_clusters_are_found_again(number):
    """Four directions, in two similar pairs."""
    members = torch.arange(4).repeat_interleave(torch.tensor([60, 56, 45, 35]))[
        torch.randperm(196)]
    directions = torch.tensor([[1, .5, 0, 0], [.5, 1, 0, 0], [0, 0, 1, .5], [0, 0, .5, 1]])
    features = directions[members] + .1 * torch.rand(5, 196, 4)
    clusters = cut_into(cosines(features), number)
    for found in clusters:
        assert len(found.unique()) == number
        pairs = set(zip(members.tolist(), found.tolist(), strict=True))
        assert len(pairs) == 4, 'none of the four is divided'


def test_a_flat_image_is_one_cluster():
    assert (cut_into(torch.ones(2, 16, 16), 5) == 0).all()
