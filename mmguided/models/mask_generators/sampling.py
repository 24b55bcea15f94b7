"""Samplers: turn scores and noise into a masking order.

A sampler is a function ``priority(scores, noise, grid, num_mask, clock)`` over tensors. It draws
random numbers only if its docstring says so; otherwise ``noise`` determines the mask.
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
    """Base class of the samplers. Subclasses implement :meth:`priority`.

    Attributes:
        needs_scores: True if the sampler needs guidance.
        needs_whole_grid: True if the sampler can be used only in the first shot.
        needs_nonnegative_scores: True if scores must be nonnegative, such as a softmax.
        is_scheduled: True if the sampler changes over the epochs.
    """
    needs_scores = False
    needs_whole_grid = False
    needs_nonnegative_scores = False
    is_scheduled = False

    def len_keep(self, grid: tuple[int, int], mask_ratio: float) -> int:
        """Number of visible patches of a grid; ConfigError if the grid is not supported."""
        return len_keep(grid[0] * grid[1], mask_ratio)

    def num_added(self, grid: tuple[int, int], mask_ratio: float) -> int:
        """Number of visible patches in addition to :meth:`len_keep`."""
        return 0

    def random_priority(self, noise: Tensor, grid: tuple[int, int]) -> Tensor:
        """Priority ``(B, L)`` for unguided images."""
        return noise

    def priority(self, scores: Tensor | None, noise: Tensor, grid: tuple[int, int],
                 num_mask: int, clock: Clock) -> Tensor:
        """Masking priority of each patch.

        Args:
            scores: Guidance scores ``(B, L)``; higher means more information. None if unguided.
            noise: Uniform noise in [0, 1), ``(B, L)``.
            grid: ``(h, w)`` with ``h * w = L``.
            num_mask: Number of patches that the mask ratio selects per image.
            clock: Training clock.

        Returns:
            ``(B, L)``. The patches with the highest priority are masked: ``num_mask`` patches minus
            :meth:`num_added`.
        """
        raise NotImplementedError


@MODELS.register_module()
class RandomSampling(Sampling):
    """Uniform random masking (MAE)."""

    def priority(self, scores, noise, grid, num_mask, clock):
        return noise


@MODELS.register_module()
class TopKSampling(Sampling):
    """Top-k masking by score ('importance' in ccMIM Table 5; AttMask). Equal scores are masked in
    random order.

    Args:
        masked: 'high' masks the highest scores, 'low' the lowest.
    """
    needs_scores = True

    def __init__(self, masked: str = 'high') -> None:
        self.sign = _sign(masked)

    def priority(self, scores, noise, grid, num_mask, clock):
        order = noise.argsort(dim=1)
        ranked = (self.sign * scores).gather(1, order).argsort(dim=1, stable=True)
        return order.gather(1, ranked).argsort(dim=1).float()


@MODELS.register_module()
class ProportionalSampling(Sampling):
    """Sample patches in proportion to the scores, without replacement.

    The sampler uses the Gumbel top-k trick: the k largest of ``log(scores) + g`` with Gumbel noise
    g are distributed as k successive draws. Patches with score 0 come last, in random order.

    Args:
        masked: 'high' draws the masked patches (CMT-MAE), 'low' the visible patches (MILAN).
    """
    needs_scores = True
    needs_nonnegative_scores = True

    def __init__(self, masked: str = 'high') -> None:
        self.sign = _sign(masked)

    def priority(self, scores, noise, grid, num_mask, clock):
        return self.sign * _gumbel_keys(scores, noise)


@MODELS.register_module()
class ImportanceSampling(Sampling):
    """Importance-based sampling of ccMIM (Eq. 5-6): high scores are masked more often.

    The released code sorts ``softmax(scores) / softmax(u)`` with u uniform per patch. The
    normalizers are constant per image, so that sorting its logarithm, ``scores - u``, is
    equivalent. If scores differ by much less than 1, masks are close to random.

    Args:
        log_scores: Sort ``scores / u`` instead, that is, ``log(scores) - log(u)``. This is the
            literal reading of the paper, in which scores are already a softmax.
        sharpness: Factor of the scores (or their logarithms) relative to the noise. Masks approach
            random masking as the factor goes to 0, and top-k masking as it grows.

    Raises:
        ConfigError: If ``sharpness`` is not positive.
    """
    needs_scores = True

    def __init__(self, log_scores: bool = False, sharpness: float = 1.) -> None:
        if not sharpness > 0:
            raise ConfigError(f'sampling.sharpness={sharpness}: not positive. For random masks use '
                              "type='mmguided.RandomSampling'.")
        self.log_scores = log_scores
        self.sharpness = sharpness
        self.needs_nonnegative_scores = log_scores

    def priority(self, scores, noise, grid, num_mask, clock):
        if self.log_scores:
            return self.sharpness * _log(scores) - _log(noise)
        return self.sharpness * scores - noise


@MODELS.register_module()
class BlockwiseSampling(Sampling):
    """Random rectangular blocks, masked as in the released code of BEiT (ccMIM Sec. 4.3).

    The area of a block is uniform between ``min_patches`` and the number of patches left to mask,
    its aspect ratio is log-uniform, and its position is uniform. A block that masks no new patch,
    or too many, is redrawn. Earlier blocks have a higher priority. ``max_blocks`` blocks with
    ``max_tries`` tries each are drawn for the whole batch at once. They suffice to mask 147 of 196
    patches in each of 40,000 images. If they do not suffice, for example with 16-patch blocks on a
    4 x 4 grid, the remaining patches are masked at random. A later shot ignores earlier masks and
    covers all patches with blocks. The sampler draws from torch's global generator. (mmpretrain's
    BEiTMaskGenerator never masks the last row and column, unlike BEiT's code.)

    Args:
        min_patches: Minimum block size in patches, unless fewer are left to mask.
    """
    max_blocks, max_tries = 32, 16
    log_aspect = math.log(0.3)  # of the flattest blocks; the tallest blocks have its negative

    def __init__(self, min_patches: int = 16) -> None:
        if min_patches < 1:
            raise ConfigError(f'sampling.min_patches={min_patches}: too small. Choose at least 1.')
        self.min_patches = min_patches

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
            first = fits.int().argmax(1, keepdim=True)  # first try that fits, if any
            drawn = fits.gather(1, first)
            in_block = (in_rows.gather(1, first.unsqueeze(2).expand(-1, -1, h)).mT
                        * in_columns.gather(1, first.unsqueeze(2).expand(-1, -1, w)))  # (B, h, w)
            in_block = (in_block > 0) & drawn.unsqueeze(2)
            turn = torch.where(in_block & (masked == 0), block, turn)
            masked = torch.where(in_block, 1., masked)
            to_mask = to_mask - new.gather(1, first) * drawn
            to_mask = torch.where(to_mask == 0, num_mask, to_mask)  # continue, for a later shot
        return noise - turn.flatten(1)


@MODELS.register_module()
class GridBlockSampling(Sampling):
    """Square blocks of a fixed grid, masked as a whole (released CMAE: 2 x 2 patches).

    Another sampler selects the blocks, from the mean score and one noise value per block.

    Args:
        block_size: Side of a block in patches; must divide the grid.
        sampling: Config of the block sampler; random by default.
    """
    needs_whole_grid = True

    def __init__(self,
                 block_size: int = 2,
                 sampling: dict = dict(type='mmguided.RandomSampling')) -> None:  # noqa: B006
        if block_size < 1:
            raise ConfigError(f'sampling.block_size={block_size}: too small. Choose at least 1.')
        self.block_size = block_size
        self.sampling = MODELS.build(sampling)
        self.needs_scores = self.sampling.needs_scores
        self.needs_nonnegative_scores = self.sampling.needs_nonnegative_scores
        self.is_scheduled = self.sampling.is_scheduled

    def _block_grid(self, grid: tuple[int, int]) -> tuple[int, int]:
        if grid[0] % self.block_size or grid[1] % self.block_size:
            raise ConfigError(f'sampling.block_size={self.block_size}: does not divide the grid of '
                              f'{grid[0]} x {grid[1]} patches. Choose a divisor.')
        return grid[0] // self.block_size, grid[1] // self.block_size

    def len_keep(self, grid, mask_ratio):
        return self.block_size**2 * self.sampling.len_keep(self._block_grid(grid), mask_ratio)

    def num_added(self, grid, mask_ratio):
        return self.block_size**2 * self.sampling.num_added(self._block_grid(grid), mask_ratio)

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
        """Noise of the first patch of each block."""
        return noise.unflatten(1, grid)[:, ::self.block_size, ::self.block_size].flatten(1)

    def _to_patches(self, priority: Tensor, blocks: tuple[int, int]) -> Tensor:
        """Patch priority from block priority. Ranks have no ties, so blocks are masked whole."""
        ranks = priority.argsort(dim=1, stable=True).argsort(dim=1).unflatten(1, blocks)
        for dim in (1, 2):
            ranks = ranks.repeat_interleave(self.block_size, dim)
        return ranks.flatten(1)


@MODELS.register_module()
class HintSampling(Sampling):
    """Hints: a share of the patches selected by another sampler stays visible (Self-guided MAE
    Sec. 4; AttMask).

    By default, the next patches in the masking order are masked instead of the hints, so that the
    number of masked patches is unchanged. With top-k, such uniform hints cancel the guidance at a
    ratio of ``1 - mask_ratio``: high and low scores are then masked equally often. With
    ``adds=True``, the hints are additional visible patches, and fewer patches are masked, also in
    unguided images. The ratio must then be constant, because the number of visible patches does not
    change during a run. The sampler draws from torch's global generator.

    Args:
        sampling: Config of the sampler. Hints are single patches; to use blocks of
            :class:`GridBlockSampling`, put this sampler inside it.
        ratio: Number of hints relative to the masked patches, rounded up: a number in [0, 1], or
            the arguments of a :class:`mmguided.structures.Schedule`, such as
            ``dict(start=.05, end=.01, begin='trigger', ramp=350)`` for a ratio that decays.
        choice: 'uniform', or 'proportional' to the scores (negative scores count as 0).
        adds: Add the hints to the visible patches; otherwise mask other patches instead.

    Raises:
        ConfigError: If the ratio is out of range or too large for the grid, the choice is unknown,
            'proportional' is used with a sampler without scores, or ``adds`` with a schedule.
    """
    needs_whole_grid = True

    def __init__(self, sampling: dict, ratio: float | Mapping, choice: str = 'uniform',
                 adds: bool = False) -> None:
        if choice not in ('uniform', 'proportional'):
            raise ConfigError(
                f"sampling.choice={choice!r}: unknown. Choose 'uniform' or 'proportional'.")
        self.sampling = MODELS.build(sampling)
        self.ratio = Schedule.of(ratio, 'sampling.ratio')
        self.choice = choice
        self.adds = adds
        if adds and not self.ratio.is_constant:
            raise ConfigError(f'sampling.ratio={ratio}: adds=True needs a constant ratio, because '
                              'the number of visible patches does not change during a run. Set a '
                              'number, or adds=False.')
        self.needs_scores = self.sampling.needs_scores
        if choice == 'proportional' and not self.needs_scores:
            raise ConfigError("sampling.choice='proportional': "
                              f'{type(self.sampling).__name__} has no scores. Set '
                              "choice='uniform'.")
        self.needs_nonnegative_scores = self.sampling.needs_nonnegative_scores
        self.is_scheduled = not self.ratio.is_constant or self.sampling.is_scheduled

    def len_keep(self, grid, mask_ratio):
        keep = self.sampling.len_keep(grid, mask_ratio)
        num_mask = grid[0] * grid[1] - keep
        most = max(self.ratio.start, self.ratio.end)
        if not self.adds and _num_hints(num_mask, most) > keep:
            raise ConfigError(
                f'sampling.ratio={most}: the hints among {num_mask} masked patches outnumber the '
                f'{keep} patches that can replace them. Choose at most {keep / num_mask:.3g}.')
        return keep

    def num_added(self, grid, mask_ratio):
        num_mask = grid[0] * grid[1] - self.sampling.len_keep(grid, mask_ratio)
        return _num_hints(num_mask, self.ratio.end) if self.adds else 0

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
    """``log(scores) + g`` with Gumbel noise g from uniform noise, see
    :class:`ProportionalSampling`."""
    return _log(scores) - (-_log(noise)).log()


def _log(values: Tensor) -> Tensor:
    """Logarithm that is finite for 0, so that noise can order patches with a score of 0."""
    return values.clamp(min=torch.finfo(torch.float32).tiny).log()


def _sign(masked: str) -> int:
    if masked not in ('high', 'low'):
        raise ConfigError(f"sampling.masked={masked!r}: unknown. Choose 'high' or 'low'.")
    return 1 if masked == 'high' else -1
