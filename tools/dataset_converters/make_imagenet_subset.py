r"""Writes a list of classes for a subset of ImageNet, or of any folder of class folders.

Draw 100 classes (the same for the same folder names, number and seed):

    python tools/dataset_converters/make_imagenet_subset.py data/imagenet/train --num-classes 100 \
        --out data/imagenet/subsets/imagenet100.txt

Check a list that you have, one synset per line, and put it where the configs look:

    python tools/dataset_converters/make_imagenet_subset.py data/imagenet/train --check LIST \
        --out data/imagenet/subsets/imagenet100.txt
"""
import argparse
import random
from pathlib import Path


def parse_args() -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('root', type=Path, help='folder with one sub-folder per class')
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument('--num-classes', type=int, help='draw this many classes')
    source.add_argument('--check', type=Path, metavar='LIST', help='take the classes in this file')
    parser.add_argument('--seed', type=int, default=0, help='of the draw (default: 0)')
    parser.add_argument('--out', type=Path, required=True, help='text file to write')
    return parser, parser.parse_args()


def main() -> None:
    parser, args = parse_args()
    if not args.root.is_dir():
        parser.error(f'root={args.root}: no such folder')
    known = sorted(path.name for path in args.root.iterdir()
                   if path.is_dir() and not path.name.startswith('.'))
    if args.check:
        if not args.check.is_file():
            parser.error(f'--check {args.check}: no such file')
        classes = args.check.read_text().split()
        if unknown := sorted(set(classes) - set(known)):
            parser.error(f'--check {args.check}: {len(unknown)} of {len(classes)} names are no '
                         f'sub-folders of {args.root}: {", ".join(unknown[:5])}')
        if len(set(classes)) < len(classes) or not classes:
            parser.error(f'--check {args.check}: must name at least one class, and none twice')
    else:
        if not 0 < args.num_classes <= len(known):
            parser.error(f'--num-classes {args.num_classes}: {args.root} has {len(known)} classes')
        classes = sorted(random.Random(args.seed).sample(known, args.num_classes))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text('\n'.join(classes) + '\n')
    print(f'{len(classes)} of {len(known)} classes written to {args.out}')


if __name__ == '__main__':
    main()
