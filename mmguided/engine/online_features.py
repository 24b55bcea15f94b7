"""Feature extraction shared by the online-evaluation hooks."""
import copy
from collections.abc import Mapping, Sequence
from functools import partial

import torch
from mmcv.transforms import Compose
from mmengine.dataset import DefaultSampler, default_collate
from mmengine.dist import all_gather
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset

from mmguided.datasets import whole_image_pipeline
from mmguided.evaluation import image_features
from mmguided.models import Encoder
from mmguided.registry import DATASETS
from mmguided.utils.errors import ConfigError
from mmguided.utils.interruption import leave_signals_to_parent
from mmguided.utils.modules import eval_mode, gathered_weights, unwrap_ddp
from mmguided.utils.rng_state import preserve_rng_state


class OnlineFeatures:
    """Feature extractor for whole images with the current encoder weights.

    Each rank extracts the features of its images without gradient, in eval mode, at the precision,
    batch size and number of workers of training. Module modes and RNG state are restored.

    Args:
        runner: The runner, before training.
        field: Name of ``dataset`` in error messages.
        dataset: Config of the dataset; None uses the training set. Without a ``pipeline``, images
            are loaded as in training and resized, uncropped, to the input size of the encoder.
        num_images: Maximum number of images, evenly spaced in the dataset.
        feature: See :func:`mmguided.evaluation.pool_latents`.

    Raises:
        ConfigError: If the model has no :class:`mmguided.models.Encoder`, the training loop is not
            epoch-based, or the images cannot be loaded or have the wrong size.
    """

    def __init__(self, runner: Runner, field: str, dataset: dict | None, num_images: int,
                 feature: str) -> None:
        if not isinstance(runner.train_loop, EpochBasedTrainLoop):
            raise ConfigError('train_cfg: online evaluation needs an epoch-based loop. Set '
                              'train_cfg.by_epoch=True.')
        encoder = encoder_of(runner)
        self.field = field
        self.feature = feature
        self.size = encoder.input_size
        with preserve_rng_state():
            images = self._images(runner.train_dataloader.dataset, dataset)
            self.dataset = images
            self.has_labels = 'gt_label' in images.get_data_info(0)
            num = min(len(images), num_images)
            images = Subset(images, [i * len(images) // num for i in range(num)])
            loader = runner.train_dataloader
            self.loader = DataLoader(
                images, loader.batch_size, num_workers=loader.num_workers,
                pin_memory=loader.pin_memory, collate_fn=default_collate,
                worker_init_fn=partial(leave_signals_to_parent, None),
                sampler=DefaultSampler(images, shuffle=False, seed=0))

    def _images(self, training: Dataset, cfg: dict | None) -> Dataset:
        if cfg and 'pipeline' in cfg:
            return DATASETS.build(cfg)
        pipeline = whole_image_pipeline(training, self.size)
        if cfg:
            return DATASETS.build(cfg, default_args=dict(pipeline=pipeline))
        images = copy.copy(training)
        images.pipeline = Compose(pipeline)
        return images

    def __len__(self) -> int:
        return len(self.loader.dataset)

    @torch.no_grad()
    def extract(self, runner: Runner, with_labels: bool = True) -> tuple[Tensor, Tensor | None]:
        """Features ``(N, D)``, float32, and labels ``(N, )`` on the device, in the order of the
        dataset and identical on all ranks."""
        model = unwrap_ddp(runner.model)
        features, labels = [], []
        with preserve_rng_state(), eval_mode(model.backbone), \
                runner.optim_wrapper.optim_context(runner.model), gathered_weights(model):
            for batch in self.loader:
                if with_labels:
                    labels.append(labels_of(batch['data_samples'], self.field))
                images = model.data_preprocessor(batch, False)['inputs']
                if images.shape[-2:] != self.size:
                    raise ConfigError(
                        f'model.backbone.img_size={self.size}: {self.field}.pipeline returns '
                        f'images of {tuple(images.shape[-2:])}. Change one of the two.')
                features.append(image_features(model.backbone, images, self.feature))
        features = torch.cat(features)
        labels = torch.cat(labels).to(features.device) if with_labels else None
        return self._gather(features), self._gather(labels) if with_labels else None

    def _gather(self, rows: Tensor) -> Tensor:
        # The sampler deals the images to the ranks in turn and pads the last round.
        return torch.stack(all_gather(rows), dim=1).flatten(0, 1)[:len(self)]


def encoder_of(runner: Runner) -> Encoder:
    """Encoder that the runner trains; raise ConfigError if it is not an :class:`Encoder`."""
    backbone = getattr(unwrap_ddp(runner.model), 'backbone', None)
    if not isinstance(backbone, Encoder):
        raise ConfigError(f'model.backbone.type={type(backbone).__name__}: not an encoder of '
                          'mmguided. Remove the online-evaluation hooks.')
    return backbone


def labels_of(data_samples: Sequence | Mapping, field: str) -> Tensor:
    """Labels ``(B, )`` of a batch; raise a ConfigError that names ``field`` if there are none."""
    if isinstance(data_samples, Mapping):  # with scores of CachedGuidance
        data_samples = data_samples['samples']
    check_labels(field, all('gt_label' in sample for sample in data_samples))
    return torch.cat([sample.gt_label for sample in data_samples])


def check_labels(field: str, has_labels: bool) -> None:
    """Raise a ConfigError that names ``field`` if the images have no labels."""
    if not has_labels:
        raise ConfigError(f'{field}: the images have no labels. Put the images of each class into '
                          'a separate folder and set with_label=True.')


def accuracy(predictions: Tensor, labels: Tensor) -> float:
    """Accuracy in percent."""
    return 100 * (predictions == labels).float().mean().item()


def log_scalars(runner: Runner, epoch: int, scalars: Mapping[str, float]) -> None:
    """Write scalars to the log and, at the current iteration, to the visualizer's backends."""
    runner.logger.info(f'Epoch(online) [{epoch}]  ' + '  '.join(
        f'{name}: {value:.4f}' for name, value in scalars.items()))
    runner.visualizer.add_scalars(dict(scalars), step=runner.iter)
