"""Metrics on mmengine's evaluator."""
from collections.abc import Sequence

import torch
from mmengine.evaluator import BaseMetric

from mmguided.registry import METRICS


@METRICS.register_module()
class KNNAccuracy(BaseMetric):
    """Accuracy in per cent of :class:`KNNClassifier` for each number of neighbors.

    Reported as ``knn/top1_k10`` and so on. A class without a vote is never among the top classes.

    Args:
        topk: A prediction is right if the label is among so many classes of most votes.
        collect_device: As of BaseMetric.
        prefix: As of BaseMetric.
    """
    default_prefix = 'knn'

    def __init__(self,
                 topk: Sequence[int] = (1, ),
                 collect_device: str = 'cpu',
                 prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.topk = tuple(topk)

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep, for each image and k, which of ``topk`` hold the label: ``(len(topk), )``, bool."""
        label = torch.cat([s['gt_label'] for s in data_samples])
        hits = {}
        for k in data_samples[0]['knn_scores']:
            scores = torch.stack([s['knn_scores'][k] for s in data_samples])
            hits[k] = self._hits(scores, label.to(scores.device)).cpu()
        self.results += [{k: hit[i] for k, hit in hits.items()} for i in range(len(data_samples))]

    def _hits(self, scores: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        """``(B, C)`` and ``(B, )`` to ``(B, len(topk))``, bool."""
        best, classes = scores.topk(min(max(self.topk), scores.shape[1]), dim=1)
        right = (classes == label[:, None]) & (best > 0)
        return torch.stack([right[:, :n].any(dim=1) for n in self.topk], dim=1)

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Average over the images of the test set."""
        metrics = {}
        for k in results[0]:
            accuracy = 100 * torch.stack([r[k] for r in results]).float().mean(dim=0)
            for n, value in zip(self.topk, accuracy.tolist(), strict=True):
                metrics[f'top{n}_k{k}'] = value
        return metrics
