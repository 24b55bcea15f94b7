"""Samplers: formulas, distributions, hints, errors."""
import math

import numpy as np
import pytest
import torch
from mmpretrain.datasets import BEiTMaskGenerator

from mmguided.models.mask_generators import (
    BlockwiseSampling,
    GridBlockSampling,
    HintSampling,
    ImportanceSampling,
    MaskGenerator,
    ProportionalSampling,
    TopKSampling,
)
from mmguided.registry import MODELS
from mmguided.structures import Clock, Observation
from mmguided.utils.errors import ConfigError


def test_importance_sampling_is_the_released_formula():
    scores, noise = 3 * torch.rand(6, 50), torch.rand(6, 50)
    released = (scores.softmax(-1) / noise.softmax(-1)).argsort(1)
    priority = ImportanceSampling().priority(scores, noise, (5, 10), 37, Clock())
    assert torch.equal(priority.argsort(1), released)


def test_low_scores_may_be_masked():
    scores, noise = torch.rand(2, 2, 9)
    for masked, sign in (('high', 1), ('low', -1)):
        priority = TopKSampling(masked).priority(scores, noise, (3, 3), 6, Clock())
        assert torch.equal(priority.argsort(1), (sign * scores).argsort(1))


def test_equal_scores_are_masked_in_random_order():
    """4 of 16 patches have score 1. The other 4 masked patches are anywhere, 1 / 3 of the time."""
    scores = torch.zeros(3000, 16)
    scores[:, :4] = 1
    priority = TopKSampling().priority(scores, torch.rand(3000, 16), (4, 4), 8, Clock())
    share = torch.zeros_like(scores).scatter_(1, priority.topk(8).indices, 1).mean(0)
    assert (share[:4] == 1).all()
    torch.testing.assert_close(share[4:], torch.full((12, ), 1 / 3), rtol=0, atol=.05)


def turns(num, grid=(14, 14), num_mask=147, min_patches=16):
    """Block index that masks each patch, ``(num, h, w)``; 99 for visible patches."""
    sampler, noise = BlockwiseSampling(min_patches), torch.rand(num, grid[0] * grid[1])
    priority = sampler.priority(None, noise, grid, num_mask, Clock())
    turn = (noise - priority).round().long()
    masked = torch.zeros_like(turn).scatter_(1, priority.topk(num_mask, dim=1).indices, 1)
    assert (turn[masked == 1] < sampler.max_blocks).all(), 'no patch is left to chance'
    return torch.where(masked == 1, turn, 99).unflatten(1, grid)


class Blocks(BEiTMaskGenerator):
    """mmpretrain's generator, recording its blocks."""

    def _mask(self, mask, max_mask_patches):
        before = mask.copy()
        delta = super()._mask(mask, max_mask_patches)
        self.blocks += [mask - before] if delta else []
        return delta


def geometry(block):
    """Area and absolute log aspect ratio of a block."""
    height, width = block.any(1).sum(), block.any(0).sum()
    return float(height * width), abs(math.log(height / width))


@pytest.mark.parametrize('num_mask', [147, 75])
def test_blocks_are_beits(num_mask, monkeypatch):
    """Number of blocks, and area and aspect of the first, against mmpretrain's generator with the
    last row and column included, to four standard errors."""
    draw = np.random.randint
    monkeypatch.setattr(np.random, 'randint', lambda low, high: draw(low, high + 1))
    reference, theirs = Blocks(14, num_mask, 16), []
    for _ in range(800):
        reference.blocks = []
        reference.transform({})
        theirs.append((len(reference.blocks), *geometry(reference.blocks[0])))
    ours = [(turn[turn < 99].unique().numel(), *geometry((turn == 0).numpy()))
            for turn in turns(2000, num_mask=num_mask)]
    ours, theirs = torch.tensor(ours, dtype=torch.float64), torch.tensor(theirs).double()
    error = (ours.var(0) / len(ours) + theirs.var(0) / len(theirs)).sqrt()
    assert ((ours.mean(0) - theirs.mean(0)).abs() < 4 * error).all(), (ours.mean(0), theirs.mean(0))
    torch.testing.assert_close(ours.std(0), theirs.std(0), rtol=.12, atol=0)


def test_no_block_masks_more_than_is_left_and_none_is_cut():
    """Blocks are rectangles, except for patches masked before."""
    for turn in turns(100):
        for number in turn[turn < 99].unique():
            block = turn == number
            rows, columns = block.any(1).nonzero(), block.any(0).nonzero()
            inside = turn[rows.min():rows.max() + 1, columns.min():columns.max() + 1]
            assert (inside <= number).all()


@pytest.mark.parametrize('masked, num_drawn', [('high', 4), ('low', 2)])
def test_proportional_sampling_equals_draws_one_after_another(masked, num_drawn):
    """'high' draws 4 masked of 6 patches, 'low' 2 visible ones."""
    scores = torch.tensor([.4, .25, .15, .1, .07, .03])
    num = 20_000
    priority = ProportionalSampling(masked).priority(
        scores.expand(num, -1), torch.rand(num, 6), (2, 3), 4, Clock())
    order = priority.argsort(dim=1, descending=True)
    drawn = order[:, :4] if masked == 'high' else order[:, 4:]
    share = torch.zeros(num, 6).scatter_(1, drawn, 1).mean(0)

    left, one_by_one = scores.repeat(num, 1), torch.zeros(num, 6)
    for _ in range(num_drawn):
        pick = torch.multinomial(left / left.sum(1, keepdim=True), 1)
        one_by_one.scatter_(1, pick, 1)
        left = left.scatter(1, pick, 0)
    # Four standard errors of the difference of two shares.
    torch.testing.assert_close(share, one_by_one.mean(0), rtol=0, atol=4 * (.5 / num)**.5)
    assert share.std() > .1


@pytest.mark.parametrize('sampler', [ProportionalSampling(), ImportanceSampling(log_scores=True)])
def test_patches_of_score_0_are_drawn_last_and_at_random(sampler):
    scores, noise = torch.tensor([1e-6, 0, 0, 0]).expand(3000, -1), torch.rand(3000, 4)
    noise[0] = 0
    priority = sampler.priority(scores, noise, (2, 2), 2, Clock())
    masked = priority.topk(2, dim=1).indices
    share = torch.zeros(3000, 4).scatter_(1, masked, 1).mean(0)
    assert share[0] == 1 and (share[1:] - 1 / 3).abs().max() < .04
    assert priority.isfinite().all()


TOP_K = dict(type='mmguided.TopKSampling')
PATCHES = [dict(type='mmguided.RandomSampling'), TOP_K, dict(type='mmguided.BlockwiseSampling'),
           dict(type='mmguided.ProportionalSampling', masked='low'),
           dict(type='mmguided.GridBlockSampling', sampling=TOP_K)]


def masked_by(sampling, scores, num_mask, grid, clock=None):
    """Mask ``(B, L)`` of a sampler."""
    torch.manual_seed(0)
    noise = torch.rand(scores.shape)
    priority = sampling.priority(
        scores if sampling.needs_scores else None, noise, grid, num_mask, clock or Clock())
    ids = priority.argsort(dim=1, stable=True)[:, -num_mask:]
    return torch.zeros_like(scores).scatter_(1, ids, 1)


@pytest.mark.parametrize('inner', PATCHES, ids=lambda inner: inner['type'])
def test_hints_replace_a_share_of_the_masked_patches_by_the_next_ones(inner):
    """.1 of 147 masked patches are 15 hints."""
    scores, grid = torch.rand(50, 196), (14, 14)
    with_hints = HintSampling(inner, .1)
    num_mask = 196 - with_hints.len_keep(grid, .75)
    plain = masked_by(with_hints.sampling, scores, num_mask, grid)
    hinted = masked_by(with_hints, scores, num_mask, grid)
    num_hints = 15
    assert num_mask == (148 if 'Grid' in inner['type'] else 147)
    assert (hinted.sum(1) == num_mask).all()
    assert ((plain > hinted).sum(1) == num_hints).all(), 'masked before, visible now'
    assert ((hinted > plain).sum(1) == num_hints).all(), 'in their place'
    if inner is TOP_K:
        ranks = scores.argsort(dim=1, descending=True).argsort(dim=1)
        next_ones = (ranks >= 147) & (ranks < 147 + num_hints)
        assert (hinted[next_ones] == 1).all()
    assert torch.equal(masked_by(HintSampling(inner, 0.), scores, num_mask, grid), plain)


@pytest.mark.parametrize('choice', ['uniform', 'proportional'])
def test_hints_are_drawn_as_their_choice_says(choice):
    """One of 4 masked patches is a hint, over 20,000 images."""
    scores = torch.tensor([.4, .25, .15, .1, .07, .03]).expand(20_000, -1)
    mask = masked_by(HintSampling(TOP_K, .25, choice), scores, 4, (2, 3))
    share = 1 - mask.mean(0)
    expected = torch.full((4, ), .25) if choice == 'uniform' else scores[0, :4] / .9
    torch.testing.assert_close(share[:4], expected, rtol=0, atol=4 * (.25 / 20_000)**.5)
    assert share[4:].tolist() == [0, 1], 'the next patch takes the place of the hint'


@pytest.mark.parametrize('inner, masked, hints', [
    (TOP_K, 147, 15), (PATCHES[0], 147, 15), (PATCHES[2], 147, 15),
    (dict(type='mmguided.GridBlockSampling', sampling=dict(
        type='mmguided.HintSampling', sampling=TOP_K, ratio=.1, adds=True)), 148, 16)],
    ids=['top-k', 'random', 'blocks', 'grid'])
def test_added_hints_leave_more_patches_visible(inner, masked, hints):
    """15 hints of 147 masked patches leave 132, in unguided images too; 4 of 37 blocks leave 33."""
    in_blocks = 'Grid' in inner['type']
    sampling = inner if in_blocks else dict(
        type='mmguided.HintSampling', sampling=inner, ratio=.1, adds=True)
    guided = MODELS.build(sampling).needs_scores
    masks = MaskGenerator(sampling, dict(type='mmguided.CachedGuidance', guidance=dict(
        type='mmguided.ClsAttention')) if guided else None)
    scores = torch.rand(20, 196)
    scores[10:] = math.nan
    mask = masks(torch.zeros(20, 3, 8, 8), (14, 14), dict(cache=Observation(0, scores=scores)), {},
                 Clock())[0]
    assert mask.len_keep == 196 - masked + hints and (mask.mask.sum(1) == masked - hints).all()
    if inner is TOP_K:
        highest = mask.mask[:10].gather(1, scores[:10].topk(147, dim=1).indices)
        assert (highest.sum(1) == 132).all(), 'all masked patches are among the selected ones'
    if in_blocks:
        blocks = torch.nn.functional.avg_pool2d(mask.mask.unflatten(1, (14, 14)), 2)
        assert blocks.unique().tolist() == [0, 1]


def test_hints_that_decay_are_scheduled():
    decay = dict(type='mmguided.HintSampling', sampling=TOP_K, ratio=dict(start=.5, end=0., ramp=4))
    for inner in (decay, TOP_K):
        hints = HintSampling(inner, .1)
        assert hints.is_scheduled == GridBlockSampling(2, inner).is_scheduled == (inner is decay)
    assert HintSampling(TOP_K, decay['ratio']).is_scheduled


def test_hints_inside_of_blocks_are_blocks():
    """One of 3 masked blocks is a hint, replaced by the fourth block."""
    sampling = GridBlockSampling(
        2, dict(type='mmguided.HintSampling', sampling=TOP_K, ratio=.3))
    scores = torch.rand(20, 16)
    mask = masked_by(sampling, scores, 12, (4, 4))
    blocks = torch.nn.functional.avg_pool2d(mask.view(20, 1, 4, 4), 2).flatten(1)
    assert blocks.unique().tolist() == [0, 1] and (blocks.sum(1) == 3).all()
    means = torch.nn.functional.avg_pool2d(scores.view(20, 1, 4, 4), 2).flatten(1)
    assert (blocks.gather(1, means.argmin(1, keepdim=True)) == 1).all()


@pytest.mark.parametrize('build, said', [
    (lambda: HintSampling(TOP_K, 1.2), 'sampling.ratio='),
    (lambda: HintSampling(TOP_K, .1, 'top'), "choice='top'"),
    (lambda: HintSampling(PATCHES[0], .1, 'proportional'), "choice='proportional'.*RandomSampling"),
    (lambda: HintSampling(TOP_K, .4).len_keep((14, 14), .75), r'ratio=0\.4.* 0\.333'),
    (lambda: HintSampling(TOP_K, dict(start=.1, end=0., ramp=1), adds=True), 'ratio=.*constant'),
    (lambda: ProportionalSampling('top'), "sampling.masked='top'"),
    (lambda: BlockwiseSampling(min_patches=0), 'min_patches=0'),
    (lambda: GridBlockSampling(0), 'block_size=0'),
    (lambda: GridBlockSampling().len_keep((4, 5), .5), 'block_size=2.* 4 x 5'),
    (lambda: ImportanceSampling(sharpness=0), 'sharpness=0'),
])
def test_errors_name_field_and_value(build, said):
    with pytest.raises(ConfigError, match=said):
        build()


def test_importance_sampling_read_literally_by_hand():
    """Ratios of scores to noise: 1, .5, 1.5, .44."""
    scores, noise = torch.tensor([[.1, .2, .3, .4]]), torch.tensor([[.1, .4, .2, .9]])
    literal = ImportanceSampling(log_scores=True).priority(scores, noise, (2, 2), 2, Clock())
    assert literal.argsort(descending=True).tolist() == [[2, 0, 1, 3]]
    torch.testing.assert_close(literal.exp(), scores / noise)
    literal, released = (ImportanceSampling(log, sharpness=.5).priority(
        scores, noise, (2, 2), 2, Clock()) for log in (True, False))
    torch.testing.assert_close(literal.exp(), scores.sqrt() / noise)
    torch.testing.assert_close(released, scores / 2 - noise)
