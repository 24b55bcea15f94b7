"""Mask generator: guidance, sampling and a schedule, in one or more shots."""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmguided.ops import topk_overlap
from mmguided.registry import MODELS
from mmguided.structures import Clock, Observation, PatchMask, Schedule, Wants, len_keep
from mmguided.utils.errors import ConfigError

from ..backbones.base import Encoder


@dataclass(frozen=True)
class ShotGuidance:
    """Guidance of one shot.

    Attributes:
        scores: Scores of the guidance, ``(B, L)``; 0 for patches that an earlier shot has masked,
            NaN for images without scores. None if the shot masks all images at random.
        guided: Images masked by their scores, ``(B, 1)``, bool; None without scores.
    """
    scores: Tensor | None = None
    guided: Tensor | None = None


class Shot(nn.Module):
    """Shot that masks ``mask_ratio`` of the patches present before ``layer``; see
    :class:`MaskGenerator` for the other arguments."""

    def __init__(self,
                 layer: int,
                 mask_ratio: float,
                 sampling: dict,
                 guidance: dict | None = None,
                 schedule: dict | None = None) -> None:
        super().__init__()
        if not isinstance(layer, int) or layer < 0:
            raise ConfigError(f'mask_generator.shots.layer={layer!r}: not a layer index. Give an '
                              'integer >= 0.')
        if not 0 <= mask_ratio < 1:
            raise ConfigError(f'mask_generator.mask_ratio={mask_ratio}: out of range. Choose a '
                              'value in [0, 1).')
        self.layer = layer
        self.mask_ratio = mask_ratio
        self.sampling = MODELS.build(sampling)
        self.guidance = MODELS.build(guidance) if guidance else None
        name = type(self.sampling).__name__
        if self.sampling.needs_scores and not guidance:
            raise ConfigError(f'sampling.type={name}: needs scores. Set mask_generator.guidance.')
        if guidance and not self.sampling.needs_scores:
            raise ConfigError(
                f'sampling.type={name}: ignores scores. Set mask_generator.guidance=None.')
        if self.sampling.needs_nonnegative_scores and not self.guidance.nonnegative:
            raise ConfigError(f'sampling.type={name}: needs nonnegative scores, but '
                              f'{type(self.guidance).__name__} can return negative ones. Choose '
                              "another sampling, or set guidance.softmax='heads' for ClsAttention.")
        if schedule and not guidance:
            raise ConfigError(
                f'schedule={schedule}: the schedule needs guidance. Set mask_generator.guidance.')
        self.schedule = Schedule.of(
            dict(start=0., end=1.) | dict(schedule or {}), 'mask_generator.schedule')

    @property
    def is_scheduled(self) -> bool:
        """True if sampling, guidance or the guided share changes over the epochs."""
        return (not self.schedule.is_constant or self.sampling.is_scheduled
                or self.guidance is not None and self.guidance.is_scheduled)

    def is_guided(self, clock: Clock) -> bool:
        """True if images are guided at the time of the clock."""
        return self.guidance is not None and self.mask_ratio > 0 and self.schedule.at(clock) > 0

    def len_keep(self, num_present: int, grid: tuple[int, int]) -> int:
        """Number of patches that remain of ``num_present`` patches."""
        if self.mask_ratio and num_present == grid[0] * grid[1]:
            keep = self.sampling.len_keep(grid, self.mask_ratio)  # may count blocks
            return keep + self.sampling.num_added(grid, self.mask_ratio)
        return len_keep(num_present, self.mask_ratio)

    def priority(self, scores: Tensor | None, noise: Tensor, grid: tuple[int, int], num_mask: int,
                 clock: Clock) -> tuple[Tensor, Tensor | None]:
        """:meth:`Sampling.priority` of guided images, ``random_priority`` of other images, and a
        mask of the guided images, ``(B, 1)`` bool; None without scores."""
        if self.guidance is not None and scores is None:
            return self.sampling.random_priority(noise, grid), None
        num_mask += self.sampling.num_added(grid, self.mask_ratio)
        if scores is None:
            return self.sampling.priority(None, noise, grid, num_mask, clock), None
        guided = scores.isfinite().all(dim=1, keepdim=True)
        priority = self.sampling.priority(
            torch.where(guided, scores, 0), noise, grid, num_mask, clock)
        if (share := self.schedule.at(clock)) < 1:
            guided &= torch.rand(len(noise), 1, device=noise.device) < share
        return torch.where(guided, priority, self.sampling.random_priority(noise, grid)), guided


@MODELS.register_module()
class MaskGenerator(BaseModule):
    """Combine optional guidance, sampling and a schedule into one :class:`PatchMask` per batch.

    Patches are masked in one or several shots (Conditional MAE, Sec. 2.2). Each shot masks a share
    of the patches present before a layer of the encoder: ``L(i, j; eta_1, eta_2)`` is
    ``shots=((i, eta_1), (j, eta_2))``. The scores of a guided later shot come from an additional
    forward of the encoder on the patches present, so that all layers score the same patches.

    Args:
        sampling: Config of the sampler; random by default.
        guidance: Config of the guidance.
        mask_ratio: Mask ratio in (0, 1), 0.75 by default; shorthand for one shot before layer 0.
        schedule: Share of guided images, as arguments of :class:`mmguided.structures.Schedule` with
            ``start=0, end=1`` by default; other images are masked at random. ``begin=50`` guides
            from epoch 50 on; ``ramp=100`` raises the share over the first 100 epochs.
        shots: Shots in ascending layer order: ``(layer, mask_ratio)``, or a dict of ``layer``,
            ``mask_ratio`` and optionally ``sampling``, ``guidance`` and ``schedule`` of the shot.

    Attributes:
        layers, mask_ratios: Layer and mask ratio of each shot.

    Raises:
        ConfigError: If layers do not ascend, a ratio is not in [0, 1), nothing is masked, or
            sampling, guidance and schedule do not match.
    """

    def __init__(self,
                 sampling: dict = dict(type='mmguided.RandomSampling'),  # noqa: B006
                 guidance: dict | None = None,
                 mask_ratio: float | None = None,
                 schedule: dict | None = None,
                 shots: Sequence[Sequence[float] | dict] | None = None) -> None:
        super().__init__()
        if shots is None:
            shots = ((0, 0.75 if mask_ratio is None else mask_ratio), )
        elif mask_ratio is not None:
            raise ConfigError(f'mask_generator.mask_ratio={mask_ratio}: mask_generator.shots '
                              'already sets the ratio of each shot. Set one of the two.')
        shared = dict(sampling=sampling, guidance=guidance, schedule=schedule)
        self.shots = nn.ModuleList(Shot(**(shared | self._as_dict(shot))) for shot in shots)
        self.layers = [shot.layer for shot in self.shots]
        self.mask_ratios = [shot.mask_ratio for shot in self.shots]
        if not self.layers or sorted(set(self.layers)) != self.layers:
            raise ConfigError(f'mask_generator.shots={shots}: the layers do not ascend. Sort '
                              'the shots by layer and list each layer once.')
        if not any(self.mask_ratios):
            raise ConfigError(f'mask_generator.mask_ratio={self.mask_ratios}: masks nothing. '
                              'Choose a positive ratio.')

    @property
    def sources(self) -> set[str]:
        """Names of the encoders observed at the start or end of a run."""
        return {name for shot in self.shots if shot.guidance is not None
                for name in shot.guidance.sources}

    @property
    def is_scheduled(self) -> bool:
        """True if sampling, guidance or the guided share changes over the epochs."""
        return any(shot.is_scheduled for shot in self.shots)

    @staticmethod
    def _as_dict(shot: Sequence[float] | Mapping) -> dict:
        if isinstance(shot, Mapping):
            known = {'layer', 'mask_ratio', 'sampling', 'guidance', 'schedule'}
            if {'layer', 'mask_ratio'} <= shot.keys() <= known:
                return dict(shot)
        elif isinstance(shot, Sequence) and len(shot) == 2:
            return dict(layer=shot[0], mask_ratio=shot[1])
        raise ConfigError(f'mask_generator.shots={shot!r}: not a shot. Give (layer, mask_ratio), '
                          'or a dict of layer, mask_ratio and optionally sampling, guidance and '
                          'schedule.')

    def check(self, encoders: Mapping[str, Encoder], grid: tuple[int, int]) -> None:
        """Raise ConfigError if the encoder lacks a layer, ``encoders`` do not support the guidance,
        or no patch of the grid would be visible or masked."""
        encoders['student'].check_shots([shot.layer for shot in self.shots if shot.mask_ratio])
        masking = [shot for shot in self.shots if shot.mask_ratio]
        for shot in masking[1:]:
            if shot.sampling.needs_whole_grid:
                raise ConfigError(
                    f'mask_generator.shots: {type(shot.sampling).__name__} before layer '
                    f'{shot.layer} needs the whole grid. Use it in the first shot only.')
            if shot.guidance is not None and shot.guidance.needs_whole_image:
                raise ConfigError(
                    f'mask_generator.shots: {type(shot.guidance).__name__} before layer '
                    f'{shot.layer} needs the whole image. Use it in the first shot only.')
        for shot in self.shots:
            if shot.guidance is not None:
                shot.guidance.check(encoders)
        num = grid[0] * grid[1]
        keep = self._len_keep(grid)[-1]
        if not 0 < keep < num:
            raise ConfigError(f'mask_generator.mask_ratio={self.mask_ratios}: keeps {keep} of '
                              f'{num} patches ({grid[0]} x {grid[1]}). Mask at least 1, not all.')

    def _len_keep(self, grid: tuple[int, int]) -> list[int]:
        """Number of patches left after each shot."""
        counts, left = [], grid[0] * grid[1]
        for shot in self.shots:
            left = shot.len_keep(left, grid)
            counts.append(left)
        return counts

    def wants(self, clock: Clock) -> Mapping[str, Wants]:
        """Requested observations of whole images, by encoder name."""
        first = next(shot for shot in self.shots if shot.mask_ratio)
        return first.guidance.wants(clock) if first.is_guided(clock) else {}

    def forward(self,
                images: Tensor,
                grid: tuple[int, int],
                observations: Mapping[str, Observation],
                encoders: Mapping[str, Encoder],
                clock: Clock,
                noise: Tensor | None = None) -> tuple[PatchMask, dict[str, Tensor]]:
        """Mask a batch of images.

        Args:
            images: ``(B, C, H, W)``.
            grid: Patches ``(h, w)`` of an image.
            observations: Observations requested by :meth:`wants`.
            encoders: Encoders by name; guided later shots observe them.
            clock: Training clock.
            noise: Uniform noise ``(B, h * w)`` of the first shot; None draws it.

        Returns:
            The mask, and log scalars of each guided shot (with several shots, names end in
            ``_shot_N``): ``guided_share``, the share of guided images, and ``topk_overlap``, the
            share of masked patches among the top k by score (top-k sampling: 1; chance: the mask
            ratio), and the log scalars of the guidance.
        """
        return self.mask_by_shots(images, grid, observations, encoders, clock, noise)[:2]

    def mask_by_shots(self,
                      images: Tensor,
                      grid: tuple[int, int],
                      observations: Mapping[str, Observation],
                      encoders: Mapping[str, Encoder],
                      clock: Clock,
                      noise: Tensor | None = None
                      ) -> tuple[PatchMask, dict[str, Tensor], list[ShotGuidance]]:
        """Run :meth:`forward`; also return the guidance of each shot, for figures."""
        num = left = grid[0] * grid[1]
        ids = torch.arange(num, device=images.device).expand(len(images), -1)
        done, log_vars, mask, guidance = (), {}, None, []
        for number, (shot, keep) in enumerate(
                zip(self.shots, self._len_keep(grid), strict=True), start=1):
            done += ((shot.layer, keep), )
            if keep == left:
                guidance.append(ShotGuidance())
                continue
            seen = self._observe(shot, images, observations, encoders, clock, mask)
            scores = None if seen is None else shot.guidance(seen, clock)
            if scores is not None and mask is not None:  # masked patches have score 0
                scores = torch.zeros_like(mask.mask).scatter_(1, mask.ids_keep, scores)
            if noise is None:
                noise = torch.rand(len(images), num, device=images.device)
            priority, guided = shot.priority(scores, noise, grid, left - keep, clock)
            guidance.append(ShotGuidance(scores, guided))
            noise = None
            # Sort the present patches: patches with the lowest priority are masked last.
            present = ids[:, :left]
            order = priority.gather(1, present).argsort(dim=1, stable=True)
            ids = torch.cat((present.gather(1, order), ids[:, left:]), dim=1)
            suffix = f'_shot_{number}' if len(self.shots) > 1 else ''
            if shot.guidance is not None and scores is None:
                log_vars[f'guided_share{suffix}'] = priority.new_zeros(())
            if scores is not None:
                log_vars |= {f'{name}{suffix}': value
                             for name, value in shot.guidance.log_vars(seen, clock).items()}
                log_vars[f'guided_share{suffix}'] = guided.float().mean()
                log_vars[f'topk_overlap{suffix}'] = topk_overlap(
                    scores.gather(1, present), order[:, keep:])
            left = keep
            mask = PatchMask.from_ids(ids, ((0, left), ), grid)
        return PatchMask.from_ids(ids, done, grid), log_vars, guidance

    @staticmethod
    def _observe(shot: Shot, images: Tensor, observations: Mapping[str, Observation],
                 encoders: Mapping[str, Encoder], clock: Clock,
                 mask: PatchMask | None) -> Mapping[str, Observation] | None:
        """Observations for the guidance of a shot: of the whole image if ``mask`` is None,
        otherwise of the patches that ``mask`` keeps. None if the shot is not guided."""
        if not shot.is_guided(clock):
            return None
        if mask is None:
            return observations
        return {name: encoders[name].observe(images, asked, mask)
                for name, asked in shot.guidance.wants(clock).items()}
