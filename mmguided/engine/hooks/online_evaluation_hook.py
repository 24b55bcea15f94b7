"""k-NN accuracy and effective rank while a model trains."""
from collections.abc import Sequence

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from torch import Tensor

from mmguided.analysis import effective_rank
from mmguided.evaluation import check_feature, knn_scores
from mmguided.registry import HOOKS
from mmguided.utils.errors import ConfigError

from ..online_features import OnlineFeatures, accuracy, encoder_of, is_due, log_scalars


@HOOKS.register_module()
class OnlineEvaluationHook(Hook):
    """Before the first epoch, after every ``interval``-th and after the last, logs the k-NN
    accuracy and the effective rank of the frozen features of whole images: in per cent
    ``online/knn_top1_k20``, for each k of ``ks``, and ``online/effective_rank``
    (:func:`mmguided.analysis.effective_rank`), of one pass over the images. Training goes on as if
    it had not been there.

    Args:
        interval: Epochs between evaluations; 0 evaluates before the first and after the last only.
        num_images: Images of each data set that are read, at equal distances in it. For many
            classes take more: of k neighbors no more can be right than the bank has of the class.
        ks: Numbers of neighbors; () leaves k-NN, and the need of labels, out.
        temperature: Temperature of their votes, see :func:`mmguided.evaluation.knn_scores`.
        feature: 'mean' for the mean patch token, 'cls' for [CLS].
        dataset: Config of the data set of the bank, of which the rank is computed too; None is the
            training set. Without a ``pipeline`` images are loaded as in training and resized,
            whole, to the encoder's usual size.
        val_dataset: Config of the data set of the queries, likewise; None takes every fourth image
            of the bank as a query and out of the bank.

    Raises:
        ConfigError: If an option is out of range, images have no labels, the bank holds fewer
            images than the largest k, or a data set has another number of classes; all of it shows
            before the first epoch.
    """

    def __init__(self,
                 interval: int = 5,
                 num_images: int = 4096,
                 ks: Sequence[int] = (20, ),
                 temperature: float = 0.07,
                 feature: str = 'mean',
                 dataset: dict | None = None,
                 val_dataset: dict | None = None) -> None:
        if num_images < 1 or any(k < 1 for k in ks) or temperature <= 0:
            raise ConfigError(f'OnlineEvaluationHook: num_images={num_images}, ks={tuple(ks)} and '
                              f'temperature={temperature} must be positive')
        self.interval = interval
        self.num_images = num_images
        self.ks = tuple(ks)
        self.temperature = temperature
        self.feature = feature
        self.dataset = dataset
        self.val_dataset = val_dataset

    def before_train(self, runner) -> None:
        """Finds the images; evaluates the encoder as initialized."""
        check_feature('OnlineEvaluationHook.feature', encoder_of(runner), self.feature)
        self._bank = OnlineFeatures(
            runner, 'train_dataloader.dataset' if self.dataset is None else
            'OnlineEvaluationHook.dataset', self.dataset, self.num_images, self.feature)
        self._val = None
        if self.ks and self.val_dataset is not None:
            self._val = OnlineFeatures(runner, 'OnlineEvaluationHook.val_dataset',
                                       self.val_dataset, self.num_images, self.feature)
            if self._val.classes != self._bank.classes and self._val.classes is not None:
                raise ConfigError(
                    f'OnlineEvaluationHook.val_dataset has {self._val.classes} classes, and the '
                    f'bank {self._bank.classes}: give it the same `classes`')
        size = len(self._bank) - (len(self._bank) // 4 if self._val is None else 0)
        if self.ks and max(self.ks) > size:
            raise ConfigError(f'OnlineEvaluationHook.ks={self.ks} asks for more neighbors than the '
                              f'{size} images of the bank: set smaller ks, or more num_images')
        if runner.epoch == 0:
            self._evaluate(runner, 0)

    def after_train_epoch(self, runner) -> None:
        if is_due(runner, self.interval):
            self._evaluate(runner, runner.epoch + 1)

    def _evaluate(self, runner, epoch: int) -> None:
        bank = self._bank.extract(runner, with_labels=bool(self.ks))
        query = None if self._val is None else self._val.extract(runner)
        if not is_main_process():
            return
        if not bank[0].isfinite().all():
            runner.logger.warning(
                f'Epoch(online) [{epoch}]: the encoder gives features that are not finite')
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
