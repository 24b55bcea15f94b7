"""Writes lists of Stanford Dogs' images with their labels.

    python tools/dataset_converters/convert_stanford_dogs.py data/stanford_dogs

The folder holds the unpacked images.tar and lists.tar: Images/<synset>-<breed>/*.jpg,
train_list.mat and test_list.mat. Written are meta/train.txt and meta/test.txt; the images stay
where they are.
"""
import argparse
from collections.abc import Iterator
from pathlib import Path

from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from mmguided.utils.annotations import write_annotations
from mmguided.utils.errors import ConfigError, check_file, exit_on_config_error


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('root', type=Path, help='folder of the unpacked archives')
    return parser.parse_args()


def samples(path: Path) -> Iterator[tuple[str, int]]:
    """Image, below ``Images``, and label of a list of MATLAB's, which counts classes from 1."""
    check_file('root', str(path), 'unpack lists.tar there')
    try:
        content = loadmat(path, squeeze_me=True)
        images, labels = content['file_list'], content['labels']
    except (MatReadError, ValueError, KeyError, NotImplementedError) as error:
        raise ConfigError(f'{str(path)!r} is no list of Stanford Dogs ({error}); unpack lists.tar '
                          'anew') from error
    breeds = {}
    for image, label in zip(images.ravel().tolist(), labels.ravel().tolist(), strict=True):
        breed = image.partition('/')[0]
        if label < 1 or breeds.setdefault(label, breed) != breed:
            raise ConfigError(f'{str(path)!r}: {image!r} has the class {label}, which is '
                              f'{breeds.get(label, "below 1")!r}; unpack lists.tar anew')
        yield image, label - 1


@exit_on_config_error
def main() -> None:
    root = parse_args().root
    for split in ('train', 'test'):
        write_annotations(root / f'meta/{split}.txt', samples(root / f'{split}_list.mat'))


if __name__ == '__main__':
    main()
