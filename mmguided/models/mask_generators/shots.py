"""Masking in several shots, before several layers of the encoder (Conditional MAE)."""
from collections.abc import Mapping, Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError

from .generator import MaskGenerator
from .patch_mask import PatchMask, num_kept


@MODELS.register_module()
class MultiShotMaskGenerator(BaseModule):
    """Masks a share of the patches that are still there, before each of several layers.

    ``L(i, j; eta_1, eta_2)`` of Conditional MAE (Sec. 3.1) is ``shots=((i, eta_1), (j, eta_2))``. A
    guided shot is scored on the patches that the shots before it have left; its encoder sees no
    other. A ratio of 0 is allowed and masks nothing.

    Args:
        shots: By rising layer, either ``(layer, mask_ratio)``, which masks at random, or a dict of
            ``layer`` and the arguments of :class:`MaskGenerator`.

    Raises:
        ConfigError: If layers do not rise, a ratio is not in [0, 1), or nothing is masked.
    """

    def __init__(self, shots: Sequence[Sequence[float] | dict]) -> None:
        super().__init__()
        shots = [self._as_dict(shot) for shot in shots]
        self.layers = [shot.pop('layer') for shot in shots]
        self.mask_ratios = [shot.get('mask_ratio', .75) for shot in shots]
        if not shots or sorted(set(self.layers)) != self.layers or self.layers[0] < 0:
            raise ConfigError(f'mask_generator.shots: layers {self.layers} must rise, from 0')
        wrong = [ratio for ratio in self.mask_ratios if not 0 <= ratio < 1]
        if wrong or not any(self.mask_ratios):
            raise ConfigError(f'mask_generator.shots: ratios {self.mask_ratios} must lie in '
                              '[0, 1), at least one of them above 0')
        self.generators = nn.ModuleList(
            MaskGenerator(**shot) if ratio else nn.Identity()
            for shot, ratio in zip(shots, self.mask_ratios, strict=True))

    @staticmethod
    def _as_dict(shot: Sequence[float] | Mapping) -> dict:
        if not isinstance(shot, Mapping):
            if not isinstance(shot, Sequence) or len(shot) != 2:
                raise ConfigError(f'mask_generator.shots: {shot!r} is no (layer, mask_ratio)')
            shot = dict(layer=shot[0], mask_ratio=shot[1])
        if not isinstance(shot.get('layer'), int):
            raise ConfigError(f'mask_generator.shots: {dict(shot)} needs a layer, an integer')
        return dict(shot)

    def check(self, encoders: Mapping, grid: tuple[int, int]) -> None:
        """Raise ConfigError if the encoder has no such layers, a guidance asks for what
        ``encoders`` do not have, or the shots leave nothing visible or nothing masked."""
        depth = encoders['student'].num_layers
        if self.layers[-1] >= depth:
            raise ConfigError(f'mask_generator.shots: layer {self.layers[-1]} is out of range, the '
                              f'encoder has layers 0..{depth - 1}')
        for generator, ratio in zip(self.generators, self.mask_ratios, strict=True):
            if ratio:
                generator.check_guidance(encoders)
        num = grid[0] * grid[1]
        kept = self._num_kept(grid)[-1]
        if not 0 < kept < num:
            raise ConfigError(f'mask_generator.shots: ratios {self.mask_ratios} on {grid[0]} x '
                              f'{grid[1]} patches keep {kept} of {num} visible')

    def _num_kept(self, grid: tuple[int, int]) -> list[int]:
        """Patches left after each shot."""
        num, present = grid[0] * grid[1], []
        for generator, ratio in zip(self.generators, self.mask_ratios, strict=True):
            left = present[-1] if present else num
            if ratio and left == num:  # samplers of blocks count by blocks, on a whole grid
                present.append(generator.sampling.num_kept(grid, ratio))
            else:
                present.append(num_kept(left, ratio))
        return present

    def forward(self,
                images: Tensor,
                grid: tuple[int, int],
                encoders: Mapping | None = None) -> tuple[PatchMask, dict[str, Tensor]]:
        """Divide the patches of each image.

        Args:
            images: ``(B, 3, H, W)``.
            grid: Patches ``(h, w)`` of an image.
            encoders: Encoders that a guidance may ask, by name.

        Returns:
            The mask, and the scalars of :class:`MaskGenerator` for the log, by shot.
        """
        left = grid[0] * grid[1]
        order = torch.arange(left, device=images.device).expand(len(images), -1)
        drops, log_vars, mask = (), {}, None
        for number, (layer, kept) in enumerate(
                zip(self.layers, self._num_kept(grid), strict=True), start=1):
            drops += ((layer, kept), )
            if kept < left:
                keys, guided = self.generators[number - 1].keys(
                    images, grid, encoders, left - kept, present=mask)
                # Among the patches still there, those with the smallest keys last longest.
                present = order[:, :left]
                places = keys.gather(1, present).argsort(dim=1, stable=True)
                order = torch.cat((present.gather(1, places), order[:, left:]), dim=1)
                mask = PatchMask.from_order(order, drops)
                if guided is not None:
                    masked = (mask.shot == number).float()
                    log_vars |= guided.log_vars(masked, left - kept, f'_shot_{number}')
                left = kept
        return PatchMask.from_order(order, drops), log_vars
