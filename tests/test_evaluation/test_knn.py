"""k-NN scores equal cases worked out by hand and scikit-learn; accuracy of known scores."""
import math

import numpy as np
import pytest
import torch

from mmguided.evaluation import KNNAccuracy, knn_scores

# Cosines to the query are 1, .8 and .6; only the first vector has unit length.
QUERY = torch.tensor([[5., 0.]])
BANK = torch.tensor([[1., 0.], [.4, .3], [6., 8.]])
LABELS = torch.tensor([0, 1, 1])


def test_votes():
    scores = knn_scores(QUERY, BANK, LABELS, num_classes=3, ks=(1, 2, 3), temperature=1.)
    e10, e08, e06 = math.exp(1), math.exp(.8), math.exp(.6)
    expected = {
        1: [1., 0., 0.],
        2: [e10 / (e10 + e08), e08 / (e10 + e08), 0],
        3: [e10 / (e10 + e08 + e06), (e08 + e06) / (e10 + e08 + e06), 0]
    }
    for k, score in expected.items():
        torch.testing.assert_close(scores[k], torch.tensor([score]))


def test_low_temperature_is_finite():
    scores = knn_scores(QUERY, BANK, LABELS, 2, ks=(3, ), temperature=1e-3)[3]
    torch.testing.assert_close(scores, torch.tensor([[1., 0.]]))


@pytest.mark.parametrize('temperature, chunk', [(.2, 256), (.07, 5)])
def test_scores_equal_scikit_learn(temperature, chunk):
    neighbors = pytest.importorskip('sklearn.neighbors')
    rng = np.random.default_rng(0)
    query, bank = rng.normal(size=(13, 8)), rng.normal(size=(99, 8)) * rng.uniform(.1, 9, (99, 1))
    labels = rng.integers(0, 5, 99)
    scores = knn_scores(*map(torch.from_numpy, (query, bank, labels)), 5, (20, 1, 99), temperature,
                        chunk)
    assert list(scores) == [20, 1, 99]
    for k, score in scores.items():
        classifier = neighbors.KNeighborsClassifier(
            k, metric='cosine', weights=lambda distance: np.exp((1 - distance) / temperature))
        np.testing.assert_allclose(
            score, classifier.fit(bank, labels).predict_proba(query), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize('settings, field', [
    (dict(ks=(1, 4)), r'ks=\(1, 4\):'), (dict(ks=(0, )), r'ks=\(0,\):'),
    (dict(ks=(1, ), temperature=0), 'temperature=0:')])
def test_invalid_settings(settings, field):
    with pytest.raises(ValueError, match=field):
        knn_scores(QUERY, BANK, LABELS, 2, **settings)


def test_accuracy_of_each_k():
    samples = [
        # k = 5: correct, second, without votes, not in the bank; k = 9: second, correct, correct
        dict(gt_label=torch.tensor([label]), knn_scores={5: torch.tensor(five),
                                                         9: torch.tensor(nine)})
        for label, five, nine in ((0, [.7, .3, 0.], [.4, .6, 0.]), (1, [.7, .3, 0.], [.4, .6, 0.]),
                                  (2, [1., 0., 0.], [.1, .1, .8]), (7, [0., 0., 1.], [0., 0., 1.]))]
    metric = KNNAccuracy(topk=(1, 5))
    metric.process({}, samples[:2])
    metric.process({}, samples[2:])
    assert metric.evaluate(4) == {
        'knn/top1_k5': 25, 'knn/top5_k5': 50, 'knn/top1_k9': 50, 'knn/top5_k9': 75}
