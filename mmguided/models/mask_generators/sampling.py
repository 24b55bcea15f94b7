"""What is hidden: from scores and noise to the priority with which patches are masked.

A sampler is a function ``priority(scores, noise, grid, num_mask, clock)`` over tensors. It draws no
random numbers but those that its docstring names, so that a seed, or given noise, determines the
mask.
"""
import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from mmguided.registry import MODELS
from mmguided.structures import Clock, Schedule, len_keep
from mmguided.utils.errors import ConfigError


class Sampling:
    """Base of the samplers.

    Attributes:
        needs_scores: Whether a guidance has to be given beside the sampler.
        needs_whole_grid: Whether it can only choose among all patches, not behind another shot.
        needs_nonnegative_scores: Whether the scores must be a share of something, such as a
            softmax, rather than logits.
        is_scheduled: Whether the sampler changes over the epochs.
    """
    needs_scores = False
    needs_whole_grid = False
    needs_nonnegative_scores = False
    is_scheduled = False

    def len_keep(self, grid: tuple[int, int], mask_ratio: float) -> int:
        """How many patches of a grid stay visible; ConfigError if the sampler cannot divide it."""
        return len_keep(grid[0] * grid[1], mask_ratio)

    def random_priority(self, noise: Tensor, grid: tuple[int, int]) -> Tensor:
        """Priority ``(B, L)`` in images that the guidance's schedule leaves unguided."""
        return noise

    def priority(self, scores: Tensor | None, noise: Tensor, grid: tuple[int, int],
                 num_mask: int, clock: Clock) -> Tensor:
        """With what priority each patch is masked.

        Args:
            scores: Guidance, ``(B, L)``; larger means more information. None if unguided.
            noise: Uniform in [0, 1), ``(B, L)``.
            grid: ``(h, w)`` with ``h * w = L``.
            num_mask: How many patches of an image will be masked.
            clock: The time.

        Returns:
            ``(B, L)``; the ``num_mask`` patches of the highest priority are masked.
        """
        raise NotImplementedError


@MODELS.register_module()
class RandomSampling(Sampling):
    """Every subset of the patches is as likely as any other (MAE)."""

    def priority(self, scores, noise, grid, num_mask, clock):
        return noise


@MODELS.register_module()
class TopKSampling(Sampling):
    """The patches with the highest scores are masked ('importance' in ccMIM Table 5; AttMask).

    Args:
        masked: 'high', or 'low' for those with the lowest scores.
    """
    needs_scores = True

    def __init__(self, masked: str = 'high') -> None:
        self.sign = _sign(masked)

    def priority(self, scores, noise, grid, num_mask, clock):
        return self.sign * scores


@MODELS.register_module()
class ProportionalSampling(Sampling):
    """Patches are drawn in proportion to their scores, one after another without replacement.

    The Gumbel top-k trick draws all at once: the k largest of ``log(scores) + g``, g Gumbel noise,
    have the distribution of k such draws. Patches of score 0 come last, in random order.

    Args:
        masked: 'high' draws the masked patches (CMT-MAE), 'low' the visible ones (MILAN).
    """
    needs_scores = True
    needs_nonnegative_scores = True

    def __init__(self, masked: str = 'high') -> None:
        self.sign = _sign(masked)

    def priority(self, scores, noise, grid, num_mask, clock):
        return self.sign * _gumbel_keys(scores, noise)


@MODELS.register_module()
class ImportanceSampling(Sampling):
    """High scores are masked more often (ccMIM Eq. 5-6).

    The released code sorts ``softmax(scores) / softmax(u)``, u uniform per patch. The two
    normalizers are one factor per image, so that ``scores - u``, its logarithm, sorts the same.
    Scores that differ by much less than 1 therefore leave the mask close to random.

    Args:
        log_scores: Sort ``scores / u``, that is ``log(scores) - log(u)``: the paper read
            literally, whose scores are a softmax already. The more the scores differ, the closer
            masks come to those of the highest scores.
        sharpness: Factor of the scores, or of their logarithms, against the noise. Masks come close
            to random ones as it goes to 0, and to those of the highest scores as it grows.

    Raises:
        ConfigError: If the sharpness is not above 0.
    """
    needs_scores = True

    def __init__(self, log_scores: bool = False, sharpness: float = 1.) -> None:
        if not sharpness > 0:
            raise ConfigError(f'ImportanceSampling: sharpness={sharpness} must be above 0; for '
                              "random masks use type='mmguided.RandomSampling'")
        self.log_scores = log_scores
        self.sharpness = sharpness
        self.needs_nonnegative_scores = log_scores

    def priority(self, scores, noise, grid, num_mask, clock):
        if self.log_scores:
            return self.sharpness * scores.log() - noise.log()
        return self.sharpness * scores - noise


@MODELS.register_module()
class BlockwiseSampling(Sampling):
    """Rectangular blocks are masked until there are enough patches, as in the released code of BEiT
    (ccMIM Sec. 4.3).

    A block's area is uniform between ``min_patches`` and the number of patches still to mask, its
    aspect ratio log-uniform, its position uniform. One that would mask no patch anew, or more than
    are still to mask, is drawn again. Patches that an earlier block covers have the higher
    priority. ``max_blocks`` blocks are drawn, each from ``max_tries``, for the whole batch at once:
    enough for 147 of 196 patches in all of 40,000 images tried. Where it is not enough, as on 4 x 4
    patches with blocks of 16, the rest is masked at random. In a shot behind another one, which
    patches are masked already is not known here, and blocks are drawn until each patch is in one.
    Draws from torch's global generator. (mmpretrain's BEiTMaskGenerator leaves out the last row and
    column, which BEiT's own does not.)

    Args:
        min_patches: Smallest block, in patches, unless fewer are still to mask.
        min_aspect: Smallest height-to-width ratio; the largest is its inverse.
    """
    max_blocks, max_tries = 32, 16

    def __init__(self, min_patches: int = 16, min_aspect: float = 0.3) -> None:
        if min_patches < 1:
            raise ConfigError(f'BlockwiseSampling: min_patches={min_patches} must be at least 1')
        if not 0 < min_aspect <= 1:
            raise ConfigError(f'BlockwiseSampling: min_aspect={min_aspect} must be in (0, 1]')
        self.min_patches = min_patches
        self.log_aspect = math.log(min_aspect)

    def priority(self, scores, noise, grid, num_mask, clock):
        (h, w), batch, device = grid, noise.shape[0], noise.device
        rows, columns = torch.arange(h, device=device), torch.arange(w, device=device)
        masked = noise.new_zeros(batch, h, w)
        turn = torch.full_like(masked, self.max_blocks)
        to_mask = noise.new_full((batch, 1), num_mask)
        for block in range(self.max_blocks):
            area, aspect, top, left = torch.rand(4, batch, self.max_tries, device=device)
            area = self.min_patches + area * (to_mask - self.min_patches)
            aspect = torch.exp((1 - 2 * aspect) * self.log_aspect)
            block_h, block_w = (area * aspect).sqrt().round(), (area / aspect).sqrt().round()
            top = (top * (h - block_h + 1)).floor().unsqueeze(2)
            left = (left * (w - block_w + 1)).floor().unsqueeze(2)
            in_rows = ((rows >= top) & (rows < top + block_h.unsqueeze(2))).float()  # (B, tries, h)
            in_columns = ((columns >= left) & (columns < left + block_w.unsqueeze(2))).float()
            new = block_h * block_w - ((in_rows @ masked) * in_columns).sum(2)  # (B, tries)
            fits = (block_h < h) & (block_w < w) & (new > 0) & (new <= to_mask)
            first = fits.int().argmax(1, keepdim=True)  # the first try that fits, if any does
            drawn = fits.gather(1, first)
            in_block = (in_rows.gather(1, first.unsqueeze(2).expand(-1, -1, h)).mT
                        * in_columns.gather(1, first.unsqueeze(2).expand(-1, -1, w)))  # (B, h, w)
            in_block = (in_block > 0) & drawn.unsqueeze(2)
            turn = torch.where(in_block & (masked == 0), block, turn)
            masked = torch.where(in_block, 1., masked)
            to_mask = to_mask - new.gather(1, first) * drawn
            to_mask = torch.where(to_mask == 0, num_mask, to_mask)  # for a shot behind another one
        return noise - turn.flatten(1)


@MODELS.register_module()
class GridBlockSampling(Sampling):
    """Square blocks of a fixed grid are masked as a whole (released CMAE: 2 x 2 patches).

    Another sampler decides which blocks; it gets one score per block, the mean, and one noise.

    Args:
        block_size: Side of a block in patches; must divide the sides of the grid.
        sampling: Config of the sampler of the blocks; random by default.
    """
    needs_whole_grid = True

    def __init__(self,
                 block_size: int = 2,
                 sampling: dict = dict(type='mmguided.RandomSampling')) -> None:  # noqa: B006
        if block_size < 1:
            raise ConfigError(f'GridBlockSampling: block_size={block_size} must be at least 1')
        self.block_size = block_size
        self.sampling = MODELS.build(sampling)
        self.needs_scores = self.sampling.needs_scores
        self.needs_nonnegative_scores = self.sampling.needs_nonnegative_scores
        self.is_scheduled = self.sampling.is_scheduled

    def _block_grid(self, grid: tuple[int, int]) -> tuple[int, int]:
        if grid[0] % self.block_size or grid[1] % self.block_size:
            raise ConfigError(f'GridBlockSampling: block_size={self.block_size} does not divide '
                              f'the grid of {grid[0]} x {grid[1]} patches: choose a divisor')
        return grid[0] // self.block_size, grid[1] // self.block_size

    def len_keep(self, grid, mask_ratio):
        return self.block_size**2 * self.sampling.len_keep(self._block_grid(grid), mask_ratio)

    def random_priority(self, noise, grid):
        blocks = self._block_grid(grid)
        priority = self.sampling.random_priority(self._noise(noise, grid), blocks)
        return self._to_patches(priority, blocks)

    def priority(self, scores, noise, grid, num_mask, clock):
        blocks = self._block_grid(grid)
        if scores is not None:
            scores = F.avg_pool2d(scores.unflatten(1, grid), self.block_size).flatten(1)
        priority = self.sampling.priority(
            scores, self._noise(noise, grid), blocks, num_mask // self.block_size**2, clock)
        return self._to_patches(priority, blocks)

    def _noise(self, noise: Tensor, grid: tuple[int, int]) -> Tensor:
        """The noise of each block's first patch."""
        return noise.unflatten(1, grid)[:, ::self.block_size, ::self.block_size].flatten(1)

    def _to_patches(self, priority: Tensor, blocks: tuple[int, int]) -> Tensor:
        """Priority of the blocks' patches: ranks, so that no two blocks are equal and each is
        masked as a whole."""
        ranks = priority.argsort(dim=1, stable=True).argsort(dim=1).unflatten(1, blocks)
        for dim in (1, 2):
            ranks = ranks.repeat_interleave(self.block_size, dim)
        return ranks.flatten(1)


@MODELS.register_module()
class HintSampling(Sampling):
    """Of the patches that another sampler would mask, a share stays visible as hints (Self-guided
    MAE Sec. 4; AttMask). The patches next in its order are masked in their place, so that as many
    are masked as without hints. Draws from torch's global generator.

    Around top-k, uniform hints of ``1 - mask_ratio`` of the masked patches undo the guide: as large
    a share of the highest scores is masked then as of the others.

    Args:
        sampling: Config of the other sampler. Around :class:`GridBlockSampling` hints are single
            patches; inside of it, blocks.
        ratio: Hints, as a share of the patches to mask, their number rounded up: a number in
            [0, 1], or the arguments of a :class:`mmguided.structures.Schedule`, such as
            ``dict(start=.05, end=0., ramp=1., relative=True)`` for a share that decays over the
            run.
        choice: 'uniform' draws them at random, 'proportional' in proportion to the scores, of which
            those below 0 count as 0.

    Raises:
        ConfigError: If the ratio is not in [0, 1] or leaves more hints than there are patches to
            take their place, 'proportional' has no scores, or there is no such choice.
    """
    needs_whole_grid = True

    def __init__(self, sampling: dict, ratio: float | Mapping, choice: str = 'uniform') -> None:
        if choice not in ('uniform', 'proportional'):
            raise ConfigError(
                f"HintSampling: choice={choice!r}: choose 'uniform' or 'proportional'")
        self.sampling = MODELS.build(sampling)
        self.ratio = Schedule.of(ratio, 'HintSampling: ratio')
        self.choice = choice
        self.needs_scores = self.sampling.needs_scores
        if choice == 'proportional' and not self.needs_scores:
            raise ConfigError(f'HintSampling: {type(self.sampling).__name__} uses no scores, in '
                              "proportion to which hints could be drawn: set choice='uniform'")
        self.needs_nonnegative_scores = self.sampling.needs_nonnegative_scores
        self.is_scheduled = not self.ratio.is_constant or self.sampling.is_scheduled

    def len_keep(self, grid, mask_ratio):
        keep = self.sampling.len_keep(grid, mask_ratio)
        num_mask = grid[0] * grid[1] - keep
        most = max(self.ratio.start, self.ratio.end)
        if _num_hints(num_mask, most) > keep:
            raise ConfigError(
                f'HintSampling: ratio={most} of {num_mask} masked patches are more hints than the '
                f'{keep} patches to be masked in their place: choose at most '
                f'{keep / num_mask:.3g}')
        return keep

    def random_priority(self, noise, grid):
        return self.sampling.random_priority(noise, grid)

    def priority(self, scores, noise, grid, num_mask, clock):
        priority = self.sampling.priority(scores, noise, grid, num_mask, clock)
        num_hints = _num_hints(num_mask, self.ratio.at(clock))
        if not num_hints:
            return priority
        order = priority.argsort(dim=1, stable=True)
        masked = order[:, -num_mask:]
        keys = torch.rand(masked.shape, device=masked.device)
        if self.choice == 'proportional':
            keys = _gumbel_keys(scores.gather(1, masked), keys)
        hints = masked.gather(1, keys.topk(num_hints, dim=1).indices)
        return order.argsort(dim=1).scatter(1, hints, -1)


def _num_hints(num_mask: int, ratio: float) -> int:
    return num_mask - len_keep(num_mask, ratio)


def _gumbel_keys(scores: Tensor, noise: Tensor) -> Tensor:
    """``log(scores) + g``, g Gumbel noise made of uniform noise: the k largest are k draws in
    proportion to the scores without replacement."""
    tiny = torch.finfo(torch.float32).tiny  # in place of 0, whose logarithm has no order
    gumbel = -(-noise.clamp(min=tiny).log()).log()
    return scores.clamp(min=tiny).log() + gumbel


def _sign(masked: str) -> int:
    if masked not in ('high', 'low'):
        raise ConfigError(f"sampling.masked={masked!r}: choose 'high' or 'low'")
    return 1 if masked == 'high' else -1
