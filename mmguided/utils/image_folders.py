"""List the images of a folder: the rule of all datasets and tools."""
import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from os.path import commonpath, isdir, isfile, realpath
from pathlib import Path

from mmengine.fileio import exists, list_dir_or_file, list_from_file
from mmengine.logging import print_log

from .errors import ConfigError

# Formats that OpenCV and Pillow both read. GIF is excluded because OpenCV may be built without it.
IMAGE_EXTENSIONS = ('.jpg', '.jpeg', '.jfif', '.png', '.webp', '.bmp', '.tif', '.tiff', '.ppm',
                    '.pgm')

#: Reason -> names of files and folders.
LeftOut = dict[str, list[str]]


def read_names(path: str | os.PathLike) -> list[str]:
    """Lines of a text file without outer blanks, except empty lines. Names may contain blanks."""
    return [line.strip() for line in list_from_file(path) if line.strip()]


def read_classes(classes: Sequence[str] | str) -> list[str]:
    """Names of classes, which are folders: a list, or a text file with one per line.

    Raises:
        ConfigError: If the file is missing, or the list is empty or repeats a name.
    """
    if isinstance(classes, str):
        path = os.path.expanduser(classes)
        if not exists(path):
            raise ConfigError(
                f'classes={classes!r}: the file does not exist. Write one sub-folder per line '
                'into it, or create it with tools/dataset_converters/make_imagenet_subset.py.')
        names = read_names(path)
    else:
        names = list(classes)
    if not names:
        raise ConfigError(f'classes={classes!r}: empty. Name one or more sub-folders.')
    if repeated := [name for name, count in Counter(names).items() if count > 1]:
        raise ConfigError(f'classes={classes!r}: {repeated[0]} is repeated. Name each once.')
    return names


def find_images(folder: str | os.PathLike, extensions: Sequence[str] = IMAGE_EXTENSIONS
                ) -> list[str]:
    """Sorted relative paths of the images at any depth below a folder.

    Links are followed. These names are left out: names that start with a dot, files with another
    extension, broken links, links to a folder that contains the link, and everything else that is
    not a file, such as a pipe. Their number is logged; a folder counts once.

    Args:
        extensions: File extensions of images, case-insensitive.
    """
    return find_images_by_folder(folder, ('', ), extensions)['']


def find_images_by_folder(folder: str | os.PathLike, subfolders: Iterable[str],
                          extensions: Sequence[str] = IMAGE_EXTENSIONS) -> dict[str, list[str]]:
    """Images in each sub-folder of a folder, see :func:`find_images`."""
    root, left_out = os.fspath(folder), {}
    images = {name: sorted(_images(root, name, extensions, left_out)) for name in subfolders}
    if left_out:
        counts = '; '.join(f'{reason}: {len(names)}, for example {min(names)!r}'
                           for reason, names in sorted(left_out.items()))
        print_log(f'{root!r}: {sum(map(len, images.values()))} images found. Left out: {counts}.',
                  logger='current', level=logging.WARNING)
    return images


def images_by_class(folder: str | os.PathLike, images: Sequence[str]) -> dict[str, list[str]]:
    """Group the relative paths of images by first-level folder, in alphabetical order. One line of
    the log counts the images outside of these folders."""
    by_class: dict[str, list[str]] = {}
    for path in images:
        by_class.setdefault(path.rpartition('/')[0].partition('/')[0], []).append(path)
    if loose := by_class.pop('', None):
        print_log(f'{os.fspath(folder)!r}: {len(loose)} images are left out because they are not '
                  f'in a class folder, for example {loose[0]!r}.', logger='current',
                  level=logging.WARNING)
    # Sorted paths do not imply sorted folders: 'a-b/x' < 'a/x', but 'a' < 'a-b'.
    return dict(sorted(by_class.items()))


def has_images(folder: str | os.PathLike, subfolder: str = '',
               extensions: Sequence[str] = IMAGE_EXTENSIONS) -> bool:
    """Return True if :func:`find_images` finds an image; stop at the first."""
    return isdir(folder) and any(_images(os.fspath(folder), subfolder, extensions, {}))


def class_folders(folder: str | os.PathLike, extensions: Sequence[str] = IMAGE_EXTENSIONS
                  ) -> list[str]:
    """Sorted names of the first-level folders with images, which are the classes."""
    return sorted(entry.name for entry in os.scandir(folder)
                  if isdir(entry.path) and not entry.name.startswith('.')
                  and has_images(folder, entry.name, extensions))


def _images(root: str, subfolder: str, extensions: Sequence[str], left_out: LeftOut
            ) -> Iterator[str]:
    """Yield the relative paths of images, and add the other names to ``left_out``."""
    endings = tuple(ending.lower() for ending in extensions)
    if isdir(root):
        parents = (realpath(root), )
        if subfolder:
            real = realpath(Path(root, subfolder))
            if _contains(real, parents):
                return
            parents += (real, )
        files = _files(root, subfolder, parents, left_out)
    else:  # remote storage
        remote = list_dir_or_file(
            f'{root.rstrip("/")}/{subfolder}', list_dir=False, recursive=True)
        files = (f'{subfolder}/{file}'.lstrip('/') for file in remote if '/.' not in f'/{file}')
    for file in files:
        if file.lower().endswith(endings):
            yield file
        else:
            left_out.setdefault('other extension', []).append(file)


def _files(root: str, below: str, parents: tuple[str, ...], left_out: LeftOut) -> Iterator[str]:
    """Yield the relative paths of the files below ``root/below``.

    Args:
        parents: Resolved paths of this folder and of the folders that led to it.
    """
    with os.scandir(Path(root, below)) as entries:
        for entry in entries:
            name = f'{below}/{entry.name}' if below else entry.name
            reason = None
            # The type of an entry needs no system call, unless it is a link.
            is_link = entry.is_symlink()
            if entry.name.startswith('.'):
                reason = 'hidden'
            elif isfile(entry.path) if is_link else entry.is_file():
                yield name
            elif isdir(entry.path) if is_link else entry.is_dir():
                real = realpath(entry.path) if is_link else os.path.join(parents[-1], entry.name)
                if is_link and _contains(real, parents):
                    reason = 'loop of links'
                else:
                    yield from _files(root, name, (*parents, real), left_out)
            else:
                reason = 'broken link' if is_link else 'not a file'
            if reason:
                left_out.setdefault(reason, []).append(name)


def _contains(folder: str, others: Iterable[str]) -> bool:
    """Return True if ``folder`` is one of the other resolved folders or contains one."""
    return any(commonpath([folder, other]) == folder for other in others)
