"""knn_scores against numbers worked out by hand and a plain reference."""
import math

import numpy as np
import pytest
import torch

from mmguided.evaluation import knn_scores

# Cosines to the query are 1, .8 and .6; no vector but the first has unit length.
QUERY = torch.tensor([[5., 0.]])
BANK = torch.tensor([[1., 0.], [.4, .3], [6., 8.]])
LABELS = torch.tensor([0, 1, 1])


def reference(query, bank, labels, num_classes, k, temperature):
    query = query / np.linalg.norm(query, axis=1, keepdims=True)
    bank = bank / np.linalg.norm(bank, axis=1, keepdims=True)
    scores = np.zeros((len(query), num_classes))
    for i, q in enumerate(query):
        similarity = bank @ q
        for j in np.argsort(-similarity)[:k]:
            scores[i, labels[j]] += math.exp(similarity[j] / temperature)
    return scores / scores.sum(axis=1, keepdims=True)


def test_votes_by_hand():
    scores = knn_scores(QUERY, BANK, LABELS, num_classes=3, ks=(1, 2, 3), temperature=1.)
    e10, e08, e06 = math.exp(1), math.exp(.8), math.exp(.6)
    expected = {
        1: [1., 0., 0.],
        2: [e10 / (e10 + e08), e08 / (e10 + e08), 0],
        3: [e10 / (e10 + e08 + e06), (e08 + e06) / (e10 + e08 + e06), 0]
    }
    for k, score in expected.items():
        torch.testing.assert_close(scores[k], torch.tensor([score]))


def test_temperature_decides_between_nearest_and_most():
    vote = {
        t: knn_scores(QUERY, BANK, LABELS, 2, ks=(3, ), temperature=t)[3].argmax().item()
        for t in (.07, 1.)
    }
    assert vote == {.07: 0, 1.: 1}


def test_equals_plain_reference():
    rng = np.random.default_rng(0)
    query, bank = rng.normal(size=(13, 8)), rng.normal(size=(50, 8)) * rng.uniform(.1, 9, (50, 1))
    labels = rng.integers(0, 6, 50)
    args = map(torch.from_numpy, (query, bank, labels))
    scores = knn_scores(*args, num_classes=6, ks=(20, 1, 50), temperature=.07, chunk=5)
    assert list(scores) == [20, 1, 50]
    for k, score in scores.items():
        np.testing.assert_allclose(score, reference(query, bank, labels, 6, k, .07), rtol=1e-10)


def test_equals_scikit_learns():
    """Its classifier with the cosine distance and weights that are a function of it."""
    neighbors = pytest.importorskip('sklearn.neighbors')
    rng = np.random.default_rng(0)
    query, bank = rng.normal(size=(40, 8)), rng.normal(size=(99, 8))
    labels = rng.integers(0, 5, 99)
    scores = knn_scores(*map(torch.from_numpy, (query, bank, labels)), num_classes=5, ks=(1, 7, 99),
                        temperature=.2)
    for k, score in scores.items():
        classifier = neighbors.KNeighborsClassifier(
            k, metric='cosine', weights=lambda distance: np.exp((1 - distance) / .2))
        np.testing.assert_allclose(
            score, classifier.fit(bank, labels).predict_proba(query), rtol=1e-10, atol=1e-12)


def test_small_temperature_stays_finite():
    scores = knn_scores(QUERY, BANK, LABELS, 2, ks=(3, ), temperature=1e-3)[3]
    torch.testing.assert_close(scores, torch.tensor([[1., 0.]]))


@pytest.mark.parametrize('ks', [(1, 4), (0, )])
def test_k_outside_the_bank(ks):
    with pytest.raises(ValueError, match='between 1 and the 3 features'):
        knn_scores(QUERY, BANK, LABELS, 2, ks=ks)


def test_temperature_must_be_positive():
    with pytest.raises(ValueError, match='temperature=0'):
        knn_scores(QUERY, BANK, LABELS, 2, ks=(1, ), temperature=0)
