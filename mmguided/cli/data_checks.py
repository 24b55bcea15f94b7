"""What can be wrong in data sets, as far as it shows once they are built and before they are used.

Every check raises ConfigError with the field, its value and the remedy.
"""
import os.path as osp
from collections.abc import Sequence

from mmengine.config import Config
from mmengine.runner import Runner
from torch.utils.data import Dataset

from mmguided.utils.configs import walk
from mmguided.utils.errors import ConfigError
from mmguided.utils.modules import unwrap_ddp


def check_training_data(runner: Runner) -> None:
    """Check that the training data give a batch, that the model has all of their classes, and that
    the validation data have the same."""
    loader = runner.train_dataloader
    if not len(loader):
        raise ConfigError(
            f'train_dataloader.batch_size={loader.batch_size}: {len(loader.dataset)} images over '
            f'{runner.world_size} processes are less than one batch; set '
            '`--cfg-options train_dataloader.batch_size=N` to a smaller number')
    check_labels('train_dataloader.dataset', loader.dataset, runner.cfg)
    if runner.cfg.get('val_dataloader'):
        validation = runner.val_dataloader.dataset
        check_labels('val_dataloader.dataset', validation, runner.cfg)
        check_same_classes('val_dataloader.dataset', validation,
                           'train_dataloader.dataset', loader.dataset)


def check_test_data(runner: Runner) -> None:
    """Check that the model has all classes of the test data, and the bank of a k-NN the same."""
    # Only here: mmpretrain is imported by :func:`mmguided.utils.toolboxes.import_toolboxes`.
    from mmguided.evaluation import KNNClassifier
    dataset = runner.test_dataloader.dataset
    check_labels('test_dataloader.dataset', dataset, runner.cfg)
    model = unwrap_ddp(runner.model)
    if isinstance(model, KNNClassifier):
        # The loader that the model would build, so that its folder is read once.
        model.bank_dataloader = Runner.build_dataloader(model.bank_dataloader)
        check_same_classes('test_dataloader.dataset', dataset,
                           'model.bank_dataloader.dataset', model.bank_dataloader.dataset)


def check_labels(field: str, dataset: Dataset, cfg: Config) -> None:
    """Check that every ``num_classes`` of the model covers the classes of a data set and the labels
    of its label file, and that the images which that file names are there."""
    outputs = [(name, value) for name, value in walk(cfg.model, 'model')
               if name.endswith('.num_classes') and isinstance(value, int)]
    if not outputs:
        return
    num = len(_names(dataset))
    _check_outputs(outputs, num, f'the data set has {num} classes', '')
    if not _has_label_file(dataset):
        return
    labels = dataset.get_gt_labels()
    lowest, highest = int(labels.min()), int(labels.max())
    if lowest < 0:
        raise ConfigError(f'{_root(field, dataset)}: the label of image {int(labels.argmin())} is '
                          f'{lowest}, and the first class has 0; mend its label file')
    _check_outputs(outputs, highest + 1, f'{field} has labels from {lowest} to {highest}',
                   ', or mend its label file')
    _check_images(field, dataset)


def check_same_classes(field: str, dataset: Dataset, other_field: str, other: Dataset) -> None:
    """Check that two data sets have the same classes in the same order, where both name them."""
    names, expected = _names(dataset), _names(other)
    if not names or not expected or names == expected:
        return
    missing, new = (sorted(set(a) - set(b)) for a, b in ((expected, names), (names, expected)))
    found = ([f'lacks {_few(missing)}'] if missing else []) + ([f'has also {_few(new)}'] if new
                                                              else [])
    raise ConfigError(f'{_root(field, dataset)}: its classes are not those of {other_field}, whose '
                      f'order gives the labels: it {" and ".join(found) or "has another order"}; '
                      'give both the same classes, each with an image')


def _check_outputs(outputs: list[tuple[str, int]], num: int, what: str, also: str) -> None:
    for name, value in outputs:
        if value < num:
            raise ConfigError(f'{name}={value}: {what}; set `--cfg-options {name}={num}`{also}')


def _names(dataset: Dataset) -> tuple[str, ...]:
    return tuple(getattr(dataset, 'metainfo', {}).get('classes') or ())


def _has_label_file(dataset: Dataset) -> bool:
    """Whether labels, one for each image, come from a file; those of class folders are right."""
    return bool(hasattr(dataset, 'get_gt_labels') and len(dataset)
                and (dataset.ann_file or not _names(dataset))
                and isinstance(dataset.get_data_info(0).get('gt_label'), int))


def _check_images(field: str, dataset: Dataset) -> None:
    """Check the first and the last image: of a wrong folder, both are missing."""
    for index in (0, len(dataset) - 1):
        path = dataset.get_data_info(index).get('img_path')
        if path and '://' not in path and not osp.isfile(path):
            raise ConfigError(f'{_root(field, dataset)}: no file {path!r}, which the label file '
                              'names; put the images there, or mend `data_root` or `data_prefix`')


def _root(field: str, dataset: Dataset) -> str:
    return f'{field}.data_root={getattr(dataset, "data_root", "")!r}'


def _few(names: Sequence[str]) -> str:
    return f'{", ".join(map(repr, names[:3]))}{", ..." if len(names) > 3 else ""}'
