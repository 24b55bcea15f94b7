"""Writes lists of iNaturalist's images with their labels.

    python tools/dataset_converters/convert_inaturalist.py data/inaturalist2018 --year 2018

The folder holds the unpacked archives of a competition's year: train_val2018/, train2018.json and
val2018.json. Written are meta/train.txt and meta/val.txt; the images stay where they are. Labels
are the places of the categories in the order of their numbers: 8142 in 2018, 1010 in 2019.
"""
import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from mmguided.utils.annotations import write_annotations
from mmguided.utils.errors import ConfigError, check_file, exit_on_config_error


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('root', type=Path, help='folder of the unpacked archives')
    parser.add_argument('--year', type=int, required=True, choices=[2018, 2019])
    return parser.parse_args()


def read(path: Path) -> dict:
    """One of the two JSON files."""
    check_file('root', str(path), 'unpack the annotations there, and check --year')
    try:
        content = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise ConfigError(f'{str(path)!r} is not JSON ({error}); is the file whole?') from error
    missing = [key for key in ('images', 'annotations', 'categories') if key not in content]
    if missing:
        raise ConfigError(f'{str(path)!r} has no {missing[0]!r}; take the annotations of the train '
                          'or val images')
    return content


def labels_of_categories(content: dict) -> dict[int, int]:
    """Label of each category's number."""
    numbers = sorted(category['id'] for category in content['categories'])
    return {number: label for label, number in enumerate(numbers)}


def samples(path: Path, content: dict, labels: dict[int, int]) -> Iterator[tuple[str, int]]:
    """Image, below the folder of the data set, and label of each annotation."""
    files = {image['id']: image['file_name'] for image in content['images']}
    for annotation in content['annotations']:
        image, category = annotation['image_id'], annotation['category_id']
        if category not in labels:
            raise ConfigError(f'{str(path)!r}: image {image} has the unknown category {category}; '
                              'both files must be of one year')
        if image not in files:
            raise ConfigError(f'{str(path)!r}: an annotation names the unknown image {image}; is '
                              'the file whole?')
        yield files[image], labels[category]


@exit_on_config_error
def main() -> None:
    args = parse_args()
    paths = {split: args.root / f'{split}{args.year}.json' for split in ('train', 'val')}
    contents = {split: read(path) for split, path in paths.items()}
    labels = labels_of_categories(contents['train'])
    for split, path in paths.items():
        write_annotations(
            args.root / f'meta/{split}.txt', samples(path, contents[split], labels))


if __name__ == '__main__':
    main()
