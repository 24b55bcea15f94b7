"""Image datasets for analysis: image folders, images with label maps, and other datasets."""
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms import InterpolationMode
from torchvision.transforms.functional import center_crop, pil_to_tensor, resize

from mmguided.utils.errors import ConfigError, check_image_folder
from mmguided.utils.image_folders import IMAGE_EXTENSIONS, find_images
from mmguided.utils.images import read_if_readable, read_image

LABELS = 'labels'
IGNORED = -1


def list_images(folder: str | Path, most: int | None = None, field: str = '--images'
                ) -> list[Path]:
    """Sorted paths of the images below a folder, see
    :func:`mmguided.utils.image_folders.find_images`. If there are more than ``most`` images, evenly
    spaced images are chosen, so that all classes are represented.

    Args:
        field: Argument that names the folder, for errors.

    Raises:
        ConfigError: If the folder is missing or has no images.
    """
    root = Path(folder).expanduser()
    check_image_folder(field, root)
    paths = [root / path for path in find_images(root)]
    if not paths:
        raise ConfigError(f"{field}='{folder}': no images. Give a folder with "
                          f'images ({", ".join(IMAGE_EXTENSIONS)}).')
    return paths if most is None else subsample(paths, most)


def subsample(items: Sequence, most: int) -> list:
    """At most ``most`` items, evenly spaced."""
    number = min(most, len(items))
    return [items[i * len(items) // number] for i in range(number)]


class AnalysisImages(Dataset):
    """Images, resized by their short side and center-cropped to one or more sizes.

    An item is a dict of size ``(height, width)`` -> ``(C, *size)``, by default uint8 RGB; None for
    an unreadable image.

    Args:
        paths: Image files.
        sizes: Sizes (height, width).
        read: Function that reads a file as an image or an array ``(H, W, C)``, see
            :func:`mmguided.utils.images.read_if_readable`.
    """

    def __init__(self, paths: Sequence[Path], sizes: Iterable[tuple[int, int]],
                 read: Callable = read_image) -> None:
        self.paths, self.read = paths, read
        self.sizes = list(dict.fromkeys(sizes))

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> dict | None:
        image = read_if_readable(self.paths[index], '--images', self.read)
        return None if image is None else {
            size: resized_center(image, size) for size in self.sizes}


class LabeledImages(Dataset):
    """Center crops of images and of their label maps.

    An item is a dict of size -> ``(C, *size)``, by default uint8 RGB, and 'labels' -> ``size``,
    int64, with :data:`IGNORED` for pixels without a class; None for an unreadable image.

    Args:
        images: Image folder.
        labels: Folder of single-channel PNG label maps at the same relative paths.
        size: ``(height, width)``.
        ignored: Label of pixels without a class.
        most: Maximum number of images with a label map, evenly spaced.
        read: Function that reads an image, see :class:`AnalysisImages`.

    Raises:
        ConfigError: If no image has a label map, or (when an item is read) a map is unreadable, has
            several channels, or has a different size than its image.
    """

    def __init__(self, images: str | Path, labels: Path, size: tuple[int, int], ignored: int = 255,
                 most: int = 500, read: Callable = read_image) -> None:
        folder = Path(images).expanduser()
        pairs = [(path, labels / path.relative_to(folder).with_suffix('.png'))
                 for path in list_images(folder)]
        found = [pair for pair in pairs if pair[1].is_file()]
        if not found:
            raise ConfigError(f"--labels='{labels}': the folder has no label map of these "
                              f"images, for example '{pairs[0][1]}'. Give a folder of PNG files "
                              'with the relative paths of the images.')
        self.pairs, self.size, self.ignored = subsample(found, most), size, ignored
        self.read = read

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> dict | None:
        path, label_path = self.pairs[index]
        image = read_if_readable(path, '--images', self.read)
        if image is None:
            return None
        full = image.shape[1::-1] if isinstance(image, np.ndarray) else image.size
        label = read_image(label_path, '--labels', raw=True)
        if label.mode not in ('L', 'P'):
            raise ConfigError(f"--labels='{label_path}': unsupported image mode {label.mode}. "
                              'Give 8-bit label maps with one channel.')
        if label.size != full:
            raise ConfigError(f"--labels='{label_path}': the size is {label.size}, but '{path}' "
                              f'has {full} (width, height). Give the label map of the image.')
        label = Image.frombytes('L', label.size, label.tobytes())  # indices instead of colors
        label = resized_center(label, self.size, InterpolationMode.NEAREST)[0]
        return {self.size: resized_center(image, self.size),
                LABELS: torch.where(label == self.ignored, IGNORED, label.long())}


class DatasetImages(Dataset):
    """Items of another dataset in the format of :class:`AnalysisImages`.

    Args:
        dataset: Dataset with ``inputs`` ``(C, H, W)`` of one size.
        is_bgr: True if inputs with three channels are BGR.
        most: Maximum number of items, evenly spaced.
    """

    def __init__(self, dataset: Dataset, is_bgr: bool, most: int) -> None:
        self.dataset, self.is_bgr = dataset, is_bgr
        self.indices = subsample(range(len(dataset)), most)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> dict:
        inputs = self.dataset[self.indices[index]]['inputs']
        flips = self.is_bgr and len(inputs) == 3
        return {tuple(inputs.shape[-2:]): inputs.flip(0) if flips else inputs}


def resized_center(image: Image.Image | np.ndarray, size: tuple[int, int],
                   mode: InterpolationMode = InterpolationMode.BICUBIC) -> Tensor:
    """Resize an image, or an array ``(H, W, C)``, by the short side and center-crop it to ``size``;
    return ``(C, *size)``."""
    is_array = isinstance(image, np.ndarray)
    full = image.shape[:2] if is_array else image.size[::-1]
    scale = max(side / length for side, length in zip(size, full, strict=True))
    shape = [max(side, round(scale * length)) for side, length in zip(size, full, strict=True)]
    if is_array:
        image = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)
    cropped = center_crop(resize(image, shape, mode, antialias=True), list(size))
    return cropped if is_array else pil_to_tensor(cropped)


def stack_items(items: Sequence[dict | None]) -> dict[object, Tensor] | None:
    """Collate items; unreadable images (None) are left out."""
    items = [item for item in items if item is not None]
    if any(item.keys() != items[0].keys() for item in items):
        sizes = sorted({size for item in items for size in item})
        raise ConfigError(f'--images: the images have several sizes, {sizes} (height, width). '
                          'Give a dataset whose pipeline resizes all images to one size.')
    return {key: torch.stack([item[key] for item in items]) for key in items[0]} if items else None
