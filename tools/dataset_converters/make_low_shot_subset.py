r"""Write an annotation file of a few training images for low-shot evaluation on ImageNet.

Use SimCLR's lists of 1 and 10 % (github.com/google-research/simclr, imagenet_subsets), whose lines
are names such as n01440764_10026.JPEG:

    python tools/dataset_converters/make_low_shot_subset.py data/imagenet/train \
        --names data/imagenet/subsets/1percent.txt --out data/imagenet/subsets/train_1percent.txt

Or draw equally many images of each class (the same for the same images, share and seed):

    python tools/dataset_converters/make_low_shot_subset.py data/imagenet/train --percent 1 \
        --out data/imagenet/subsets/train_1percent.txt

Each line of the result is `n01440764/n01440764_10026.JPEG 0`: the path relative to the folder, and
the label, which is the rank of the class folder in alphabetical order.
"""
import random
from pathlib import Path

from annotations import write_annotations

from mmguided.cli.arguments import add_shared, local_path, tool_parser
from mmguided.utils.errors import ConfigError, check_file, check_image_folder, exit_on_config_error
from mmguided.utils.image_folders import find_images, images_by_class, read_names


def read_list(path: Path, images: dict[str, list[str]]) -> list[tuple[str, str]]:
    """Read the class and name of each image of a list such as SimCLR's.

    Raises:
        ConfigError: If the list is empty, contains a duplicate or an unknown image, or images of
            two classes share a name.
    """
    check_file('--names', str(path), 'Give a list of images.')
    names = read_names(path)
    known = {name: folder for folder, found in images.items() for name in found}
    if len(known) < sum(map(len, images.values())):
        raise ConfigError(f'--names={str(path)!r}: images of several classes share a name. Rename '
                          'them.')
    unknown = [name for name in names if name not in known]
    if not names or unknown or len(set(names)) < len(names):
        raise ConfigError(f'--names={str(path)!r}: {len(unknown)} of {len(names)} images are in no '
                          f'class folder, and {len(names) - len(set(names))} are duplicates '
                          f'{unknown[:3]}. Give each existing image once.')
    return [(known[name], name) for name in names]


def draw(percent: float, seed: int, images: dict[str, list[str]]) -> list[tuple[str, str]]:
    """Draw the class and name of ``percent`` of the images, equally many of each class. If there is
    a remainder, randomly drawn classes get one more image each.

    Raises:
        ConfigError: If this is less than one image per class, or more images than a class has.
    """
    generator = random.Random(seed)
    total = round(percent / 100 * sum(map(len, images.values())))
    share, rest = divmod(total, len(images))
    larger = set(generator.sample(sorted(images), rest))
    smallest = min(images, key=lambda folder: len(images[folder]))
    if not 0 < share or len(images[smallest]) < share + bool(rest):
        raise ConfigError(f'--percent={percent:g}: {total} images are {total / len(images):.1f} '
                          f'per class for {len(images)} classes, but class {smallest} has '
                          f'{len(images[smallest])} images. Give another percentage.')
    return [(folder, name) for folder, names in images.items()
            for name in sorted(generator.sample(names, share + (folder in larger)))]


@exit_on_config_error
def main() -> None:
    parser = tool_parser(__doc__)
    parser.add_argument('root', type=local_path, help='folder with one sub-folder per class')
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument('--names', type=local_path, metavar='LIST', help='file of images to use')
    source.add_argument('--percent', type=float, help='share of the images to draw')
    add_shared(parser, '--seed', help='seed of the draw (default: 0)')
    add_shared(parser, '--out', required=True, help='text file to write')
    args = parser.parse_args()
    check_image_folder('root', args.root)
    by_class = images_by_class(args.root, find_images(args.root))
    images = {folder: [path.removeprefix(f'{folder}/') for path in paths]
              for folder, paths in by_class.items()}
    if not images:
        raise ConfigError(f'root={str(args.root)!r}: has no class folders with images. Give '
                          'another folder.')
    chosen = (read_list(args.names, images) if args.names else
              draw(args.percent, args.seed, images))
    labels = {folder: label for label, folder in enumerate(images)}
    write_annotations(args.out, ((f'{folder}/{name}', labels[folder]) for folder, name in chosen))


if __name__ == '__main__':
    main()
