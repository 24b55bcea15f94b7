"""Checks on built datasets, run before training and testing.

Each check raises ConfigError with the field, its value and the remedy.
"""
import numpy as np
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.runner import Runner
from torch.utils.data import Dataset

from mmguided.utils.configs import walk
from mmguided.utils.errors import ConfigError
from mmguided.utils.modules import unwrap_ddp


def check_training_data(runner: Runner) -> None:
    """Check that the training data fill a batch, that the model has all of their classes, and that
    the validation data have the same classes."""
    loader = runner.train_dataloader
    if not len(loader):
        raise ConfigError(
            f'train_dataloader.batch_size={loader.batch_size}: {len(loader.dataset)} images over '
            f'{runner.world_size} processes do not fill a batch. Set '
            '`--cfg-options train_dataloader.batch_size=N` to a smaller number.')
    check_labels('train_dataloader.dataset', loader.dataset, runner.cfg)
    if runner.cfg.get('val_dataloader'):
        validation = runner.val_dataloader.dataset
        check_labels('val_dataloader.dataset', validation, runner.cfg)
        check_same_classes('val_dataloader.dataset', validation,
                           'train_dataloader.dataset', loader.dataset)


def check_test_data(runner: Runner) -> None:
    """Check that the model has all classes of the test data, and that the bank of a k-NN classifier
    has the same classes."""
    # Imported late because import_toolboxes must be the first to import mmpretrain.
    from mmguided.evaluation import KNNClassifier
    dataset = runner.test_dataloader.dataset
    check_labels('test_dataloader.dataset', dataset, runner.cfg)
    model = unwrap_ddp(runner.model)
    if isinstance(model, KNNClassifier):
        # Build the loader here and pass it to the model, so that the folder is listed only once.
        model.bank_dataloader = Runner.build_dataloader(model.bank_dataloader)
        check_same_classes('test_dataloader.dataset', dataset,
                           'model.bank_dataloader.dataset', model.bank_dataloader.dataset)


def describe_test_data(dataset: Dataset) -> dict[str, float]:
    """Number of test samples and, if each sample has one label, the chance level of the accuracy.
    """
    from mmguided.evaluation import chance_level
    facts = dict(samples=len(dataset))
    if isinstance(dataset, BaseDataset) and len(dataset) and np.ndim(
            dataset.get_data_info(0).get('gt_label', ())) == 0:
        facts['chance'] = chance_level(dataset)
    return facts


def check_labels(field: str, dataset: Dataset, cfg: Config) -> None:
    """Check that every ``num_classes`` of the model covers the classes of a dataset and the labels
    of its annotation file."""
    outputs = [(name, value) for name, value in walk(cfg.model, 'model')
               if name.endswith('.num_classes') and isinstance(value, int)]
    num = len(_names(dataset))
    if outputs and _has_annotated_labels(dataset):
        labels = dataset.get_gt_labels()
        if labels.min() < 0:  # metrics would silently count negative labels as errors
            raise ConfigError(f'{field}: image {labels.argmin()} has the label {labels.min()}. '
                              'Labels count from 0; correct the annotation file.')
        num = max(num, int(labels.max()) + 1)
    for name, value in outputs:
        if value < num:
            raise ConfigError(f'{name}={value}: {field} has {num} classes; its labels count from '
                              f'0. Set `--cfg-options {name}={num}`, or correct the labels.')


def check_same_classes(field: str, dataset: Dataset, other_field: str, other: Dataset) -> None:
    """Check that two datasets have the same classes in the same order, if both name them."""
    names, expected = _names(dataset), _names(other)
    if names and expected and names != expected:
        different = sorted({*names} ^ {*expected})
        raise ConfigError(
            f'{field}.data_root={getattr(dataset, "data_root", "")!r}: the classes, and thus the '
            f'labels, differ from {other_field} ({", ".join(different[:3]) or "in their order"}). '
            'Give both datasets the same classes, each with an image.')


def _names(dataset: Dataset) -> tuple[str, ...]:
    return tuple(getattr(dataset, 'metainfo', {}).get('classes') or ())


def _has_annotated_labels(dataset: Dataset) -> bool:
    """Return True if a file states one label per image; class folders need no check."""
    return bool(hasattr(dataset, 'get_gt_labels') and len(dataset)
                and (dataset.ann_file or not _names(dataset))
                and isinstance(dataset.get_data_info(0).get('gt_label'), int))
