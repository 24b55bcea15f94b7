"""k-NN evaluation of a frozen encoder on mmpretrain's runner."""
import logging
from collections.abc import Sequence

import mmengine.dist as dist
import torch
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmpretrain.structures import DataSample
from mmpretrain.utils import track_on_main_process
from torch import Tensor, nn

from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError

from .frozen import FrozenEncoder
from .knn import knn_scores


def _forget_bank(model: nn.Module, _) -> None:
    model.bank = None


@MODELS.register_module()
class KNNClassifier(FrozenEncoder):
    """Classifies by the weighted vote of the nearest training images (:func:`knn_scores`).

    The features of the training images, the bank, are extracted at the first prediction, in the
    precision of the test loop, and again after weights are loaded. In a distributed run each
    process extracts its share and all hold the whole bank.

    Args:
        backbone: Encoder; the last of its outputs is used, a map ``(B, D, H, W)`` averaged over its
            positions. For a ViT ``out_type='cls_token'`` takes [CLS] and ``out_type='featmap'`` the
            mean patch token.
        bank_dataloader: Dataloader of the labeled training images, under a test pipeline.
        ks: Numbers of neighbors; all are computed in one pass.
        temperature: Temperature of the votes.
        data_preprocessor: As of ImageClassifier.
        init_cfg: As of ImageClassifier.

    Raises:
        ConfigError: If ``ks`` or ``temperature`` are not positive, the backbone's output is a
            sequence of tokens, or (when the bank is built) the dataset is unlabeled or smaller
            than the largest k.
    """

    def __init__(self,
                 backbone: dict,
                 bank_dataloader: dict,
                 ks: Sequence[int] = (10, 20, 100, 200),
                 temperature: float = 0.07,
                 data_preprocessor: dict | None = None,
                 init_cfg: dict | None = None) -> None:
        super().__init__(backbone=backbone, data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        if not ks or min(ks) < 1:
            raise ConfigError(f'model.ks={ks}: name one or more positive numbers of neighbors')
        if temperature <= 0:
            raise ConfigError(f'model.temperature={temperature} must be positive')
        if getattr(self.backbone, 'out_type', None) == 'raw':
            raise ConfigError("model.backbone.out_type='raw' gives tokens: choose 'cls_token', or "
                              "'featmap' for the mean patch token")
        self.bank_dataloader = bank_dataloader
        self.ks = tuple(ks)
        self.temperature = temperature
        # No buffer: the bank belongs to a dataset and has no place in a checkpoint.
        self.bank: tuple[Tensor, Tensor] | None = None
        self.register_load_state_dict_post_hook(_forget_bank)

    @torch.no_grad()
    def features(self, inputs: Tensor) -> Tensor:
        """Features ``(B, D)``, float32, of images ``(B, 3, H, W)``."""
        feature = self.extract_feat(inputs)[-1]
        return (feature.mean(dim=(2, 3)) if feature.ndim == 4 else feature).float()

    @torch.no_grad()
    def predict(self,
                inputs: Tensor,
                data_samples: list[DataSample] | None = None) -> list[DataSample]:
        """Add ``knn_scores``, a dict from each k to scores ``(C, )``, to the data samples.

        C is one more than the largest label of the bank. For metrics and tools that know no k, such
        as mmpretrain's confusion matrix, ``pred_score`` and ``pred_label`` are those of the first
        of ``ks``.
        """
        if self.bank is None:
            self.prepare_bank()
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
        """Extract the bank: features ``(N, D)`` of unit length and labels ``(N, )``.

        Both are in the order of the dataset and the same on all processes.
        """
        loader = Runner.build_dataloader(self.bank_dataloader)
        size = len(loader.dataset)
        if size < max(self.ks):
            raise ConfigError(f'model.ks={self.ks} asks for more neighbors than the {size} images '
                              'of model.bank_dataloader: set model.ks')
        bank = labels = None
        for batch in track_on_main_process(loader, 'k-NN bank'):
            batch = self.data_preprocessor(batch, False)
            features = self.features(batch['inputs'])
            if bank is None:
                bank = features.new_zeros(size, features.shape[1])
                labels = torch.full((size, ), -1, device=features.device)
            ids = torch.tensor([_index(s) for s in batch['data_samples']], device=bank.device)
            bank[ids] = features
            labels[ids] = torch.cat([_label(s) for s in batch['data_samples']]).to(labels)
        if bank is None:
            raise ConfigError('model.bank_dataloader gives no batch: set drop_last=False in it')
        # Rows of other processes are 0 and -1. An image that the sampler gave to two processes, to
        # make their shares equal, gets the sum of two equal features, whose direction is the same.
        dist.all_reduce(bank)
        dist.all_reduce(labels, op='max')
        bank.div_(bank.norm(dim=1, keepdim=True).clamp_min(torch.finfo(bank.dtype).tiny))
        self.bank = self._delivered(bank, labels)

    def _delivered(self, bank: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Leave out images that the dataloader did not give, such as unreadable ones."""
        given = labels >= 0
        count = int(given.sum())
        if count == len(labels):
            return bank, labels
        print_log(
            f'model.bank_dataloader gave {count} of {len(labels)} images; the k-NN bank holds them',
            logger='current',
            level=logging.WARNING)
        if count < max(self.ks):
            raise ConfigError(f'model.ks={self.ks} asks for more neighbors than the {count} '
                              'images that model.bank_dataloader gives: set model.ks')
        return bank[given], labels[given]


def _index(sample: DataSample) -> int:
    if 'sample_idx' not in sample:
        raise ConfigError("model.bank_dataloader: PackInputs drops 'sample_idx', which orders the "
                          'bank; add it to meta_keys')
    return sample.sample_idx


def _label(sample: DataSample) -> Tensor:
    if 'gt_label' not in sample:
        raise ConfigError('model.bank_dataloader: the dataset has no labels; put the images of '
                          'each class into a folder of their own')
    return sample.gt_label
