"""Writes the list of Tiny-ImageNet's validation images, which have no folders of classes.

    python tools/dataset_converters/convert_tiny_imagenet.py data/tiny-imagenet-200

The folder is the unpacked archive: train/<synset>/images/*.JPEG, val/images/*.JPEG and
val/val_annotations.txt. Written is meta/val.txt; the images stay where they are. Labels are those
of train's folders in alphabetical order.
"""
import argparse
from collections.abc import Iterator
from pathlib import Path

from mmguided.utils.annotations import write_annotations
from mmguided.utils.errors import ConfigError, check_file, exit_on_config_error


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('root', type=Path, help='folder of the unpacked archive')
    return parser.parse_args()


def labels_of_folders(folder: Path) -> dict[str, int]:
    """Label of each class of ``train``."""
    names = sorted(path.name for path in folder.glob('*') if path.is_dir())
    if not names:
        raise ConfigError(f'root={str(folder.parent)!r}: {str(folder)!r} has no folders of '
                          'classes; give the folder of the unpacked archive')
    return {name: label for label, name in enumerate(names)}


def validation_samples(path: Path, labels: dict[str, int]) -> Iterator[tuple[str, int]]:
    """Image, below ``val``, and label for each line ``image synset x y width height``."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        fields = line.split()
        if len(fields) < 2 or fields[1] not in labels:
            raise ConfigError(f'{str(path)!r}, line {number}: {line!r} does not name an image and '
                              'one of the classes of train; unpack the archive anew')
        yield f'images/{fields[0]}', labels[fields[1]]


@exit_on_config_error
def main() -> None:
    root = parse_args().root
    labels = labels_of_folders(root / 'train')
    path = root / 'val/val_annotations.txt'
    check_file('root', str(path), 'give the folder of the unpacked archive')
    write_annotations(root / 'meta/val.txt', validation_samples(path, labels))


if __name__ == '__main__':
    main()
