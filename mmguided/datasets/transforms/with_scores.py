"""Scores that follow the crop of an image."""
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from mmcv import imresize
from mmcv.transforms import BaseTransform, Compose, RandomFlip
from mmpretrain.datasets import PackInputs, RandomResizedCrop
from torch import Tensor

from mmguided.registry import TRANSFORMS
from mmguided.utils.errors import ConfigError

from ..score_maps import ScoreMaps

#: Transforms that leave every pixel where it is.
COLOR_TRANSFORMS = ('ColorJitter', 'GaussianBlur', 'Lighting', 'RandomGrayscale')


@TRANSFORMS.register_module()
class WithScores(BaseTransform):
    """Augments and packs an image, and cuts its scores out of the map of the whole image, cropped,
    flipped and resampled in the same way, for
    :class:`mmguided.models.CachedGuidance`. The last step of a pipeline::

        dict(type='LoadImageFromFile'),
        dict(type='mmguided.WithScores', transforms=[
            dict(type='RandomResizedCrop', scale=224), dict(type='RandomFlip', prob=.5),
            dict(type='PackInputs')])

    Required keys: ``img`` and ``sample_idx``. The packed ``data_samples`` are a dict of ``scores``
    ``(h * w)``, NaN if the image has none, and ``samples``, what ``PackInputs`` gives. The default
    collation then makes one tensor of the scores of a batch, which goes to the device at once.

    Args:
        transforms: A ``RandomResizedCrop``, then ``RandomFlip``, the transforms of color that
            :data:`COLOR_TRANSFORMS` lists, and ``PackInputs`` at the end.

    Attributes:
        maps: The maps, set by :class:`mmguided.engine.hooks.ScoreMapsHook`; without any, the image
            is packed as by the transforms alone.

    Raises:
        ConfigError: If the transforms are others, so that scores could not follow.
    """

    def __init__(self, transforms: Sequence[dict]) -> None:
        self.transforms = Compose(transforms).transforms
        self.maps: ScoreMaps | None = None
        if len(self.transforms) < 2 or not (
                isinstance(self.transforms[0], RandomResizedCrop)
                and isinstance(self.transforms[-1], PackInputs)):
            raise ConfigError('WithScores.transforms must begin with RandomResizedCrop and end '
                              f'with PackInputs: {[type(t).__name__ for t in self.transforms]}')
        for transform in self.transforms[1:-1]:
            name = type(transform).__name__
            if not isinstance(transform, RandomFlip) and name not in COLOR_TRANSFORMS:
                raise ConfigError(
                    f'WithScores.transforms: scores cannot follow what {name} does to an image; '
                    f"take it out, or choose from {('RandomFlip', *COLOR_TRANSFORMS)}")

    def transform(self, results: dict) -> dict:
        """Packs ``inputs`` and ``data_samples``."""
        index, image = results['sample_idx'], results['img']
        # What RandomResizedCrop does, which tells nobody where it has cut.
        top, left, height, width = self.transforms[0].rand_crop_params(image)
        results['img'] = self._resize(image[top:top + height, left:left + width])
        results['img_shape'] = results['img'].shape
        # Along each axis, from a place in the crop to that in the image, both in [0, 1]:
        # place * scale + offset.
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
            scores = torch.from_numpy(self.maps[index])
            results['data_samples'] = dict(
                samples=results['data_samples'],
                scores=crop_scores(scores, scale, offset).flatten())
        return results

    def whole(self, results: dict) -> dict:
        """Packs the whole image at the size of a crop, with its index as ``data_samples``."""
        image = self._resize(results['img'])
        return dict(inputs=PackInputs.format_input(image), data_samples=results['sample_idx'])

    def _resize(self, image: np.ndarray) -> np.ndarray:
        crop = self.transforms[0]
        return imresize(image, tuple(crop.scale[::-1]), interpolation=crop.interpolation,
                        backend=crop.backend)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(transforms={self.transforms})'


def crop_scores(scores: Tensor, scale: Sequence[float], offset: Sequence[float]) -> Tensor:
    """Scores of the patches of a crop, by linear interpolation between the centers of the patches
    of the whole image.

    Args:
        scores: Those of the whole image, ``(h, w)``.
        scale, offset: For the vertical and the horizontal axis; a place ``p`` of the crop, in
            [0, 1], is at ``p * scale + offset`` in the image. A flip has a negative scale.

    Returns:
        ``(h, w)``, as many patches as the whole image has.
    """
    (scale_y, scale_x), (offset_y, offset_x) = scale, offset
    # torch counts from -1 to 1, the horizontal axis first.
    matrix = scores.new_tensor([[scale_x, 0, scale_x + 2 * offset_x - 1],
                                [0, scale_y, scale_y + 2 * offset_y - 1]])
    places = F.affine_grid(matrix[None], (1, 1, *scores.shape), align_corners=False)
    return F.grid_sample(scores[None, None], places, mode='bilinear', padding_mode='border',
                         align_corners=False)[0, 0]
