"""Images as analysis reads them: a folder in the sizes of several models, or a data set."""
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms import InterpolationMode
from torchvision.transforms.functional import center_crop, pil_to_tensor, resize

from mmguided.utils.errors import ConfigError

from .image_folder import IMAGE_EXTENSIONS

LABELS = 'labels'
IGNORED = -1


def list_images(folder: str | Path, most: int | None = None) -> list[Path]:
    """Images below a folder, at even distances in the order of their paths if there are more than
    ``most``, so that some of every class are among them.

    Raises:
        ConfigError: If there is no such folder, or no image in it.
    """
    # Not rglob, which does not follow links to folders.
    paths = sorted(Path(parent, name) for parent, _, names in os.walk(
        Path(folder).expanduser(), followlinks=True) for name in names
        if Path(name).suffix.lower() in IMAGE_EXTENSIONS and not name.startswith('.'))
    if not paths:
        raise ConfigError(f"--images='{folder}' holds no images: give a folder with "
                          f'{", ".join(IMAGE_EXTENSIONS)}')
    return paths if most is None else spread(paths, most)


def spread(items: Sequence, most: int) -> list:
    """At most that many of the items, at even distances."""
    number = min(most, len(items))
    return [items[i * len(items) // number] for i in range(number)]


class AnalysisImages(Dataset):
    """The middle of pictures, after resizing their shorter side, in one or more sizes.

    An item is a dict of size -> ``(3, *size)``, uint8 RGB; None for a picture that cannot be read.

    Args:
        paths: Pictures.
        sizes: ``(height, width)`` of each.
    """

    def __init__(self, paths: Sequence[Path], sizes: Iterable[tuple[int, int]]) -> None:
        self.paths = paths
        self.sizes = list(dict.fromkeys(sizes))

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> dict | None:
        image = _read(self.paths[index])
        if image is None:
            return None
        return {size: pil_to_tensor(_middle(image, size, InterpolationMode.BICUBIC))
                for size in self.sizes}


class LabeledImages(Dataset):
    """The middle of pictures and of their label maps.

    An item is a dict of the size -> ``(3, *size)``, uint8 RGB, and 'labels' -> ``size``, int64,
    in which :data:`IGNORED` is no class; None for a picture that cannot be read.

    Args:
        images: Folder of pictures.
        labels: Folder of label maps, PNG files of one channel at the pictures' paths below theirs.
        size: ``(height, width)``.
        ignored: The label that is no class.
        most: Pictures, at even distances, if more have a label map.

    Raises:
        ConfigError: If no picture has a label map, or, in use, a map has more channels, another
            size than its picture, or cannot be read.
    """

    def __init__(self, images: str | Path, labels: Path, size: tuple[int, int], ignored: int = 255,
                 most: int = 500) -> None:
        folder = Path(images).expanduser()
        pairs = [(path, labels / path.relative_to(folder).with_suffix('.png'))
                 for path in list_images(folder)]
        found = [pair for pair in pairs if pair[1].is_file()]
        if not found:
            raise ConfigError(f"--labels='{labels}' has no '{pairs[0][1]}', nor the label map of "
                              'any other image: give the folder of PNG files at the paths of the '
                              'images below --images')
        self.pairs, self.size, self.ignored = spread(found, most), size, ignored

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> dict | None:
        path, label_path = self.pairs[index]
        image = _read(path)
        if image is None:
            return None
        try:
            with Image.open(label_path) as label:
                label.load()
        except OSError as error:
            raise ConfigError(f"--labels: '{label_path}' cannot be read: {error}") from error
        if label.mode not in ('L', 'P'):
            raise ConfigError(f"--labels: '{label_path}' has mode {label.mode}: give label maps of "
                              'one channel, 8 bits')
        if label.size != image.size:
            raise ConfigError(f"--labels: '{label_path}' has {label.size} pixels, and '{path}' "
                              f'{image.size} (width, height): give the map of this image')
        label = Image.frombytes('L', label.size, label.tobytes())  # indices, not colors
        label = pil_to_tensor(_middle(label, self.size, InterpolationMode.NEAREST))[0]
        return {self.size: pil_to_tensor(_middle(image, self.size, InterpolationMode.BICUBIC)),
                LABELS: torch.where(label == self.ignored, IGNORED, label.long())}


class DatasetImages(Dataset):
    """Items of :class:`AnalysisImages` from a data set of mmpretrain's kind.

    Args:
        dataset: Whose items have ``inputs``, ``(3, H, W)`` uint8, all of one size.
        is_bgr: Whether these are BGR.
        most: At even distances, if there are more.
    """

    def __init__(self, dataset: Dataset, is_bgr: bool, most: int) -> None:
        self.dataset, self.is_bgr = dataset, is_bgr
        self.indices = spread(range(len(dataset)), most)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> dict:
        inputs = self.dataset[self.indices[index]]['inputs']
        return {tuple(inputs.shape[-2:]): inputs.flip(0) if self.is_bgr else inputs}


def _read(path: Path) -> Image.Image | None:
    """In RGB, upright; None for a file that is no image. Errors of the disk are raised."""
    try:
        with Image.open(path) as image:
            return ImageOps.exif_transpose(image).convert('RGB')
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if getattr(error, 'errno', None) is not None:
            raise
        return None


def _middle(image: Image.Image, size: tuple[int, int], mode: InterpolationMode) -> Image.Image:
    height, width = size
    scale = max(height / image.height, width / image.width)
    shape = max(height, round(scale * image.height)), max(width, round(scale * image.width))
    return center_crop(resize(image, list(shape), mode), list(size))


def stack_items(items: Sequence[dict | None]) -> dict[object, Tensor] | None:
    """Batches of the entries of items; what could not be read is left out."""
    items = [item for item in items if item is not None]
    if sizes := {size for item in items for size in item if item.keys() != items[0].keys()}:
        raise ConfigError(f'--images: the data set gives images of several sizes, {sorted(sizes)} '
                          '(height, width): give one whose pipeline ends in one size')
    return {key: torch.stack([item[key] for item in items]) for key in items[0]} if items else None
