"""Augment an image together with its guidance scores."""
from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform, Compose, RandomFlip
from mmpretrain.datasets import PackInputs

from mmguided.registry import TRANSFORMS
from mmguided.utils.errors import ConfigError

from ..folder_maps import FolderMaps
from ..score_maps import ScoreMaps
from .random_resized_crop import RandomResizedCrop

#: Transforms that do not move pixels.
COLOR_TRANSFORMS = ('ColorJitter', 'GaussianBlur', 'Lighting', 'RandomGrayscale')


@TRANSFORMS.register_module()
class WithScores(BaseTransform):
    """Augment and pack an image; crop, flip and resample its score map in the same way, for
    :class:`mmguided.models.CachedGuidance` and :class:`mmguided.models.MapGuidance`. This is
    the last transform of a pipeline::

        dict(type='mmguided.LoadImage'),
        dict(type='mmguided.WithScores', transforms=[
            dict(type='mmguided.RandomResizedCrop', scale=224),
            dict(type='RandomFlip', prob=.5), dict(type='PackInputs')])

    Required keys: ``img``, ``img_path`` and ``sample_idx``. The packed ``data_samples`` are a dict
    of ``scores`` ``(v * h * w)`` of v score maps, NaN for an image without scores, and ``samples``,
    the output of ``PackInputs``. The default collate function then stacks the scores of a batch
    into one tensor.

    Args:
        transforms: :class:`RandomResizedCrop`, then any of ``RandomFlip`` and
            :data:`COLOR_TRANSFORMS`, then ``PackInputs``.

    Attributes:
        maps: Score maps, set by :class:`mmguided.engine.hooks.ScoreMapsHook`. If None, the image is
            packed without scores.

    Raises:
        ConfigError: If another transform is given.
    """

    def __init__(self, transforms: Sequence[dict]) -> None:
        self.transforms = Compose(transforms).transforms
        self.maps: ScoreMaps | FolderMaps | None = None
        if len(self.transforms) < 2 or not (
                isinstance(self.transforms[0], RandomResizedCrop)
                and isinstance(self.transforms[-1], PackInputs)):
            names = [type(transform).__name__ for transform in self.transforms]
            raise ConfigError(f'WithScores.transforms={names}: not supported. Start with '
                              'mmguided.RandomResizedCrop and end with PackInputs.')
        for transform in self.transforms[1:-1]:
            name = type(transform).__name__
            if not isinstance(transform, RandomFlip) and name not in COLOR_TRANSFORMS:
                raise ConfigError(
                    f'WithScores.transforms={name}: not supported for score maps. Choose from '
                    f"{('RandomFlip', *COLOR_TRANSFORMS)}.")

    def transform(self, results: dict) -> dict:
        """Pack ``inputs`` and ``data_samples``."""
        sample, image = results.copy(), results['img']
        # Draw the same crop as RandomResizedCrop, which does not return its box.
        top, left, height, width = self.transforms[0].rand_crop_params(image)
        results['img'] = self.transforms[0].resize(image[top:top + height, left:left + width])
        results['img_shape'] = results['img'].shape[:2]
        # Map crop coordinates to image coordinates along each axis, both in [0, 1]:
        # position * scale + offset.
        size = np.array(image.shape[:2])
        scale, offset = np.array([height, width]) / size, np.array([top, left]) / size
        for transform in self.transforms[1:]:
            results = transform(results)
            if isinstance(transform, RandomFlip) and results['flip']:
                axes = dict(vertical=[0], horizontal=[1], diagonal=[0, 1])[
                    results['flip_direction']]
                offset[axes] += scale[axes]
                scale[axes] *= -1
        if self.maps is not None:
            results['data_samples'] = dict(
                samples=results['data_samples'],
                scores=self.maps.crop(sample, scale, offset).flatten())
        return results

    def whole(self, results: dict) -> dict:
        """Pack the whole image, resized to the crop size, with its index as ``data_samples``."""
        image = self.transforms[0].resize(results['img'])
        return dict(inputs=PackInputs.format_input(image), data_samples=results['sample_idx'])

    def __repr__(self) -> str:
        return f'{type(self).__name__}(transforms={self.transforms})'
