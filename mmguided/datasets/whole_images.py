"""Images of a training set without augmentation."""
from collections.abc import Callable

from mmcv.transforms import LoadImageFromFile, Resize
from mmpretrain.datasets import PackInputs
from torch.utils.data import Dataset

from mmguided.utils.errors import ConfigError

from .image_folder import _LoadImage


def whole_image_pipeline(dataset: Dataset, size: tuple[int, int]) -> list[Callable]:
    """Transforms that load images as the pipeline of a training set does, resize each whole image
    to ``size``, ``(height, width)``, and pack it with its label.

    Raises:
        ConfigError: If the data set has no pipeline of its own, such as one made of others.
    """
    return [*loading_transforms(dataset),
            Resize(size[::-1], backend='pillow', interpolation='bicubic'), PackInputs()]


def loading_transforms(dataset: Dataset) -> list[Callable]:
    """Those of a training set that load an image; none for a data set of arrays.

    Raises:
        ConfigError: See :func:`whole_image_pipeline`.
    """
    if not hasattr(getattr(dataset, 'pipeline', None), 'transforms'):
        raise ConfigError(f'train_dataloader.dataset.type={type(dataset).__name__} has no pipeline '
                          'that says how images are loaded: name a data set and its pipeline')
    return [transform for transform in dataset.pipeline.transforms
            if isinstance(transform, (LoadImageFromFile, _LoadImage))]
