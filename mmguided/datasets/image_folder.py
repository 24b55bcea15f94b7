"""Dataset of a folder of images."""
import gc
import logging
import os.path as osp
import pickle
import re
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
import torch
from mmcv.transforms import LoadImageFromFile
from mmengine.fileio import exists, isdir, join_path, list_dir_or_file, list_from_file
from mmengine.logging import print_log
from mmpretrain.datasets import CustomDataset

from mmguided.registry import DATASETS
from mmguided.utils.errors import ConfigError
from mmguided.utils.image_folders import (
    IMAGE_EXTENSIONS,
    find_images,
    find_images_by_folder,
    images_by_class,
    read_classes,
)
from mmguided.utils.images import RASTER_REMEDY, is_decoding_error


class _UnreadableImage(Exception):
    """Raised if a file is missing or cannot be decoded; the cause is chained."""


@DATASETS.register_module()
class ImageFolder(CustomDataset):
    """Images at any depth below a folder, labeled by sub-folder or unlabeled.

    ::

        data_root/                    data_root/
        ├── class_a/                  ├── anything.png
        │   ├── 1.jpg                 └── nested/
        │   └── nested/2.JPEG             └── deeper/3.webp
        └── class_b/3.webp
        (labeled)                    (unlabeled)

    Classes are the first-level sub-folders with images, in alphabetical order, so that ImageNet's
    synset folders get the usual labels 0..999. :func:`mmguided.utils.image_folders.find_images`
    lists the images, and logs the number of files that it leaves out.

    An image is unreadable if its file has been deleted, or if the pipeline's :class:`LoadImage`
    cannot decode it: the file is empty, truncated or not an image, or has more than 8 bits or bands
    other than RGB, gray and alpha (for these, use :class:`LoadRaster`). All other errors are
    raised: errors of the disk or the network (an ``OSError`` with an error number), errors of other
    transforms, and different numbers of bands. ``LoadImage`` rejects all truncated files; with
    mmcv's ``LoadImageFromFile``, some OpenCV versions replace the missing part by gray pixels.

    Args:
        data_root (str): Image folder. ``~`` is expanded.
        data_prefix (str): Sub-folder of ``data_root`` such as ``'train'``. Defaults to ''.
        with_label (bool | str): True if sub-folders are classes. ``'auto'`` means True if
            ``classes`` is given, or if all images are in sub-folders and at least two sub-folders
            have images; the sub-folders ``train`` and ``val`` are an error. Defaults to 'auto'.
        classes (Sequence[str] | str, optional): Sub-folders to use, or a text file with one
            sub-folder per line. The label is the position in this list. Not with ``ann_file``.
        broken (str, optional): Handling of unreadable images. ``'skip'``: warn once per file, count
            it in :attr:`num_broken` and use the next readable image. ``'error'``: stop. Defaults to
            'skip' in training and 'error' with ``test_mode=True``, because a replaced sample would
            change the result.
        extensions (Sequence[str] | str): File extensions of images, case-insensitive. Defaults to
            :data:`mmguided.utils.image_folders.IMAGE_EXTENSIONS`.
        **kwargs: Arguments of mmpretrain's ``CustomDataset``: ``pipeline``, ``test_mode``,
            ``indices``, ``ann_file`` (lines ``path label`` instead of a folder scan; requires
            ``with_label`` True or False), ...

    Raises:
        ConfigError: If the folder is missing, is a file, or has no images; a class is unknown;
            ``classes`` and ``ann_file`` are given; or a line of ``ann_file`` is invalid. It is also
            raised during loading if an image is unreadable and ``broken='error'``, or if all images
            are unreadable.
    """

    def __init__(self, data_root: str = '', data_prefix: str = '', with_label: bool | str = 'auto',
                 classes: Sequence[str] | str | None = None, broken: str | None = None,
                 extensions: Sequence[str] | str = IMAGE_EXTENSIONS, **kwargs) -> None:
        if with_label not in (True, False, 'auto'):
            raise ConfigError(f"with_label={with_label!r}: unknown. Set True, False or 'auto'.")
        if broken not in (None, 'skip', 'error'):
            raise ConfigError(f"broken={broken!r}: unknown. Set 'skip' or 'error'.")
        if kwargs.get('ann_file') and classes is not None:
            raise ConfigError(
                f'classes={classes if isinstance(classes, str) else _some(classes)}: no effect '
                'with an ann_file, which lists images and labels. Remove one of the two; '
                'metainfo=dict(classes=[...]) names the classes of an ann_file.')
        if kwargs.get('ann_file') and with_label == 'auto':
            raise ConfigError("with_label='auto': ambiguous with an ann_file. Set True (lines "
                              "'path label') or False (lines 'path').")
        test_mode = kwargs.get('test_mode', False)
        self.broken = broken or ('error' if test_mode else 'skip')
        self._remedy = ('Set your image folder, for example `--cfg-options '
                        f"{'test' if test_mode else 'train'}_dataloader.dataset.data_root=FOLDER`.")
        if not (data_root or data_prefix):
            raise ConfigError(f'data_root={data_root!r}: empty. {self._remedy}')
        super().__init__(
            data_root=osp.expanduser(data_root or ''),
            data_prefix=data_prefix,
            with_label=with_label,
            classes=None if classes is None else read_classes(classes),
            extensions=[extensions] if isinstance(extensions, str) else extensions,
            **kwargs)
        self.pipeline.transforms = [
            _LoadImage(transform) if isinstance(transform, LoadImageFromFile) else transform
            for transform in self.pipeline.transforms]

    def full_init(self) -> None:
        """Scan the folder once."""
        if self._fully_initialized:
            return
        super().full_init()
        # Forked and spawned workers share this memory. It has a flag per image. Unlike a counter,
        # flags need no lock and count each image once.
        self._is_broken = torch.zeros(len(self), dtype=torch.uint8).share_memory_()

    @property
    def num_broken(self) -> int:
        """Number of different unreadable images found by this process and its workers."""
        return int(self._is_broken.sum())

    def prepare_data(self, idx: int) -> Any:
        """Run the pipeline on image ``idx``, or on the next readable image (see ``broken``)."""
        idx = range(len(self))[idx]  # raises IndexError, which ends a loop over the dataset
        tries, skipped = min(len(self), self.max_refetch + 1), []
        for step in range(tries):
            index = (idx + step) % len(self)
            info = self.get_data_info(index)
            path = info['img_path']
            try:
                results = self.pipeline(info)
            except _UnreadableImage as error:
                cause = error.__cause__
                if self.broken == 'error':
                    raise ConfigError(
                        f'img_path={path!r}: unreadable ({type(cause).__name__}: {cause}). '
                        "Repair or delete the file, or set broken='skip' in the dataset. "
                        f'{RASTER_REMEDY}') from cause
                if not self._is_broken[index]:
                    self._is_broken[index] = 1
                    skipped.append(
                        f'Skipped unreadable image {path!r} ({type(cause).__name__}: {cause}).')
            else:
                # If all images are unreadable, the error below is the only message.
                for message in skipped:
                    print_log(message, logger='current', level=logging.WARNING)
                return results
        raise ConfigError(
            f'data_root={self.data_root!r}: {"all" if tries == len(self) else "the next"} {tries} '
            f'images are unreadable; the last error is {type(cause).__name__}: {cause} ({path!r}). '
            f'Check the files. {RASTER_REMEDY}')

    def load_data_list(self) -> list[dict]:
        """List ``dict(img_path=..., gt_label=...)``, without ``gt_label`` if unlabeled."""
        if self.ann_file and not exists(self.ann_file):
            raise ConfigError(f'ann_file={self.ann_file!r}: does not exist. Correct the path, '
                              'create the file with tools/dataset_converters, or remove ann_file '
                              'to scan the folder.')
        if self.ann_file:
            self._check_lines()
        return super().load_data_list()

    def _serialize_data(self) -> tuple[np.ndarray, np.ndarray]:
        """Serialize as MMEngine does, but without an array per image, to need less memory."""
        file = BytesIO()
        sizes = (file.write(pickle.dumps(info, protocol=4)) for info in self.data_list)
        ends = np.fromiter(sizes, np.int64, len(self.data_list)).cumsum()
        self.data_list.clear()
        gc.collect()
        return np.frombuffer(file.getvalue(), np.uint8), ends

    def _check_lines(self) -> None:
        pattern = re.compile(r'\s*\S.* \d+\s*' if self.with_label else r'.*\S.*')
        for number, line in enumerate(list_from_file(self.ann_file) or [''], 1):
            if not pattern.fullmatch(line):
                form = "'path label' with a label >= 0" if self.with_label else 'a path'
                raise ConfigError(f'ann_file={self.ann_file!r}: line {number} is {line!r}. '
                                  f'Write {form}.')

    def _find_samples(self) -> list:
        """List ``(path, label)`` or ``path``, relative to :attr:`img_prefix`, and set
        ``with_label`` and the class names."""
        # An empty data_prefix adds a trailing slash, so a file would seem to be missing.
        path = self.img_prefix.rstrip('/') or '/'
        extensions = ' '.join(self.extensions)
        if not isdir(path):
            raise ConfigError(f'data_root={self.data_root!r}: {path!r} is '
                              f'{"a file" if exists(path) else "missing"}. {self._remedy}')
        if self.CLASSES is not None:
            by_class = find_images_by_folder(path, [
                name for name in self.CLASSES if isdir(join_path(path, name))], self.extensions)
            if missing := [name for name in self.CLASSES if not by_class.get(name)]:
                folders = sorted(list_dir_or_file(path, list_file=False))
                raise ConfigError(
                    f'classes={_some(missing)}: {len(missing)} of {len(self.CLASSES)} classes have '
                    f'no images ({extensions}) in {path!r}. Choose from the '
                    f'{len(folders)} sub-folders: {_some(folders)}.')
            images = [image for paths in by_class.values() for image in paths]
        else:
            images = find_images(path, self.extensions)
        if not images:
            raise ConfigError(f'data_root={self.data_root!r}: no images ({extensions}) '
                              f'in {self.img_prefix!r}. {self._remedy}')
        if self.with_label == 'auto':
            folders = {image.partition('/')[0] for image in images}
            if self.CLASSES is None and folders >= {'train', 'val'}:
                raise ConfigError(
                    f'data_root={self.data_root!r}: has the sub-folders train and val, which are '
                    f'not classes. Give {join_path(path, "train")!r}, or set with_label=False to '
                    'use all images.')
            self.with_label = self.CLASSES is not None or (
                len(folders) > 1 and all('/' in image for image in images))
        if not self.with_label:
            return images
        if self.CLASSES is None:
            by_class = images_by_class(path, images)
        if not by_class:
            raise ConfigError(
                f'with_label=True: {self.img_prefix!r} has no sub-folder with images. Put each '
                'class into a sub-folder, or set with_label=False.')
        self._metainfo['classes'] = tuple(by_class)
        return [(path, label) for label, paths in enumerate(by_class.values()) for path in paths]


class _LoadImage:
    """Wrap a loading transform. Raise :class:`_UnreadableImage` if a file is missing or cannot be
    decoded, and ConfigError if its number of bands or its type differs from that of the first
    image."""

    def __init__(self, transform: LoadImageFromFile) -> None:
        self.wrapped = transform
        # Bands, type and path of this process's first image.
        self._first: tuple[int, np.dtype, str] | None = None

    def __call__(self, info: dict) -> dict | None:
        results = self._load(info)
        image = (results or {}).get('img')
        if image is not None and image.ndim == 3:
            path, bands = info['img_path'], image.shape[2]
            expected, dtype, first = self._first = self._first or (bands, image.dtype, path)
            if bands != expected:
                raise ConfigError(
                    f'img_path={path!r}: has {bands} bands, but {first!r} has {expected}. Set the '
                    'bands of mmguided.LoadRaster, for example '
                    f'bands={list(range(max(bands, expected)))}; files without one of them are '
                    'unreadable.')
            if image.dtype != dtype:
                raise ConfigError(
                    f'img_path={path!r}: is loaded as {image.dtype}, but {first!r} as {dtype}. '
                    "Store all images with the same depth, or set scaling='percentile' in "
                    'mmguided.LoadRaster.')
        return results

    def _load(self, info: dict) -> dict | None:
        try:
            return self.wrapped(info)
        except (MemoryError, ImportError, ConfigError):
            raise
        except Exception as error:
            if is_decoding_error(error) or isinstance(error, FileNotFoundError):
                raise _UnreadableImage from error
            raise

    def __repr__(self) -> str:
        return repr(self.wrapped)


def _some(names: Sequence[str], limit: int = 5) -> str:
    return ', '.join(names[:limit]) + (', ...' if len(names) > limit else '')
