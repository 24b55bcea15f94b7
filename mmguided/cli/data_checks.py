"""Checks on built datasets, run before training and testing.

Each check raises ConfigError with the field, its value and the remedy.
"""
import logging
import os
from collections import Counter
from collections.abc import Sequence

import numpy as np
from mmcv.transforms import LoadAnnotations
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log
from mmengine.runner import Runner
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from mmguided.utils.classes import check_same_classes, class_names
from mmguided.utils.coco_files import read_coco
from mmguided.utils.configs import walk
from mmguided.utils.errors import ConfigError
from mmguided.utils.images import read_image
from mmguided.utils.modules import unwrap_ddp
from mmguided.utils.rng_state import preserve_rng_state

#: Number of label maps that are read before training.
NUM_LABEL_MAPS = 200


def check_training_data(runner: Runner) -> None:
    """Check that the training data fill a batch, that the model has all of their classes, that the
    validation data have the same classes, and that dense annotations fit the classes."""
    for field in ('train_dataloader', 'val_dataloader'):
        check_coco_files(f'{field}.dataset', runner.cfg.get(field))
    loader = runner.train_dataloader
    if not len(loader):
        raise ConfigError(
            f'train_dataloader.batch_size={loader.batch_size}: {len(loader.dataset)} images over '
            f'{runner.world_size} processes do not fill a batch. Set '
            '`--cfg-options train_dataloader.batch_size=N` to a smaller number.')
    check_labels('train_dataloader.dataset', loader.dataset, runner.cfg)
    check_label_maps('train_dataloader.dataset', loader.dataset)
    read_first('train_dataloader', loader, runner)
    if runner.cfg.get('val_dataloader'):
        validation = runner.val_dataloader.dataset
        check_labels('val_dataloader.dataset', validation, runner.cfg)
        check_label_maps('val_dataloader.dataset', validation)
        read_first('val_dataloader', runner.val_dataloader, runner)
        check_same_classes('val_dataloader.dataset', validation,
                           'train_dataloader.dataset', class_names(loader.dataset))


def read_first(field: str, loader: DataLoader, runner: Runner) -> None:
    """Load the first image as a batch in this process, so that an error names the transform, and
    check that the encoder takes the channels of the image. Without this check, a mistake in the
    validation data would stop the run only after the first epochs."""
    try:
        with preserve_rng_state():
            batch = loader.collate_fn([loader.dataset[0]])
    except Exception as error:
        error.config_field = field
        raise
    expected = getattr(getattr(unwrap_ddp(runner.model), 'backbone', None), 'in_channels', None)
    images = batch.get('inputs') if isinstance(batch, dict) else None
    for view in images if isinstance(images, list) else [images]:
        # Encoded files have one axis. The normalization broadcasts a single channel.
        if isinstance(view, Tensor) and view.ndim >= 3 and expected and view.shape[-3] not in (
                1, expected):
            raise ConfigError(
                f'model.backbone.in_channels={expected}: the first image of {field} has '
                f'{view.shape[-3]} channels. Set `--cfg-options model.backbone.in_channels='
                f'{view.shape[-3]}`, or select the bands in LoadRaster.')


def check_test_data(runner: Runner) -> None:
    """Check that the model has all classes of the test data, that dense annotations fit the
    classes, and that the bank of a k-NN classifier has the same classes."""
    # Imported late because import_toolboxes must be the first to import mmpretrain.
    from mmguided.evaluation import KNNClassifier
    check_coco_files('test_dataloader.dataset', runner.cfg.test_dataloader)
    dataset = runner.test_dataloader.dataset
    check_labels('test_dataloader.dataset', dataset, runner.cfg)
    check_label_maps('test_dataloader.dataset', dataset)
    read_first('test_dataloader', runner.test_dataloader, runner)
    model = unwrap_ddp(runner.model)
    if isinstance(model, KNNClassifier):
        # Build the loader here and pass it to the model, so that the folder is listed only once.
        model.bank_dataloader = Runner.build_dataloader(model.bank_dataloader)
        check_same_classes('test_dataloader.dataset', dataset, 'model.bank_dataloader.dataset',
                           class_names(model.bank_dataloader.dataset))


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
    num = len(class_names(dataset))
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


def check_coco_files(field: str, loader: dict | None) -> None:
    """Check the annotation files of mmdet's ``CocoDataset`` against the configured classes, before
    the dataset is built. mmdet ignores unknown classes and numbers classes in the order of the
    file; a missing field stops training at the first use of the annotation."""
    for name, node in walk((loader or {}).get('dataset'), field):
        if not isinstance(node, dict) or not node.get('ann_file') or (
                str(node.get('type')).rpartition('.')[2] != 'CocoDataset'):
            continue
        path = os.path.join(node.get('data_root') or '', node['ann_file'])
        if os.path.isfile(path):  # mmdet reports missing files and reads remote ones
            _check_coco_file(name, path, node)


def _check_coco_file(field: str, path: str, cfg: dict) -> None:
    from mmdet.datasets import CocoDataset
    required = ['id', 'image_id', 'category_id', 'bbox', 'area']
    if not field.startswith('train'):
        required.append('iscrowd')  # read by the metric only
    if any(isinstance(node, dict) and node.get('with_mask')
           for _, node in walk(cfg.get('pipeline'), '')):
        required.append('segmentation')
    content = read_coco(path, f'{field}.ann_file', required)
    ids = {category['name']: category['id'] for category in content['categories']}
    classes = list(CocoDataset._load_metainfo(cfg.get('metainfo'))['classes'])
    start = f'{field}.metainfo.classes={_some(classes)}'
    if unknown := [name for name in classes if name not in ids]:
        raise ConfigError(f'{start}: {len(unknown)} of {len(classes)} classes ({_some(unknown)}) '
                          f'are not in {path!r}, which has {_some([*ids])}. Set the classes of the '
                          'file, in the order of the file.')
    ordered = [name for name in ids if name in classes]
    if classes != ordered:
        raise ConfigError(f'{start}: the order differs from {path!r}, which defines the labels. '
                          f'Set metainfo.classes=({_some(ordered, len(ordered))}).')
    counts = Counter(annotation['category_id'] for annotation in content['annotations'])
    empty = [name for name in classes if not counts[ids[name]]]
    if counts and len(empty) == len(classes):
        raise ConfigError(f'{start}: {path!r} has no annotation of these classes. Correct '
                          'category_id in the file, or set other classes.')
    if empty:
        print_log(f'{field}: {path!r} has no annotation of {len(empty)} of {len(classes)} classes '
                  f'({_some(empty)}).', logger='current', level=logging.WARNING)


def check_label_maps(field: str, dataset: Dataset) -> None:
    """Check up to :data:`NUM_LABEL_MAPS` label maps of mmseg's datasets, evenly spaced, as the
    pipeline loads them: one channel, labels below the number of classes, and at least two classes
    in training. One line of the log names classes without a pixel."""
    for part in getattr(dataset, 'datasets', [getattr(dataset, 'dataset', dataset)]):
        steps = getattr(getattr(part, 'pipeline', None), 'transforms', ())
        load = next((step for step in steps
                     if isinstance(step, LoadAnnotations) and step.with_seg), None)
        info = part.get_data_info(0) if load and len(part) else {}
        if 'label_map' in info and '://' not in info['seg_map_path']:
            _check_label_maps(field, part, load)


def _check_label_maps(field: str, dataset: Dataset, load: LoadAnnotations) -> None:
    # Imported late because import_toolboxes must be the first to import mmpretrain.
    from mmguided.datasets.analysis_images import subsample
    classes, ignored = class_names(dataset), dataset.ignore_index
    counts = np.zeros(256, int)
    indices = subsample(range(len(dataset)), NUM_LABEL_MAPS)
    for index in indices:
        info = dataset.get_data_info(index)
        path = info['seg_map_path']
        image = read_image(path, f'{field}: seg_map_path', raw=True)
        if len(image.getbands()) > 1 or np.max(image) > 255:
            raise ConfigError(f'{field}: seg_map_path={path!r}: unsupported image mode '
                              f'{image.mode}. Give 8-bit label maps with one channel.')
        found = np.bincount(load(info)['gt_seg_map'].ravel(), minlength=256)
        unknown = [label for label in np.flatnonzero(found).tolist()
                   if label >= len(classes) and label != ignored]
        if unknown:
            raise ConfigError(
                f'{field}: seg_map_path={path!r}: has the label {unknown[0]}, but the labels of '
                f'the {len(classes)} classes ({_some(classes)}) are 0 to {len(classes) - 1}, and '
                f'{ignored} is ignored. Correct the file, metainfo.classes or reduce_zero_label.')
        counts += found
    empty = [name for name, count in zip(classes, counts, strict=False) if not count]
    sample = f'{len(indices)} of {len(dataset)} label maps'
    if len(classes) > 1 and len(empty) >= len(classes) - 1 and field.startswith('train'):
        raise ConfigError(
            f'{field}.metainfo.classes={_some(classes)}: {sample} have no pixel of '
            f'{_some(empty)}, but {counts[ignored]} pixels with the ignored label {ignored}. '
            'Correct the label maps, metainfo.classes or reduce_zero_label.')
    if empty:
        print_log(f'{field}: {sample} have no pixel of {len(empty)} of {len(classes)} classes '
                  f'({_some(empty)}).', logger='current', level=logging.WARNING)


def _some(names: Sequence[str], limit: int = 5) -> str:
    return ', '.join(map(repr, names[:limit])) + (', ...' if len(names) > limit else '')


def _has_annotated_labels(dataset: Dataset) -> bool:
    """Return True if a file states one label per image; class folders need no check."""
    return bool(hasattr(dataset, 'get_gt_labels') and len(dataset)
                and (dataset.ann_file or not class_names(dataset))
                and isinstance(dataset.get_data_info(0).get('gt_label'), int))
