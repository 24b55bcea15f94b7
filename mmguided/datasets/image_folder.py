"""Any folder of images as a dataset."""
import logging
import os.path as osp
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from mmcv.transforms import LoadImageFromFile
from mmengine.fileio import exists, isdir, join_path, list_dir_or_file, list_from_file
from mmengine.logging import print_log
from mmpretrain.datasets import CustomDataset

from mmguided.registry import DATASETS
from mmguided.utils.errors import ConfigError

# What OpenCV and Pillow both read; GIF is left out because OpenCV may be built without it.
IMAGE_EXTENSIONS = ('.jpg', '.jpeg', '.png', '.webp', '.bmp', '.tif', '.tiff', '.ppm', '.pgm')


class _UnreadableImage(Exception):
    """The loading transform could not decode a file; the cause is chained."""


@DATASETS.register_module()
class ImageFolder(CustomDataset):
    """Images below a folder at any depth, labeled by sub-folder or not.

    ::

        data_root/                    data_root/
        ├── class_a/                  ├── anything.png
        │   ├── 1.jpg                 └── nested/
        │   └── nested/2.JPEG             └── deeper/3.webp
        └── class_b/3.webp
        (labeled)                    (unlabeled)

    Classes are the first-level sub-folders that hold images, in alphabetical order, so that
    ImageNet's synset folders get its usual labels 0..999. Names that start with a dot are ignored.

    Unreadable images: a file counts as unreadable when the pipeline's :class:`LoadImageFromFile`
    cannot decode it: empty, truncated, or no image. Failures of the disk or the network (an
    ``OSError`` with an error number) and of any other transform are raised as they are. Use
    ``LoadImageFromFile(imdecode_backend='pillow')``: it rejects every truncated file, while some
    OpenCV versions quietly return the missing part as a gray area.

    Args:
        data_root (str): The folder. ``~`` is expanded.
        data_prefix (str): Sub-folder of ``data_root`` such as ``'train'``. Defaults to ''.
        with_label (bool | str): Whether sub-folders are classes. ``'auto'``: they are when no image
            lies directly in the folder and at least two sub-folders hold images, or when
            ``classes`` is given. Defaults to 'auto'.
        classes (Sequence[str] | str, optional): Sub-folders to use (all others are ignored), or a
            text file that names one per line; the label is the position in this list.
        broken (str, optional): What to do about an unreadable image. ``'skip'``: warn once with its
            path, count it in :attr:`num_broken` and take the next readable image in index order.
            ``'error'``: stop. Defaults to 'skip' in training and 'error' with ``test_mode=True``,
            where a replaced sample would falsify the result.
        extensions (Sequence[str]): File name endings of images, in any case. Defaults to
            :data:`IMAGE_EXTENSIONS`.
        lazy_init (bool): Whether to leave the folder unread until first use. Defaults to False.
        **kwargs: Of mmpretrain's ``CustomDataset``: ``pipeline``, ``test_mode``, ``indices``,
            ``ann_file`` (lines ``path label`` instead of a folder scan; ``with_label`` must then be
            True or False), ...

    Raises:
        ConfigError: The folder is missing, is a file, or holds no images; a class is unknown; a
            line of ``ann_file`` is not as above; in use, an image is unreadable with
            ``broken='error'``, or all images are unreadable.
    """

    def __init__(self,
                 data_root: str = '',
                 data_prefix: str = '',
                 with_label: bool | str = 'auto',
                 classes: Sequence[str] | str | None = None,
                 broken: str | None = None,
                 extensions: Sequence[str] = IMAGE_EXTENSIONS,
                 lazy_init: bool = False,
                 **kwargs) -> None:
        if with_label not in (True, False, 'auto'):
            raise ConfigError(f"with_label={with_label!r}: use True, False or 'auto'.")
        if broken not in (None, 'skip', 'error'):
            raise ConfigError(f"broken={broken!r}: use 'skip' or 'error'.")
        if kwargs.get('ann_file') and with_label == 'auto':
            raise ConfigError("with_label='auto' with an ann_file: say True (lines 'path label') "
                              "or False (lines 'path').")
        test_mode = kwargs.get('test_mode', False)
        self.broken = broken or ('error' if test_mode else 'skip')
        self._remedy = ('Point it at your images, e.g. `--cfg-options '
                        f"{'test' if test_mode else 'train'}_dataloader.dataset.data_root=FOLDER`.")
        if not (data_root or data_prefix):
            raise ConfigError(f'data_root={data_root!r} names no folder. {self._remedy}')
        super().__init__(
            data_root=osp.expanduser(data_root or ''),
            data_prefix=data_prefix,
            with_label=with_label,
            classes=None if classes is None else _read_classes(classes),
            extensions=extensions,
            lazy_init=lazy_init,
            **kwargs)
        # In the pipeline, so that it runs, and can be inspected, as every other.
        self.pipeline.transforms = [
            _LoadImage(transform) if isinstance(transform, LoadImageFromFile) else transform
            for transform in self.pipeline.transforms]

    def full_init(self) -> None:
        """Reads the folder (once)."""
        if self._fully_initialized:
            return
        super().full_init()
        # One flag per image in memory shared with the dataloader's workers, forked or spawned.
        # Flags, unlike a counter, need no lock and count an image once however often it is met.
        self._is_broken = torch.zeros(len(self), dtype=torch.uint8).share_memory_()

    @property
    def num_broken(self) -> int:
        """Number of different unreadable images met so far by this process and its workers."""
        return int(self._is_broken.sum())

    def prepare_data(self, idx: int) -> Any:
        """Runs the pipeline on image ``idx``, or on the next readable one (see ``broken``)."""
        tries = min(len(self), self.max_refetch + 1)
        for step in range(tries):
            index = (idx + step) % len(self)
            info = self.get_data_info(index)
            path = info['img_path']
            try:
                return self.pipeline(info)
            except _UnreadableImage as error:
                cause = error.__cause__
                if self.broken == 'error':
                    raise ConfigError(
                        f'{path!r} is not a readable image ({type(cause).__name__}: {cause}). '
                        "Repair or delete it, or set `broken='skip'` in the dataset config."
                    ) from cause
                if not self._is_broken[index]:
                    self._is_broken[index] = 1
                    print_log(
                        f'Skipped unreadable image {path!r} ({type(cause).__name__}: {cause}).',
                        logger='current',
                        level=logging.WARNING)
        raise ConfigError(
            f'data_root={self.data_root!r}: {"all" if tries == len(self) else "the next"} {tries} '
            f'images are unreadable, the last one {path!r} ({type(cause).__name__}: {cause}). '
            'Check the files and LoadImageFromFile in the pipeline.')

    def load_data_list(self) -> list[dict]:
        """Lists ``dict(img_path=..., gt_label=...)``, without label when unlabeled."""
        if self.ann_file and not exists(self.ann_file):
            raise ConfigError(f'ann_file={self.ann_file!r} does not exist. Mend the path, write '
                              'it by a tool of tools/dataset_converters, or leave it out to scan '
                              'the folder.')
        if self.ann_file:
            self._check_lines()
        return super().load_data_list()

    def _check_lines(self) -> None:
        lines = list_from_file(self.ann_file)
        if not lines:
            raise ConfigError(f'ann_file={self.ann_file!r} names no images. Write it anew.')
        if self.with_label:
            pattern = re.compile(r'\s*\S.* \d+\s*')
            for number, line in enumerate(lines, 1):
                if not pattern.fullmatch(line):
                    raise ConfigError(f'ann_file={self.ann_file!r}, line {number}: {line!r} is not '
                                      "'path label' with a label from 0 on. Mend or delete it.")

    def _find_samples(self) -> list:
        """Lists ``(path, label)`` or ``path``, relative to :attr:`img_prefix`, and settles
        ``with_label`` and the class names."""
        self._check_folder()
        if self.CLASSES is not None:
            by_class = {name: self._images_below(name) for name in self._known_classes()}
            images = [path for paths in by_class.values() for path in paths]
            if empty := [name for name, paths in by_class.items() if not paths]:
                raise ConfigError(f'classes: no images in {_some(empty)} of {self.img_prefix!r}. '
                                  f'Known extensions: {self._known_extensions}.')
            loose = []
        else:
            images = self._images_below()
            by_class, loose = _group_by_folder(images)
        if not images:
            self._raise_no_images()

        if self.with_label == 'auto':
            self.with_label = self.CLASSES is not None or (not loose and len(by_class) > 1)
        if not self.with_label:
            return images
        if not by_class:
            raise ConfigError(
                f'with_label=True, but all images lie directly in {self.img_prefix!r}: put each '
                'class into a sub-folder of its own, or set `with_label=False`.')
        if loose:
            self._warn(f'{len(loose)} images directly in {self.img_prefix!r} have no class and are '
                       f'left out: {_some(loose)}.')
        self._metainfo['classes'] = tuple(by_class)
        return [(path, label) for label, paths in enumerate(by_class.values()) for path in paths]

    def _check_folder(self) -> None:
        # Joining an empty data_prefix leaves a slash, with which a file would not exist.
        path = self.img_prefix.rstrip('/') or '/'
        where = f'data_root={self.data_root!r}'
        if path != self.data_root.rstrip('/'):
            where += f' with data_prefix, that is {path!r},'
        if not exists(path):
            raise ConfigError(f'{where} does not exist. {self._remedy}')
        if not isdir(path):
            raise ConfigError(f'{where} is a file, not a folder. {self._remedy}')

    def _known_classes(self) -> tuple[str, ...]:
        unknown = [name for name in self.CLASSES if not isdir(join_path(self.img_prefix, name))]
        if unknown:
            folders = sorted(list_dir_or_file(self.img_prefix, list_file=False))
            raise ConfigError(
                f'classes: {len(unknown)} of {len(self.CLASSES)} are no sub-folders of '
                f'{self.img_prefix!r}: {_some(unknown)}. It has {len(folders)}: {_some(folders)}.')
        return self.CLASSES

    def _images_below(self, folder: str = '') -> list[str]:
        """Paths of images, relative to :attr:`img_prefix`, below one of its sub-folders."""
        root = join_path(self.img_prefix, folder) if folder else self.img_prefix
        files = (file.replace(osp.sep, '/') for file in list_dir_or_file(
            root, list_dir=False, recursive=True))
        return sorted(f'{folder}/{file}' if folder else file for file in files
                      if self.is_valid_file(file) and '/.' not in f'/{file}')

    def _raise_no_images(self) -> None:
        files = sorted(list_dir_or_file(self.img_prefix, list_dir=False, recursive=True))
        found = f'{len(files)} files, but no images ({_some(files)})' if files else 'no files'
        raise ConfigError(f'data_root={self.data_root!r}: {self.img_prefix!r} holds {found}. '
                          f'Known extensions: {self._known_extensions}. {self._remedy}')

    @property
    def _known_extensions(self) -> str:
        return ' '.join(sorted(self.extensions))

    @staticmethod
    def _warn(message: str) -> None:
        print_log(message, logger='current', level=logging.WARNING)


class _LoadImage:
    """Runs a loading transform, and tells content that it cannot decode from other failures."""

    def __init__(self, transform: LoadImageFromFile) -> None:
        self.transform = transform

    def __call__(self, info: dict) -> dict | None:
        try:
            return self.transform(info)
        except (MemoryError, ImportError):
            raise
        except Exception as error:
            # Decoders fail on bad content in many ways (AssertionError, cv2.error, SyntaxError,
            # ValueError, OSError, ...), but only the operating system gives an OSError its number.
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise _UnreadableImage from error

    def __repr__(self) -> str:
        return repr(self.transform)


def _read_classes(classes: Sequence[str] | str) -> list[str]:
    if isinstance(classes, str):
        path = osp.expanduser(classes)
        if not exists(path):
            raise ConfigError(
                f'classes={classes!r}: no such file. Write the names of sub-folders into it, one '
                'per line; tools/dataset_converters/make_imagenet_subset.py can draw them.')
        names = [line.strip() for line in list_from_file(path) if line.strip()]
    else:
        names = list(classes)
    if not names:
        raise ConfigError(f'classes={classes!r} names no class.')
    if repeated := [name for name, count in Counter(names).items() if count > 1]:
        raise ConfigError(f'classes={classes!r} names {_some(repeated)} more than once.')
    return names


def _group_by_folder(images: list[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Splits relative paths into those of each first-level folder and those outside of any."""
    by_folder: dict[str, list[str]] = {}
    loose = []
    for path in images:
        folder, _, rest = path.partition('/')
        if rest:
            by_folder.setdefault(folder, []).append(path)
        else:
            loose.append(path)
    # Sorting paths is not sorting folders: 'a-b/x' < 'a/x' although 'a' < 'a-b'.
    return dict(sorted(by_folder.items())), loose


def _some(names: Sequence[str], limit: int = 5) -> str:
    return ', '.join(names[:limit]) + (', ...' if len(names) > limit else '')
