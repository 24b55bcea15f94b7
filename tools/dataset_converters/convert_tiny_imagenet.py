"""Write the annotation file of Tiny-ImageNet's validation images, which have no class folders.

    python tools/dataset_converters/convert_tiny_imagenet.py data/tiny-imagenet-200

The folder is the unpacked archive: train/<synset>/images/*.JPEG, val/images/*.JPEG and
val/val_annotations.txt. The tool writes meta/val.txt; the images stay in place. Labels are the
ranks of the folders of train in alphabetical order.
"""
from collections.abc import Iterator
from pathlib import Path

from annotations import write_annotations

from mmguided.cli.arguments import local_path, tool_parser
from mmguided.utils.errors import ConfigError, check_file, exit_on_config_error
from mmguided.utils.image_folders import class_folders


def folder_labels(folder: Path) -> dict[str, int]:
    """Label of each class folder of ``train``."""
    names = class_folders(folder) if folder.is_dir() else []
    if not names:
        raise ConfigError(f'root={str(folder.parent)!r}: {str(folder)!r} has no class folders. '
                          'Give the folder of the unpacked archive.')
    return {name: label for label, name in enumerate(names)}


def validation_samples(path: Path, labels: dict[str, int]) -> Iterator[tuple[str, int]]:
    """Yield the image, relative to ``val``, and label of each line
    ``image synset x y width height``."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        fields = line.split()
        if len(fields) < 2 or fields[1] not in labels:
            raise ConfigError(f'root={str(path)!r}, line {number}: {line!r} does not name an image '
                              'and a class of train. Unpack the archive again.')
        yield f'images/{fields[0]}', labels[fields[1]]


@exit_on_config_error
def main() -> None:
    parser = tool_parser(__doc__)
    parser.add_argument('root', type=local_path, help='folder of the unpacked archive')
    root = parser.parse_args().root
    labels = folder_labels(root / 'train')
    path = root / 'val/val_annotations.txt'
    check_file('root', str(path), 'Give the folder of the unpacked archive.')
    write_annotations(root / 'meta/val.txt', validation_samples(path, labels))


if __name__ == '__main__':
    main()
