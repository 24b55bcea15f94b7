"""Write annotation files for iNaturalist.

    python tools/dataset_converters/convert_inaturalist.py data/inaturalist2018 --year 2018

The folder contains the unpacked archives of one year: train_val2018/, train2018.json and
val2018.json. The tool writes meta/train.txt and meta/val.txt; the images stay in place. Labels are
the ranks of the category numbers (8142 categories in 2018, 1010 in 2019).
"""
import json
from collections.abc import Iterator
from pathlib import Path

from annotations import write_annotations

from mmguided.cli.arguments import local_path, tool_parser
from mmguided.utils.errors import ConfigError, check_file, exit_on_config_error


def read(path: Path) -> dict:
    """Read one of the two JSON files."""
    check_file('root', str(path), 'Unpack the annotations there, and check --year.')
    try:
        content = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise ConfigError(f'root={str(path)!r}: not JSON ({error}). Unpack it again.') from error
    missing = [key for key in ('images', 'annotations', 'categories') if key not in content]
    if missing:
        raise ConfigError(f'root={str(path.parent)!r}: {str(path)!r} has no {missing[0]!r}. '
                          'Give the annotations of the train or val images.')
    return content


def samples(path: Path, content: dict, labels: dict[int, int]) -> Iterator[tuple[str, int]]:
    """Yield the image, relative to the folder of the dataset, and the label of each annotation."""
    files = {image['id']: image['file_name'] for image in content['images']}
    for annotation in content['annotations']:
        image, category = annotation['image_id'], annotation['category_id']
        if category not in labels:
            raise ConfigError(f'root={str(path)!r}: image {image} has the unknown category '
                              f'{category}. Give two files of the same year.')
        if image not in files:
            raise ConfigError(f'root={str(path)!r}: unknown image {image} in an annotation. Unpack '
                              'the file again.')
        yield files[image], labels[category]


@exit_on_config_error
def main() -> None:
    parser = tool_parser(__doc__)
    parser.add_argument('root', type=local_path, help='folder of the unpacked archives')
    parser.add_argument('--year', type=int, required=True, choices=[2018, 2019])
    args = parser.parse_args()
    paths = {split: args.root / f'{split}{args.year}.json' for split in ('train', 'val')}
    contents = {split: read(path) for split, path in paths.items()}
    numbers = sorted(category['id'] for category in contents['train']['categories'])
    labels = {number: label for label, number in enumerate(numbers)}
    for split, path in paths.items():
        write_annotations(
            args.root / f'meta/{split}.txt', samples(path, contents[split], labels))


if __name__ == '__main__':
    main()
