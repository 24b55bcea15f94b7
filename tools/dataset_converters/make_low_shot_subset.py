r"""Writes a list of labeled training images for low-shot evaluation on ImageNet.

From SimCLR's lists of 1 and 10 % (github.com/google-research/simclr, imagenet_subsets), whose lines
are names such as n01440764_10026.JPEG:

    python tools/dataset_converters/make_low_shot_subset.py data/imagenet/train \
        --names data/imagenet/subsets/1percent.txt --out data/imagenet/subsets/train_1percent.txt

Or drawn, with equally many images of each class (the same for the same images, share and seed):

    python tools/dataset_converters/make_low_shot_subset.py data/imagenet/train --percent 1 \
        --out data/imagenet/subsets/train_1percent.txt

Each line of the result is `n01440764/n01440764_10026.JPEG 0`: the path below the folder, and the
label, which is the place of the class among the sub-folders in alphabetical order.
"""
import argparse
import random
from pathlib import Path

IMAGE_EXTENSIONS = ('.jpg', '.jpeg', '.png')


def parse_args() -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('root', type=Path, help='folder with one sub-folder per class')
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument('--names', type=Path, metavar='LIST', help='take the images in this file')
    source.add_argument('--percent', type=float, help='draw this share of the images')
    parser.add_argument('--seed', type=int, default=0, help='of the draw (default: 0)')
    parser.add_argument('--out', type=Path, required=True, help='text file to write')
    return parser, parser.parse_args()


def read_names(path: Path, images: dict[str, list[str]]) -> list[tuple[str, str]]:
    """Class and name of each image in a list such as SimCLR's.

    Raises:
        ValueError: If the list is empty, or names an image twice or one that is not there; or if
            names do not tell the images apart.
    """
    if not path.is_file():
        raise ValueError('no such file')
    names = path.read_text().split()
    if len(set(names)) < len(names) or not names:
        raise ValueError('must name at least one image, and none twice')
    known = {name: folder for folder, found in images.items() for name in found}
    if len(known) < sum(map(len, images.values())):
        raise ValueError('several sub-folders have images of the same name')
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f'{len(unknown)} of {len(names)} images are in no sub-folder: '
                         + ', '.join(unknown[:5]))
    return [(known[name], name) for name in names]


def draw(percent: float, seed: int, images: dict[str, list[str]]) -> list[tuple[str, str]]:
    """Class and name of ``percent`` of the images, equally many of each class; what the number of
    classes does not divide goes to classes that are drawn, one image each.

    Raises:
        ValueError: If this is less than one image a class, or more than a class has.
    """
    generator = random.Random(seed)
    total = round(percent / 100 * sum(map(len, images.values())))
    share, rest = divmod(total, len(images))
    larger = set(generator.sample(sorted(images), rest))
    smallest = min(images, key=lambda folder: len(images[folder]))
    if not 0 < share or len(images[smallest]) < share + bool(rest):
        raise ValueError(f'{total} images are {total / len(images):.1f} of each of {len(images)} '
                         f'classes, and {smallest} has {len(images[smallest])}')
    return [(folder, name) for folder, names in images.items()
            for name in sorted(generator.sample(names, share + (folder in larger)))]


def main() -> None:
    parser, args = parse_args()
    if not args.root.is_dir():
        parser.error(f'root={args.root}: no such folder')
    images = {folder.name: sorted(file.name for file in folder.iterdir()
                                  if file.suffix.lower() in IMAGE_EXTENSIONS)
              for folder in sorted(args.root.iterdir())
              if folder.is_dir() and not folder.name.startswith('.')}
    if not any(images.values()):
        parser.error(f'root={args.root}: no images in its sub-folders')
    try:
        chosen = (read_names(args.names, images) if args.names else
                  draw(args.percent, args.seed, images))
    except ValueError as error:
        option = f'--names {args.names}' if args.names else f'--percent {args.percent:g}'
        parser.error(f'{option}: {error}')
    labels = {folder: label for label, folder in enumerate(images)}
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(''.join(
        f'{folder}/{name} {labels[folder]}\n' for folder, name in chosen))
    print(f'{len(chosen)} images of {len(set(folder for folder, _ in chosen))} of {len(images)} '
          f'classes written to {args.out}')


if __name__ == '__main__':
    main()
