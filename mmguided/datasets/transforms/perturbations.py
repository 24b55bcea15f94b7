"""Perturbations of test images, for robustness evaluation."""
from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform

from mmguided.registry import TRANSFORMS
from mmguided.structures import len_keep
from mmguided.utils.errors import ConfigError


class Perturbation(BaseTransform):
    """Base class of perturbations for test pipelines, between the crop and ``PackInputs``.

    The perturbation of an image depends only on ``seed`` and its index in the dataset. It is the
    same for all checkpoints and any number of workers and processes.

    Required keys: ``img``, an array ``(H, W, C)``, and ``sample_idx``. Modified key: ``img``.

    Args:
        seed (int): Seed of the perturbation, at least 0. Defaults to 0.
    """

    def __init__(self, seed: int = 0) -> None:
        if not isinstance(seed, int) or seed < 0:
            raise ConfigError(f'{type(self).__name__}.seed={seed}: invalid. Set an integer >= 0.')
        self.seed = seed

    def transform(self, results: dict) -> dict:
        """Replace the image."""
        results['img'] = self.perturb(results['img'], results['sample_idx'])
        return results

    def perturb(self, image: np.ndarray, index: int) -> np.ndarray:
        """Return a perturbed copy of the image ``(H, W, C)`` with this dataset index."""
        raise NotImplementedError

    def _permutation(self, num: int, index: int) -> np.ndarray:
        return np.random.default_rng((self.seed, index)).permutation(num)

    def __repr__(self) -> str:
        settings = ', '.join(f'{name}={value}' for name, value in vars(self).items())
        return f'{type(self).__name__}({settings})'


@TRANSFORMS.register_module()
class RandomPatchOcclusion(Perturbation):
    """Occlude random patches of a regular grid: Random PatchDrop of Naseer et al., "Intriguing
    Properties of Vision Transformers" (NeurIPS 2021), Sec. 3.1. Conditional MAE (A.5) occludes half
    of the patches, as in iBOT.

    Occluded patches are black before normalization, as in the released code of Naseer et al. Their
    code occludes the same patches in all images of a batch; here the patches of each image differ.
    With the same seed, the patches occluded at a low ratio are a subset of those at a higher ratio.

    Args:
        ratio (float): Share of occluded patches, in [0, 1]; rounded up to whole patches, like
            :func:`mmguided.structures.len_keep`. 0 changes nothing.
        patch_size (int): Side of a patch in pixels; must divide both sides of the image. 16 gives
            the 14 x 14 patches of Naseer et al. at 224 pixels. Defaults to 16.
        seed (int): See :class:`Perturbation`.
        fill_color (float | Sequence[float]): Color of occluded patches: a gray value, or a value
            per channel in the order of the image (BGR). Defaults to 0 (black).

    Raises:
        ConfigError: If ``ratio``, ``patch_size`` or ``seed`` is invalid, or (when applied)
            ``patch_size`` does not divide the image.
    """

    def __init__(self, ratio: float, patch_size: int = 16, seed: int = 0,
                 fill_color: float | Sequence[float] = 0) -> None:
        super().__init__(seed)
        if not 0 <= ratio <= 1:
            raise ConfigError(f'RandomPatchOcclusion.ratio={ratio}: must be in [0, 1]. Set a share '
                              'of the patches, such as 0.5.')
        if not isinstance(patch_size, int) or patch_size < 1:
            raise ConfigError(f'RandomPatchOcclusion.patch_size={patch_size}: invalid. Set a '
                              'positive integer.')
        self.ratio = ratio
        self.patch_size = patch_size
        self.fill_color = fill_color

    def perturb(self, image, index):
        grid = tuple(side // self.patch_size for side in image.shape[:2])
        if tuple(side * self.patch_size for side in grid) != image.shape[:2]:
            raise ConfigError(
                f'RandomPatchOcclusion.patch_size={self.patch_size}: does not divide the image '
                f'size {image.shape[0]} x {image.shape[1]}. Set a common divisor.')
        num = grid[0] * grid[1]
        occluded = np.zeros(num, bool)
        occluded[self._permutation(num, index)[:num - len_keep(num, self.ratio)]] = True
        pixels = occluded.reshape(grid).repeat(self.patch_size, 0).repeat(self.patch_size, 1)
        image = image.copy()
        image[pixels] = self.fill_color
        return image


@TRANSFORMS.register_module()
class PatchShuffle(Perturbation):
    """Shuffle the patches of a regular grid (Naseer et al., Sec. 3.3; Conditional MAE, A.5).

    Args:
        grid (int): Patches along each side; must divide both sides of the image. 1 changes nothing,
            14 shuffles the patches of a ViT/16 at 224 pixels.
        seed (int): See :class:`Perturbation`.

    Raises:
        ConfigError: If ``grid`` or ``seed`` is invalid, or (when applied) ``grid`` does not divide
            the image.
    """

    def __init__(self, grid: int, seed: int = 0) -> None:
        super().__init__(seed)
        if not isinstance(grid, int) or grid < 1:
            raise ConfigError(f'PatchShuffle.grid={grid}: invalid. Set a positive integer.')
        self.grid = grid

    def perturb(self, image, index):
        height, width, channels = image.shape
        if height % self.grid or width % self.grid:
            raise ConfigError(f'PatchShuffle.grid={self.grid}: does not divide the image size '
                              f'{height} x {width}. Set a common divisor.')
        num, size = self.grid**2, (height // self.grid, width // self.grid)
        patches = image.reshape(self.grid, size[0], self.grid, size[1], channels).swapaxes(1, 2)
        patches = patches.reshape(num, *size, channels)[self._permutation(num, index)]
        return patches.reshape(self.grid, self.grid, *size, channels).swapaxes(1, 2).reshape(
            image.shape)
