"""Perturbations of test images whose effect on a classifier tells how robust it is."""
from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform

from mmguided.registry import TRANSFORMS
from mmguided.structures import len_keep
from mmguided.utils.errors import ConfigError


class Perturbation(BaseTransform):
    """Base of the perturbations, for a test pipeline between the crop and ``PackInputs``.

    What is drawn for an image depends on ``seed`` and the image's index in the dataset alone: it is
    the same for every checkpoint and any number of workers and processes.

    Required keys: ``img``, an array ``(H, W, C)``, and ``sample_idx``. Modified key: ``img``.

    Args:
        seed (int): At least 0. Defaults to 0.
    """

    def __init__(self, seed: int = 0) -> None:
        if not isinstance(seed, int) or seed < 0:
            raise ConfigError(f'{type(self).__name__}: seed={seed} must be an integer of at least '
                              '0')
        self.seed = seed

    def transform(self, results: dict) -> dict:
        """Replaces the image."""
        results['img'] = self.perturb(results['img'], results['sample_idx'])
        return results

    def perturb(self, image: np.ndarray, index: int) -> np.ndarray:
        """The perturbed image, a new array, of one ``(H, W, C)`` of this index in its dataset."""
        raise NotImplementedError

    def _permutation(self, num: int, index: int) -> np.ndarray:
        return np.random.default_rng((self.seed, index)).permutation(num)


@TRANSFORMS.register_module()
class RandomPatchOcclusion(Perturbation):
    """Hides patches of a regular grid at random: the Random PatchDrop of Naseer et al.,
    "Intriguing Properties of Vision Transformers" (NeurIPS 2021), Sec. 3.1, which Conditional MAE,
    A.5, uses by way of iBOT with half of the patches.

    A hidden patch is black before normalization, as in the released code of Naseer et al. That
    code hides the same patches in all images of a batch; here each image has its own. With the same
    seed, an image's hidden patches at a lower ratio are among those at a higher one.

    Args:
        ratio (float): Share of the patches that is hidden, in [0, 1]; rounded up to whole patches,
            as :func:`mmguided.structures.len_keep` rounds. 0 changes nothing.
        patch_size (int): Side of a patch in pixels; must divide both sides of the image. 16 gives
            the 14 x 14 patches of Naseer et al. at 224 pixels. Defaults to 16.
        seed (int): As of :class:`Perturbation`.
        fill_color (float | Sequence[float]): Color of hidden patches, a gray value or one in the
            channel order of the image, BGR. Defaults to 0, black.

    Raises:
        ConfigError: ``ratio``, ``patch_size`` or ``seed`` is no such number; in use, the patches do
            not fill the image.
    """

    def __init__(self,
                 ratio: float,
                 patch_size: int = 16,
                 seed: int = 0,
                 fill_color: float | Sequence[float] = 0) -> None:
        super().__init__(seed)
        if not 0 <= ratio <= 1:
            raise ConfigError(f'RandomPatchOcclusion: ratio={ratio} must lie in [0, 1]; .5 hides '
                              'half of the patches')
        if not isinstance(patch_size, int) or patch_size < 1:
            raise ConfigError(f'RandomPatchOcclusion: patch_size={patch_size} must be a number of '
                              'pixels of at least 1')
        self.ratio = ratio
        self.patch_size = patch_size
        self.fill_color = fill_color

    def perturb(self, image, index):
        grid = tuple(side // self.patch_size for side in image.shape[:2])
        if tuple(side * self.patch_size for side in grid) != image.shape[:2]:
            raise ConfigError(
                f'RandomPatchOcclusion: patch_size={self.patch_size} does not divide the image of '
                f'{image.shape[0]} x {image.shape[1]} pixels; set one that does')
        num = grid[0] * grid[1]
        hidden = np.zeros(num, bool)
        hidden[self._permutation(num, index)[:num - len_keep(num, self.ratio)]] = True
        pixels = hidden.reshape(grid).repeat(self.patch_size, 0).repeat(self.patch_size, 1)
        image = image.copy()
        image[pixels] = self.fill_color
        return image

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(ratio={self.ratio}, patch_size={self.patch_size}, '
                f'seed={self.seed}, fill_color={self.fill_color})')


@TRANSFORMS.register_module()
class PatchShuffle(Perturbation):
    """Cuts the image into cells of equal size and permutes them at random (Naseer et al., Sec. 3.3;
    Conditional MAE, A.5).

    Args:
        grid (int): Cells along each side, which must divide both sides of the image. 1 changes
            nothing, 14 permutes the patches of a ViT/16 at 224 pixels.
        seed (int): As of :class:`Perturbation`.

    Raises:
        ConfigError: ``grid`` or ``seed`` is no such number; in use, ``grid`` does not divide the
            image.
    """

    def __init__(self, grid: int, seed: int = 0) -> None:
        super().__init__(seed)
        if not isinstance(grid, int) or grid < 1:
            raise ConfigError(f'PatchShuffle: grid={grid} must be a number of cells along each '
                              'side, at least 1')
        self.grid = grid

    def perturb(self, image, index):
        height, width, channels = image.shape
        if height % self.grid or width % self.grid:
            raise ConfigError(f'PatchShuffle: grid={self.grid} does not divide the image of '
                              f'{height} x {width} pixels; set one that does')
        num, size = self.grid**2, (height // self.grid, width // self.grid)
        cells = image.reshape(self.grid, size[0], self.grid, size[1], channels).swapaxes(1, 2)
        cells = cells.reshape(num, *size, channels)[self._permutation(num, index)]
        return cells.reshape(self.grid, self.grid, *size, channels).swapaxes(1, 2).reshape(
            image.shape)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(grid={self.grid}, seed={self.seed})'
