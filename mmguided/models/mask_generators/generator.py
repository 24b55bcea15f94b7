"""A mask generator: guidance, sampling, and the schedule of the guidance."""
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError

from .patch_mask import PatchMask


class GuidanceSchedule(nn.Module):
    """Share of the images whose mask is guided, over the epochs; the others are masked at random.

    0 before ``begin``, rising linearly over ``ramp`` epochs, then 1: the default guides always,
    ``begin=50`` from an epoch on, ``begin=0, ramp=100`` is a ramp. The clock is a buffer, hence in
    every checkpoint; :class:`mmguided.engine.GuidanceScheduleHook` sets it.

    Args:
        begin: First epoch with guidance.
        ramp: Epochs from no to full guidance.
    """

    def __init__(self, begin: float = 0, ramp: float = 0) -> None:
        super().__init__()
        if begin < 0 or ramp < 0:
            raise ConfigError(f'schedule begin={begin}, ramp={ramp}: neither may be negative')
        self.begin = begin
        self.ramp = ramp
        self.register_buffer('epoch', torch.zeros(()))
        self._epoch = 0.  # the buffer's value on the host: a step must not wait for the device

    def set_epoch(self, epoch: float) -> None:
        """Tell the schedule how many epochs (fractions too) are behind."""
        self._epoch = float(epoch)
        self.epoch.fill_(self._epoch)

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, strict, missing_keys,
                              unexpected_keys, error_msgs) -> None:
        super()._load_from_state_dict(state_dict, prefix, local_metadata, strict, missing_keys,
                                      unexpected_keys, error_msgs)
        # Checkpoints of other projects have no clock; theirs starts at 0.
        missing_keys[:] = [key for key in missing_keys if key != prefix + 'epoch']
        self._epoch = float(self.epoch)

    @property
    def share(self) -> float:
        """Share of guided images now, in [0, 1]."""
        behind = self._epoch - self.begin
        if behind < 0:
            return 0.
        return min(behind / self.ramp, 1.) if self.ramp else 1.


@dataclass(frozen=True)
class Guided:
    """What a guidance said of a batch.

    Attributes:
        scores: ``(B, L)``.
        chosen: Which images the schedule let it guide, ``(B, 1)``, bool; None for all.
    """
    scores: Tensor
    chosen: Tensor | None

    def log_vars(self, masked: Tensor, num_mask: int, suffix: str = '') -> dict[str, Tensor]:
        """Scalars for the log, see :meth:`MaskGenerator.forward`.

        Args:
            masked: ``(B, L)``, 1 = masked.
            num_mask: How many are.
            suffix: Of the scalars' names.
        """
        highest = self.scores.topk(num_mask, dim=1).indices
        share = self.scores.new_ones(()) if self.chosen is None else self.chosen.float().mean()
        return {
            f'guided_share{suffix}': share,
            f'topk_overlap{suffix}': masked.gather(1, highest).mean()
        }


@MODELS.register_module()
class MaskGenerator(BaseModule):
    """Composes guidance (optional), sampling and schedule into one :class:`PatchMask` per batch.

    Args:
        sampling: Config of the sampler; random by default.
        guidance: Config of the guidance that the sampler's scores come from.
        mask_ratio: Share of the patches to mask, in (0, 1).
        schedule: Arguments of :class:`GuidanceSchedule`; images that it leaves unguided are masked
            at random.

    Raises:
        ConfigError: If the sampler needs scores and there is no guidance, or the reverse; if there
            is a schedule and nothing to schedule.
    """

    def __init__(self,
                 sampling: dict = dict(type='mmguided.RandomSampling'),  # noqa: B006
                 guidance: dict | None = None,
                 mask_ratio: float = 0.75,
                 schedule: dict | None = None) -> None:
        super().__init__()
        if not 0 < mask_ratio < 1:
            raise ConfigError(f'mask_ratio={mask_ratio} must lie between 0 and 1')
        self.sampling = MODELS.build(sampling)
        self.guidance = MODELS.build(guidance) if guidance else None
        self.mask_ratio = mask_ratio
        name = type(self.sampling).__name__
        if self.sampling.needs_scores and not guidance:
            raise ConfigError(f'sampling {name} needs a guidance: set mask_generator.guidance')
        if guidance and not self.sampling.needs_scores:
            raise ConfigError(
                f'sampling {name} uses no scores: set mask_generator.guidance=None')
        if schedule and not guidance:
            raise ConfigError(f'schedule={schedule} needs a guidance: set mask_generator.guidance')
        if unknown := set(schedule or ()) - {'begin', 'ramp'}:
            raise ConfigError(f"schedule has no {sorted(unknown)}: choose from 'begin' and 'ramp'")
        self.schedule = GuidanceSchedule(**(schedule or {})) if guidance else None

    def check(self, encoders: Mapping, grid: tuple[int, int]) -> None:
        """Raise ConfigError if the guidance asks for what ``encoders`` do not have, or if the ratio
        leaves nothing visible or nothing masked on the grid."""
        self.check_guidance(encoders)
        num = grid[0] * grid[1]
        kept = self.sampling.num_kept(grid, self.mask_ratio)
        if not 0 < kept < num:
            raise ConfigError(f'mask_ratio={self.mask_ratio} on {grid[0]} x {grid[1]} patches '
                              f'keeps {kept} of {num} visible')

    def check_guidance(self, encoders: Mapping) -> None:
        """Raise ConfigError if the guidance asks for what ``encoders`` do not have."""
        if self.guidance is not None:
            self.guidance.check(encoders)

    def forward(self,
                images: Tensor,
                grid: tuple[int, int],
                encoders: Mapping | None = None,
                noise: Tensor | None = None) -> tuple[PatchMask, dict[str, Tensor]]:
        """Divide the patches of each image.

        Args:
            images: ``(B, 3, H, W)``.
            grid: Patches ``(h, w)`` of an image.
            encoders: Encoders that the guidance may ask, by name.
            noise: Uniform noise ``(B, h * w)`` in place of a fresh draw.

        Returns:
            The mask, and scalars for the log: ``guided_share``, the share of guided images, and
            ``topk_overlap``, the share of masked patches that are among the Lm highest scores
            (``mask_ratio`` where scores say nothing, 1 for top-k). Both only where guidance ran.
        """
        keep = self.sampling.num_kept(grid, self.mask_ratio)
        num_mask = grid[0] * grid[1] - keep
        keys, guided = self.keys(images, grid, encoders, num_mask, noise)
        mask = PatchMask.from_keys(keys, keep)
        return mask, guided.log_vars(mask.mask, num_mask) if guided else {}

    def keys(self,
             images: Tensor,
             grid: tuple[int, int],
             encoders: Mapping | None,
             num_mask: int,
             noise: Tensor | None = None,
             present: PatchMask | None = None) -> tuple[Tensor, Guided | None]:
        """Sort keys ``(B, L)`` of the patches, of which ``num_mask`` are to be masked, and what the
        guidance said, if it ran. With ``present``, the guidance sees and scores the patches that
        this mask leaves visible, and no other."""
        if noise is None:
            noise = torch.rand(images.shape[0], grid[0] * grid[1], device=images.device)
        share = self.schedule.share if self.guidance else 0.
        if self.guidance is not None and share == 0:
            return self.sampling.random_keys(noise, grid), None

        scores = self.guidance(images, encoders, present) if self.guidance is not None else None
        keys = self.sampling.keys(scores, noise, grid, num_mask)
        chosen = None
        if 0 < share < 1:
            chosen = torch.rand(len(noise), 1, device=noise.device) < share
            keys = torch.where(chosen, keys, self.sampling.random_keys(noise, grid))
        return keys, None if scores is None else Guided(scores, chosen)
