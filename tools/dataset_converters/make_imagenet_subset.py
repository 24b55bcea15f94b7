r"""Write a class list for a subset of ImageNet, or of any folder of class folders.

Draw 100 classes (the same for the same folder names, number and seed):

    python tools/dataset_converters/make_imagenet_subset.py data/imagenet/train --num-classes 100 \
        --out data/imagenet/subsets/imagenet100.txt

Check an existing list, one synset per line, and copy it to the path that the configs read:

    python tools/dataset_converters/make_imagenet_subset.py data/imagenet/train --check LIST \
        --out data/imagenet/subsets/imagenet100.txt
"""
import random

from mmguided.cli.arguments import add_shared, local_path, tool_parser
from mmguided.utils.errors import ConfigError, check_file, exit_on_config_error
from mmguided.utils.image_folders import class_folders, read_names


@exit_on_config_error
def main() -> None:
    parser = tool_parser(__doc__)
    parser.add_argument('root', type=local_path, help='folder with one sub-folder per class')
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument('--num-classes', type=int, help='number of classes to draw')
    source.add_argument('--check', type=local_path, metavar='LIST', help='file of classes to use')
    add_shared(parser, '--seed', help='seed of the draw (default: 0)')
    add_shared(parser, '--out', required=True, help='text file to write')
    args = parser.parse_args()
    if not args.root.is_dir():
        raise ConfigError(f'root={str(args.root)!r}: no such folder. Give a folder of class '
                          'folders.')
    known = class_folders(args.root)
    if args.check:
        check_file('--check', str(args.check), 'Give a list of classes.')
        classes = read_names(args.check)
        if unknown := sorted(set(classes) - set(known)):
            raise ConfigError(f'--check={str(args.check)!r}: {len(unknown)} of {len(classes)} '
                              f'classes have no folder: {", ".join(unknown[:5])}. Correct the list '
                              'or root.')
        if len(set(classes)) < len(classes) or not classes:
            raise ConfigError(f'--check={str(args.check)!r}: is empty or has duplicates. Give each '
                              'class once.')
    else:
        if not 0 < args.num_classes <= len(known):
            raise ConfigError(f'--num-classes={args.num_classes}: {str(args.root)!r} has '
                              f'{len(known)} classes. Give a number from 1 to {len(known)}.')
        classes = sorted(random.Random(args.seed).sample(known, args.num_classes))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text('\n'.join(classes) + '\n')
    print(f'{len(classes)} of {len(known)} classes written to {args.out}')


if __name__ == '__main__':
    main()
