"""KNNAccuracy on scores whose accuracy is plain to see."""
import pytest
import torch

from mmguided.evaluation import KNNAccuracy


def test_accuracy_per_k():
    samples = [
        # k = 5: right, second, without a vote; k = 9: second, right, right
        dict(gt_label=torch.tensor([0]),
             knn_scores={5: torch.tensor([.7, .3, 0.]), 9: torch.tensor([.4, .6, 0.])}),
        dict(gt_label=torch.tensor([1]),
             knn_scores={5: torch.tensor([.7, .3, 0.]), 9: torch.tensor([.4, .6, 0.])}),
        dict(gt_label=torch.tensor([2]),
             knn_scores={5: torch.tensor([1., 0., 0.]), 9: torch.tensor([.1, .1, .8])}),
    ]
    metric = KNNAccuracy(topk=(1, 5))
    metric.process({}, samples[:2])
    metric.process({}, samples[2:])
    assert metric.evaluate(3) == pytest.approx({
        'knn/top1_k5': 100 / 3,
        'knn/top5_k5': 200 / 3,
        'knn/top1_k9': 200 / 3,
        'knn/top5_k9': 100.
    })


def test_label_unknown_to_the_bank_is_wrong():
    metric = KNNAccuracy()
    metric.process({}, [dict(gt_label=torch.tensor([7]), knn_scores={1: torch.tensor([0., 1.])})])
    assert metric.evaluate(1) == {'knn/top1_k1': 0.}
