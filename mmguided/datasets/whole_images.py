"""Training images without augmentation."""
import copy
from collections.abc import Callable

from mmcv.transforms import LoadImageFromFile
from mmpretrain.datasets import PackInputs
from torch.utils.data import Dataset

from mmguided.utils.errors import ConfigError

from .image_folder import _LoadImage
from .transforms import Resize


def whole_image_pipeline(dataset: Dataset, size: tuple[int, int]) -> list[Callable]:
    """Transforms that load images like a training dataset, resize the uncropped image to ``size``
    (height, width), and pack it with its label.

    Raises:
        ConfigError: If the dataset has no pipeline, for example a concatenation of datasets.
    """
    return [*loading_transforms(dataset),
            Resize(size[::-1], interpolation='bicubic'), PackInputs()]


def loading_transforms(dataset: Dataset) -> list[Callable]:
    """Image loading transforms of a training dataset, with decoding; empty for a dataset of arrays.

    Raises:
        ConfigError: See :func:`whole_image_pipeline`.
    """
    if not hasattr(getattr(dataset, 'pipeline', None), 'transforms'):
        raise ConfigError(f'train_dataloader.dataset.type={type(dataset).__name__}: has no '
                          'pipeline. Choose a dataset with a pipeline.')
    transforms = [copy.deepcopy(transform) for transform in dataset.pipeline.transforms
                  if isinstance(transform, (LoadImageFromFile, _LoadImage))]
    for transform in transforms:
        # LoadImage(decode=False) leaves decoding to the model.
        getattr(transform, 'wrapped', transform).decode = True
    return transforms
