"""A linear probe that learns beside the model."""
import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.utils import apply_to
from torch import Tensor

from mmguided.evaluation import OnlineLinearProbe, check_feature, pool_latents
from mmguided.models import MaskedImageModel
from mmguided.ops import concat_all_gather
from mmguided.registry import HOOKS
from mmguided.structures import PatchMask
from mmguided.utils.errors import ConfigError
from mmguided.utils.modules import unwrap_ddp

from ..online_features import (
    OnlineFeatures,
    accuracy,
    classes_of,
    encoder_of,
    is_due,
    labels_of,
    log_scalars,
)

CHECKPOINT_KEY = 'mmguided_linear_probe'


@HOOKS.register_module()
class OnlineLinearProbeHook(Hook):
    """Trains a linear classifier, :class:`mmguided.evaluation.OnlineLinearProbe`, on the latents
    that each step makes anyway, and logs its accuracy. The encoder does not notice: no gradient
    reaches it, and no random number is drawn.

    The features are those of augmented and masked images: the mean of the patches that are visible
    at the end of the encoder, or [CLS], of the first view. The probe sees those of all processes,
    which train the same probe. ``online/linear_train_top1`` in the log is its accuracy, in per
    cent, on the images of this epoch so far, each before the probe learns from it; with
    ``val_dataset``, ``online/linear_val_top1`` is that on whole images after every
    ``interval``-th epoch and the last.

    Args:
        num_classes: Number of classes; None is that of the training set.
        feature: 'mean' for the mean patch token, 'cls' for [CLS].
        lr: Learning rate of the probe.
        val_dataset: Config of a labeled data set. Without a ``pipeline`` images are loaded as in
            training and resized, whole, to the encoder's usual size.
        interval: Epochs between validations; 0 validates after the last only.
        num_images: Images of ``val_dataset`` that are read, at equal distances in it.

    Raises:
        ConfigError: Before the first step, if the training images have no labels or more classes
            than ``num_classes``, or the model is none of mmguided's; on resuming, if the probe of
            the checkpoint has another size.
    """

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
        self._state: dict | None = None
        self._epoch, self._right, self._seen = -1, 0, 0

    def before_train(self, runner) -> None:
        """Makes the probe, or that of the checkpoint, and begins to read latents."""
        model = unwrap_ddp(runner.model)
        encoder = encoder_of(runner)
        if not isinstance(model, MaskedImageModel):
            raise ConfigError(f'OnlineLinearProbeHook: model.type={type(model).__name__} is no '
                              "algorithm such as type='mmguided.MAE'; leave the hook out")
        check_feature('OnlineLinearProbeHook.feature', encoder, self.feature)
        self._classes = self._number_of_classes(classes_of(runner.train_dataloader.dataset))
        self._probe = OnlineLinearProbe(encoder.embed_dims, self._classes, self.lr).to(
            next(encoder.parameters()).device)
        if self._state is not None:
            self._load(self._state)
        self._val = None if self.val_dataset is None else OnlineFeatures(
            runner, 'OnlineLinearProbeHook.val_dataset', self.val_dataset, self.num_images,
            self.feature)
        self._encoder = encoder
        model.latent_readers.append(self._read)

    def _number_of_classes(self, known: int | None) -> int:
        if self.num_classes is None and known is None:
            raise ConfigError('OnlineLinearProbeHook: train_dataloader.dataset does not say its '
                              'classes; put the images of each into a folder of their own, '
                              'with_label=True, or set num_classes')
        if known and self.num_classes and self.num_classes < known:
            raise ConfigError(f'OnlineLinearProbeHook.num_classes={self.num_classes}: the data set '
                              f'has {known} classes; set it to that')
        return self.num_classes or known

    @torch.compiler.disable
    def _read(self, latent: Tensor, mask: PatchMask) -> None:
        self._features = pool_latents(self._encoder, latent, mask, self.feature)

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        """Checks the labels of the batch."""
        self._features = None
        labels = labels_of(data_batch['data_samples'], 'train_dataloader.dataset')
        if not 0 <= labels.min() <= labels.max() < self._classes:
            raise ConfigError(f'OnlineLinearProbeHook.num_classes={self._classes}: there are '
                              f'labels from {labels.min()} to {labels.max()}; set it to more')
        self._labels = labels

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        if self._features is None:
            model = type(unwrap_ddp(runner.model)).__name__
            raise ConfigError(f'OnlineLinearProbeHook: model.type={model} decodes no latents by '
                              'MaskedImageModel.decode, which hands them out; call it in `loss`')
        features = concat_all_gather(self._features)
        labels = concat_all_gather(self._labels.to(features.device))
        # Of one image there are no statistics; after an overflow, which the loss scaler skips, the
        # probe would never recover.
        if len(features) < 2 or not features.isfinite().all():
            return
        epoch = int(unwrap_ddp(runner.model).clock.epoch)
        if epoch != self._epoch:
            self._epoch, self._right, self._seen = epoch, 0, 0
        predictions = self._probe.step(features, labels).argmax(dim=1)
        self._right += int((predictions == labels).sum())
        self._seen += len(labels)
        runner.message_hub.update_scalar(
            'train/online/linear_train_top1', 100 * self._right / self._seen)

    def after_train_epoch(self, runner) -> None:
        """Validates the probe."""
        if self._val is None or not is_due(runner, self.interval):
            return
        features, labels = self._val.extract(runner)
        if is_main_process():
            log_scalars(runner, runner.epoch + 1, {
                'online/linear_val_top1': accuracy(self._probe.predict(features), labels)})

    def after_train(self, runner) -> None:
        """Leaves the model alone."""
        unwrap_ddp(runner.model).latent_readers.remove(self._read)

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Saves the probe and its optimizer."""
        state = dict(probe=self._probe.state_dict(), optimizer=self._probe.optimizer.state_dict())
        checkpoint[CHECKPOINT_KEY] = apply_to(
            state, lambda value: isinstance(value, Tensor), Tensor.cpu)

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Takes them, if the run is resumed."""
        if runner.cfg.get('resume'):
            self._state = checkpoint.get(CHECKPOINT_KEY)

    def _load(self, state: dict) -> None:
        saved = len(state['probe']['linear.bias'])
        if saved != self._classes:
            raise ConfigError(f'OnlineLinearProbeHook.num_classes={self._classes}: the checkpoint '
                              f'to resume has a probe of {saved} classes; set it to that')
        self._probe.load_state_dict(state['probe'])
        self._probe.optimizer.load_state_dict(state['optimizer'])
