"""Images as analysis reads them: a folder in the sizes of several models, or a data set."""
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from PIL import Image
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
    paths = sorted(path for path in Path(folder).expanduser().rglob('*')
                   if path.suffix.lower() in IMAGE_EXTENSIONS)
    if not paths:
        raise ConfigError(f"--images='{folder}' holds no images: give a folder with "
                          f'{", ".join(IMAGE_EXTENSIONS)}')
    if most is None or len(paths) <= most:
        return paths
    return [paths[i * len(paths) // most] for i in range(most)]


class AnalysisImages(Dataset):
    """The middle of pictures, after resizing their shorter side, in one or more sizes.

    An item is a dict of size -> ``(3, *size)``, uint8 RGB, and under 'labels' the label map of the
    first size, int64, if there are ``labels``; None for a picture that cannot be read.

    Args:
        paths: Pictures.
        sizes: ``(height, width)`` of each.
        labels: Folder of label maps, PNG files of one channel with the names of the pictures; 255
            is no class and becomes -1.
    """

    def __init__(self, paths: Sequence[Path], sizes: Iterable[tuple[int, int]],
                 labels: Path | None = None) -> None:
        self.paths = paths
        self.sizes = list(dict.fromkeys(sizes))
        self.labels = labels
        if labels is not None:
            self.paths = [path for path in paths if self._label_path(path).is_file()]
            if not self.paths:
                raise ConfigError(f"--labels='{labels}' has no {self._label_path(paths[0]).name}, "
                                  'nor the label map of any other image: give the folder of PNG '
                                  "files with the images' names")

    def _label_path(self, path: Path) -> Path:
        return self.labels / f'{path.stem}.png'

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> dict | None:
        path = self.paths[index]
        try:
            with Image.open(path) as image:
                image = image.convert('RGB')
        except (OSError, SyntaxError):  # as Pillow says of some broken PNG
            return None
        item = {size: pil_to_tensor(_middle(image, size, InterpolationMode.BICUBIC))
                for size in self.sizes}
        if self.labels is not None:
            with Image.open(self._label_path(path)) as label:
                if label.mode not in ('L', 'P'):
                    raise ConfigError(f"--labels: '{self._label_path(path)}' has mode "
                                      f'{label.mode}: give label maps of one channel, 8 bits')
                label = Image.frombytes('L', label.size, label.tobytes())  # indices, not colors
            label = pil_to_tensor(_middle(label, self.sizes[0], InterpolationMode.NEAREST))[0]
            item[LABELS] = torch.where(label == 255, IGNORED, label.long())
        return item


class DatasetImages(Dataset):
    """Items of :class:`AnalysisImages` from a data set of mmpretrain's kind.

    Args:
        dataset: Whose items have ``inputs``, ``(3, H, W)`` uint8, all of one size.
        is_bgr: Whether these are BGR.
        most: At even distances, if there are more.
    """

    def __init__(self, dataset: Dataset, is_bgr: bool, most: int) -> None:
        self.dataset, self.is_bgr = dataset, is_bgr
        number = min(most, len(dataset))
        self.indices = [i * len(dataset) // number for i in range(number)]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> dict:
        inputs = self.dataset[self.indices[index]]['inputs']
        return {tuple(inputs.shape[-2:]): inputs.flip(0) if self.is_bgr else inputs}


def _middle(image: Image.Image, size: tuple[int, int], mode: InterpolationMode) -> Image.Image:
    height, width = size
    scale = max(height / image.height, width / image.width)
    shape = max(height, round(scale * image.height)), max(width, round(scale * image.width))
    return center_crop(resize(image, list(shape), mode), list(size))


def stack_items(items: Sequence[dict | None]) -> dict[object, Tensor] | None:
    """Batches of the entries of items; what could not be read is left out."""
    items = [item for item in items if item is not None]
    return {key: torch.stack([item[key] for item in items]) for key in items[0]} if items else None
