"""Online k-NN accuracy and effective rank."""
from collections.abc import Sequence

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from torch import Tensor

from mmguided.analysis import effective_rank
from mmguided.evaluation import check_feature, knn_scores
from mmguided.registry import HOOKS
from mmguided.utils.classes import check_same_classes, class_names

from ..online_features import OnlineFeatures, accuracy, check_labels, encoder_of, log_scalars


@HOOKS.register_module()
class OnlineEvaluationHook(Hook):
    """Log the k-NN accuracy and the effective rank of the frozen features during training.

    The hook evaluates before the first epoch, after every ``interval`` epochs and after the last
    epoch. One pass over whole images gives ``online/knn_top1_k20`` in percent, for each k of
    ``ks``, and ``online/effective_rank`` (:func:`mmguided.analysis.effective_rank`). If the images
    have no labels and ``val_dataset`` is None, only the rank is logged. Training is unaffected.

    Args:
        interval: Epochs between evaluations; 0 evaluates only before the first and after the last
            epoch.
        num_images: Maximum number of images of each dataset, evenly spaced. Increase it for many
            classes, so that the bank holds enough neighbors of each class.
        ks: Numbers of neighbors; () disables k-NN.
        temperature: Temperature of the votes, see :func:`mmguided.evaluation.knn_scores`.
        feature: 'mean' for the mean patch token, 'cls' for [CLS].
        dataset: Config of the bank's dataset, also used for the effective rank; None uses the
            training set. Without a ``pipeline``, images are loaded as in training and resized,
            uncropped, to the input size of the encoder.
        val_dataset: Config of the dataset of the queries; None moves every fourth image of the
            bank to the queries.

    Raises:
        ConfigError: Before the first epoch, if there is a ``val_dataset`` and images have no
            labels, or the classes differ.
        ValueError: Before the first epoch, if a k is larger than the bank.
    """

    def __init__(self,
                 interval: int = 5,
                 num_images: int = 4096,
                 ks: Sequence[int] = (20, ),
                 temperature: float = 0.07,
                 feature: str = 'mean',
                 dataset: dict | None = None,
                 val_dataset: dict | None = None) -> None:
        self.interval = interval
        self.num_images = num_images
        self.ks = tuple(ks)
        self.temperature = temperature
        self.feature = feature
        self.dataset = dataset
        self.val_dataset = val_dataset

    def before_train(self, runner) -> None:
        """Build the datasets and evaluate the initial weights."""
        check_feature('OnlineEvaluationHook.feature', encoder_of(runner), self.feature)
        self._bank = OnlineFeatures(
            runner, 'train_dataloader.dataset' if self.dataset is None else
            'OnlineEvaluationHook.dataset', self.dataset, self.num_images, self.feature)
        self._val = None
        if self.ks and self.val_dataset is not None:
            self._val = OnlineFeatures(runner, 'OnlineEvaluationHook.val_dataset',
                                       self.val_dataset, self.num_images, self.feature)
            for images in (self._val, self._bank):
                check_labels(images.field, images.has_labels)
            check_same_classes(self._val.field, self._val.dataset, self._bank.field,
                               class_names(self._bank.dataset))
        elif self.ks and not self._bank.has_labels:
            self.ks = ()
            runner.logger.info(f'{self._bank.field}: the images have no labels. '
                               'OnlineEvaluationHook logs the effective rank only.')
        if runner.iter == 0:
            self._evaluate(runner, 0)

    def after_train_epoch(self, runner) -> None:
        if self.every_n_epochs(runner, self.interval) or self.is_last_train_epoch(runner):
            self._evaluate(runner, runner.epoch + 1)

    def _evaluate(self, runner, epoch: int) -> None:
        bank = self._bank.extract(runner, with_labels=bool(self.ks))
        query = None if self._val is None else self._val.extract(runner)
        if not is_main_process():
            return
        if not bank[0].isfinite().all():
            runner.logger.warning(
                f'Epoch(online) [{epoch}]: features are not finite; evaluation skipped')
            return
        log_scalars(runner, epoch, self._scores(*bank, query) | {
            'online/effective_rank': effective_rank(bank[0])})

    def _scores(self, bank: Tensor, bank_labels: Tensor | None,
                query: tuple[Tensor, Tensor] | None) -> dict[str, float]:
        if not self.ks:
            return {}
        if query is None:
            query = bank[3::4], bank_labels[3::4]
            kept = [i for i in range(len(bank)) if i % 4 != 3]
            bank, bank_labels = bank[kept], bank_labels[kept]
        scores = knn_scores(query[0], bank, bank_labels, int(bank_labels.max()) + 1, self.ks,
                            self.temperature)
        return {f'online/knn_top1_k{k}': accuracy(score.argmax(dim=1), query[1])
                for k, score in scores.items()}
