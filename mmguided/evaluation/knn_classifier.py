"""k-NN classifier on a frozen encoder, and its metric."""
import logging
from collections.abc import Sequence

import mmengine.dist as dist
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmpretrain.structures import DataSample
from mmpretrain.utils import track_on_main_process
from torch import Tensor, nn

from mmguided.registry import METRICS, MODELS
from mmguided.utils.errors import ConfigError

from .features import check_sample
from .frozen import FrozenEncoder
from .knn import knn_scores


def _clear_bank(model: nn.Module, _) -> None:
    model.bank = None


@MODELS.register_module()
class KNNClassifier(FrozenEncoder):
    """Weighted k-NN classifier (:func:`knn_scores`).

    The bank contains the features of the training images. It is extracted at the first prediction,
    in the precision of the test loop, and again after weights are loaded. In a distributed run each
    process extracts its share, and all processes hold the whole bank.

    Args:
        backbone: Encoder. Its last output is used; a map ``(B, D, H, W)`` is averaged over
            positions. For a ViT ``out_type='cls_token'`` gives [CLS] and ``out_type='featmap'`` the
            mean patch token.
        bank_dataloader: Dataloader of the labeled training images, with a test pipeline.
        ks: Numbers of neighbors; all are computed in one pass.
        temperature: Temperature of the votes.
        data_preprocessor, init_cfg: See ImageClassifier.

    Raises:
        ConfigError: If ``ks`` or ``temperature`` are not positive, or the backbone returns a token
            sequence. When the bank is built: if the dataset is unlabeled or smaller than the
            largest k, the features contain NaN or Inf, or the image size differs from that of the
            test.
    """

    def __init__(self, backbone: dict, bank_dataloader: dict,
                 ks: Sequence[int] = (10, 20, 100, 200), temperature: float = 0.07,
                 data_preprocessor: dict | None = None, init_cfg: dict | None = None) -> None:
        super().__init__(backbone=backbone, data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        if not ks or min(ks) < 1:
            raise ConfigError(f'model.ks={ks}: must be positive. Give one or more integers >= 1.')
        if temperature <= 0:
            raise ConfigError(f'model.temperature={temperature}: must be positive. Set 0.07.')
        if getattr(self.backbone, 'out_type', None) == 'raw':
            raise ConfigError("model.backbone.out_type='raw': a token sequence is unsupported. "
                              "Choose 'cls_token', or 'featmap' for the mean patch token.")
        self.bank_dataloader = bank_dataloader
        self.ks = tuple(ks)
        self.temperature = temperature
        # The bank is no buffer because it depends on a dataset and must not be in checkpoints.
        self.bank: tuple[Tensor, Tensor] | None = None
        self.bank_size: tuple[int, int] | None = None  # height and width of the images
        self.register_load_state_dict_post_hook(_clear_bank)

    @torch.no_grad()
    def features(self, inputs: Tensor) -> Tensor:
        """Features ``(B, D)``, float32, of images ``(B, 3, H, W)``."""
        feature = self.extract_feat(inputs)[-1]
        return (feature.mean(dim=(2, 3)) if feature.ndim == 4 else feature).float()

    @torch.no_grad()
    def predict(self, inputs: Tensor,
                data_samples: list[DataSample] | None = None) -> list[DataSample]:
        """Add ``knn_scores``, a dict from each k to scores ``(C, )``, to the data samples.

        C is the largest label of the bank plus 1. ``pred_score`` and ``pred_label`` belong to the
        first of ``ks``, for metrics that do not read ``knn_scores``, such as mmpretrain's confusion
        matrix.
        """
        if self.bank is None:
            self.prepare_bank()
        self._check_image_size('test_dataloader', inputs)
        bank, labels = self.bank
        query = self.features(inputs)
        with torch.autocast(query.device.type, enabled=False):
            scores = knn_scores(query, bank, labels, int(labels.max()) + 1, self.ks,
                                self.temperature)
        if data_samples is None:
            data_samples = [DataSample() for _ in inputs]
        for i, sample in enumerate(data_samples):
            sample.set_field({k: score[i] for k, score in scores.items()}, 'knn_scores')
            sample.set_pred_score(scores[self.ks[0]][i])
            sample.set_pred_label(scores[self.ks[0]][i].argmax())
        return data_samples

    @torch.no_grad()
    def prepare_bank(self) -> None:
        """Extract the bank: normalized features ``(N, D)`` and labels ``(N, )``.

        Both are in dataset order and equal on all processes.
        """
        loader = Runner.build_dataloader(self.bank_dataloader)
        size = len(loader.dataset)
        self._check_bank_size(size)
        bank = labels = self.bank_size = None
        for batch in track_on_main_process(loader, 'k-NN bank'):
            batch = self.data_preprocessor(batch, False)
            self._check_image_size('model.bank_dataloader', batch['inputs'])
            features = self.features(batch['inputs'])
            if bank is None:
                bank = features.new_zeros(size, features.shape[1])
                labels = torch.full((size, ), -1, device=features.device)
            samples = batch['data_samples']
            check_sample('model.bank_dataloader.dataset', samples[0], 'sample_idx', 'gt_label')
            ids = torch.tensor([sample.sample_idx for sample in samples], device=bank.device)
            bank[ids] = features
            labels[ids] = torch.cat([sample.gt_label for sample in samples]).to(labels)
        # Rows of other processes are 0 and -1. An image that the sampler assigns to two processes
        # gets the sum of two equal features, which has the same direction.
        dist.all_reduce(bank)
        dist.all_reduce(labels, op='max')
        if not bank.isfinite().all():
            raise ConfigError('model.bank_dataloader: the features contain NaN or Inf. Use another '
                              'checkpoint, or set `--cfg-options test_cfg.fp16=False`.')
        bank.div_(bank.norm(dim=1, keepdim=True).clamp_min(torch.finfo(bank.dtype).tiny))
        # Images may be missing, for example because they are unreadable.
        loaded = labels >= 0
        count = int(loaded.sum())
        if count < size:
            print_log(f'model.bank_dataloader: {count} of {size} images were loaded. The k-NN bank '
                      'contains only these.', logger='current', level=logging.WARNING)
            self._check_bank_size(count)
            bank, labels = bank[loaded], labels[loaded]
        self.bank = bank, labels

    def _check_image_size(self, field: str, inputs: Tensor) -> None:
        """Compare the size of the images with that of the bank, or record it. Features of images of
        another size are less similar, and no other check compares the two pipelines."""
        size = tuple(inputs.shape[-2:])
        self.bank_size = self.bank_size or size
        if size != self.bank_size:
            raise ConfigError(f'{field}.dataset.pipeline: returns images of {size}, but '
                              f'model.bank_dataloader has images of {self.bank_size}. Set the same '
                              'size in both pipelines.')

    def _check_bank_size(self, size: int) -> None:
        if size < max(self.ks):
            raise ConfigError(f'model.ks={self.ks}: model.bank_dataloader has only {size} images. '
                              f'Choose at most {size}.')


@METRICS.register_module()
class KNNAccuracy(BaseMetric):
    """Accuracy of :class:`KNNClassifier` in percent, ``knn/top1_k10`` and so on for each k. Classes
    without votes never count as predicted.

    Args:
        topk: Ranks: a prediction is correct if the label is among the top-k classes.
        collect_device, prefix: See BaseMetric.
    """
    default_prefix = 'knn'

    def __init__(self, topk: Sequence[int] = (1, ), collect_device: str = 'cpu',
                 prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.topk = tuple(topk)

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Store whether each image is correct, for each k a bool tensor ``(len(topk), )``."""
        label = torch.cat([s['gt_label'] for s in data_samples])
        hits = {}
        for k in data_samples[0]['knn_scores']:
            scores = torch.stack([s['knn_scores'][k] for s in data_samples])
            if not scores.isfinite().all():
                raise ConfigError('test_dataloader: the features contain NaN or Inf. Set '
                                  '`--cfg-options test_cfg.fp16=False`.')
            best, classes = scores.topk(min(max(self.topk), scores.shape[1]), dim=1)
            right = (classes == label.to(scores.device)[:, None]) & (best > 0)
            hits[k] = torch.stack([right[:, :n].any(dim=1) for n in self.topk], dim=1).cpu()
        self.results += [{k: hit[i] for k, hit in hits.items()} for i in range(len(data_samples))]

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Average over the test images."""
        metrics = {}
        for k in results[0]:
            accuracy = 100 * torch.stack([r[k] for r in results]).float().mean(dim=0)
            for n, value in zip(self.topk, accuracy.tolist(), strict=True):
                metrics[f'top{n}_k{k}'] = value
        return metrics
