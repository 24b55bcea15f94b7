"""Write annotation files for Stanford Dogs.

    python tools/dataset_converters/convert_stanford_dogs.py data/stanford_dogs

The folder contains the unpacked images.tar and lists.tar: Images/<synset>-<breed>/*.jpg,
train_list.mat and test_list.mat. The tool writes meta/train.txt and meta/test.txt; the images stay
in place.
"""
from collections.abc import Iterator
from pathlib import Path

from annotations import write_annotations
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from mmguided.cli.arguments import local_path, tool_parser
from mmguided.utils.errors import ConfigError, check_file, exit_on_config_error


def samples(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the images, relative to ``Images``, and labels of a MATLAB list, whose class
    numbers start at 1."""
    check_file('root', str(path), 'Unpack lists.tar there.')
    try:
        content = loadmat(path, squeeze_me=True)
        images, labels = content['file_list'], content['labels']
    except (MatReadError, ValueError, KeyError, NotImplementedError) as error:
        raise ConfigError(f'root={str(path)!r}: not a list of Stanford Dogs ({error}). Unpack '
                          'lists.tar again.') from error
    breeds = {}
    for image, label in zip(images.ravel().tolist(), labels.ravel().tolist(), strict=True):
        breed = image.partition('/')[0]
        if label < 1 or breeds.setdefault(label, breed) != breed:
            raise ConfigError(f'root={str(path)!r}: {image!r} has the class {label}, which is '
                              f'{breeds.get(label, "below 1")!r}. Unpack lists.tar again.')
        yield image, label - 1


@exit_on_config_error
def main() -> None:
    parser = tool_parser(__doc__)
    parser.add_argument('root', type=local_path, help='folder of the unpacked archives')
    root = parser.parse_args().root
    for split in ('train', 'test'):
        write_annotations(root / f'meta/{split}.txt', samples(root / f'{split}_list.mat'))


if __name__ == '__main__':
    main()
