"""Linear probe trained online."""
from mmengine.dist import is_main_process
from torch import Tensor

from mmguided.evaluation import OnlineLinearProbe, check_feature, pool_latents
from mmguided.models import MaskedImageModel
from mmguided.ops import concat_all_gather
from mmguided.registry import HOOKS
from mmguided.structures import PatchMask
from mmguided.utils.classes import check_same_classes, class_names
from mmguided.utils.errors import ConfigError
from mmguided.utils.modules import unwrap_ddp

from ..online_features import (
    OnlineFeatures,
    accuracy,
    check_labels,
    encoder_of,
    labels_of,
    log_scalars,
)
from .runtime_info_hook import is_logged, log_interval
from .stateful_hook import StatefulHook


@HOOKS.register_module()
class OnlineLinearProbeHook(StatefulHook):
    """Train a linear probe on the latents of each training step and log its accuracy.

    The encoder is unaffected: the probe (:class:`mmguided.evaluation.OnlineLinearProbe`) reads
    detached latents and uses no random numbers. Its features come from the augmented and masked
    images: the mean of the patch tokens visible at the end of the encoder, or [CLS], of the first
    view. All ranks train the same probe on the features of all ranks.

    ``online/linear_train_top1`` is the accuracy in percent over the current epoch, measured before
    each step of the probe. Only logged steps read it from the device. With ``val_dataset``,
    ``online/linear_val_top1`` is the accuracy on whole images after every ``interval`` epochs and
    after the last epoch.

    Args:
        num_classes: Number of classes; None reads it from the training set.
        feature: 'mean' for the mean patch token, 'cls' for [CLS].
        lr: Learning rate of the probe.
        val_dataset: Config of a labeled dataset. Without a ``pipeline``, images are loaded as in
            training and resized, uncropped, to the input size of the encoder.
        interval: Epochs between validations; 0 validates only after the last epoch.
        num_images: Maximum number of images of ``val_dataset``, evenly spaced.

    Raises:
        ConfigError: Before the first step, if the training images have no labels or more classes
            than ``num_classes``, the images of ``val_dataset`` have no labels or other classes,
            or the model is not a :class:`MaskedImageModel`.
    """

    checkpoint_key = 'mmguided_linear_probe'

    def __init__(self,
                 num_classes: int | None = None,
                 feature: str = 'mean',
                 lr: float = 1e-3,
                 val_dataset: dict | None = None,
                 interval: int = 5,
                 num_images: int = 4096) -> None:
        self.num_classes = num_classes
        self.feature = feature
        self.lr = lr
        self.val_dataset = val_dataset
        self.interval = interval
        self.num_images = num_images
        self._epoch, self._right, self._seen = -1, 0, 0

    def before_train(self, runner) -> None:
        """Build the probe and register it as a reader of the latents."""
        model = unwrap_ddp(runner.model)
        encoder = encoder_of(runner)
        if not isinstance(model, MaskedImageModel):
            raise ConfigError(f'model.type={type(model).__name__}: not a MaskedImageModel. Remove '
                              'OnlineLinearProbeHook.')
        check_feature('OnlineLinearProbeHook.feature', encoder, self.feature)
        names = class_names(runner.train_dataloader.dataset)
        self._classes = self.num_classes or len(names)
        if not self._classes:
            raise ConfigError('train_dataloader.dataset: unknown number of classes. Put the images '
                              'of each class into a separate folder and set with_label=True, or '
                              'set OnlineLinearProbeHook.num_classes.')
        if self._classes < len(names):
            raise ConfigError(f'OnlineLinearProbeHook.num_classes={self._classes}: the dataset '
                              f'has {len(names)} classes. Set it to {len(names)}.')
        self._probe = OnlineLinearProbe(encoder.embed_dims, self._classes, self.lr).to(
            next(encoder.parameters()).device)
        super().before_train(runner)
        self._val = None if self.val_dataset is None else OnlineFeatures(
            runner, 'OnlineLinearProbeHook.val_dataset', self.val_dataset, self.num_images,
            self.feature)
        if self._val is not None:
            check_labels(self._val.field, self._val.has_labels)
            check_same_classes(self._val.field, self._val.dataset, 'train_dataloader.dataset',
                               names)
        # The loss scaler skips steps with an overflow.
        scaler = getattr(runner.optim_wrapper, 'loss_scaler', None)
        self._may_overflow = scaler is not None and scaler.is_enabled()
        self._log_interval = log_interval(runner)
        self._encoder = encoder
        model.latent_readers.append(self._read)

    def _read(self, latent: Tensor, mask: PatchMask) -> None:
        self._features = pool_latents(self._encoder, latent, mask, self.feature)

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        self._features = None
        self._labels = labels_of(data_batch['data_samples'], 'train_dataloader.dataset')

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        if self._features is None:
            model = type(unwrap_ddp(runner.model)).__name__
            raise ConfigError(f'model.type={model}: `loss` does not call MaskedImageModel.decode, '
                              'which passes the latents to OnlineLinearProbeHook. Call '
                              '`decode` in `loss`.')
        features = concat_all_gather(self._features)
        labels = concat_all_gather(self._labels.to(features.device))
        # Batch statistics need two images. An overflow would damage the probe permanently.
        if len(features) < 2 or self._may_overflow and not features.isfinite().all():
            return
        epoch = int(unwrap_ddp(runner.model).clock.epoch)
        if epoch != self._epoch:
            self._epoch, self._right, self._seen = epoch, 0, 0
        predictions = self._probe.step(features, labels).argmax(dim=1)
        self._right += (predictions == labels).sum()  # stays on the device
        self._seen += len(labels)
        if is_logged(self, runner, batch_idx, self._log_interval):
            runner.message_hub.update_scalar(
                'train/online/linear_train_top1', 100 * int(self._right) / self._seen)

    def after_train_epoch(self, runner) -> None:
        if self._val is None or not (
                self.every_n_epochs(runner, self.interval) or self.is_last_train_epoch(runner)):
            return
        features, labels = self._val.extract(runner)
        if is_main_process():
            log_scalars(runner, runner.epoch + 1, {
                'online/linear_val_top1': accuracy(self._probe.predict(features), labels)})

    def after_train(self, runner) -> None:
        unwrap_ddp(runner.model).latent_readers.remove(self._read)

    def state_dict(self) -> dict:
        return dict(probe=self._probe.state_dict(), optimizer=self._probe.optimizer.state_dict(),
                    counts=(self._epoch, int(self._right), self._seen))

    def load_state_dict(self, state: dict) -> None:
        self._probe.load_state_dict(state['probe'])
        self._probe.optimizer.load_state_dict(state['optimizer'])
        if 'counts' in state:  # not in checkpoints of earlier commits
            self._epoch, self._right, self._seen = state['counts']
