"""Samplers: the released formula, blocks, errors."""
import pytest
import torch

from mmguided.models.mask_generators import (
    BlockwiseSampling,
    GridBlockSampling,
    ImportanceSampling,
    ProportionalSampling,
    TopKSampling,
)
from mmguided.utils.errors import ConfigError


def test_importance_sampling_is_the_released_formula():
    scores, noise = 3 * torch.rand(6, 50), torch.rand(6, 50)
    released = (scores.softmax(-1) / noise.softmax(-1)).argsort(1)
    priority = ImportanceSampling().priority(scores, noise, (5, 10), 37)
    assert torch.equal(priority.argsort(1), released)


def test_blockwise_has_enough_blocks():
    priority = BlockwiseSampling().priority(None, torch.rand(2000, 196), (14, 14), 147)
    covered = (priority > -BlockwiseSampling.num_blocks).sum(1)
    assert (covered >= 147).all()


def test_first_block_is_at_least_the_minimum_size():
    priority = BlockwiseSampling(min_patches=16).priority(None, torch.rand(500, 196), (14, 14), 60)
    sizes = (priority > -1).sum(1)  # turn 0 has priority in (-1, 0]
    assert sizes.min() >= 12, 'rounding the sides may cost a few of 16 patches'
    assert sizes.float().mean() == pytest.approx((16 + 60) / 2, rel=.15)


def test_top_k_needs_no_random_numbers():
    scores = torch.rand(2, 9)
    assert torch.equal(TopKSampling().priority(scores, None, (3, 3), 6), scores)
    assert torch.equal(TopKSampling('low').priority(scores, None, (3, 3), 6), -scores)


@pytest.mark.parametrize('masked, num_drawn', [('high', 4), ('low', 2)])
def test_proportional_sampling_equals_draws_one_after_another(masked, num_drawn):
    """'high' draws the 4 masked of 6 patches, 'low' the 2 visible ones."""
    scores = torch.tensor([.4, .25, .15, .1, .07, .03])
    num = 20_000
    priority = ProportionalSampling(masked).priority(
        scores.expand(num, -1), torch.rand(num, 6), (2, 3), 4)
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


def test_patches_of_score_0_are_drawn_last_and_at_random():
    scores = torch.tensor([1e-6, 0, 0, 0]).expand(3000, -1)
    priority = ProportionalSampling().priority(scores, torch.rand(3000, 4), (2, 2), 2)
    masked = priority.topk(2, dim=1).indices
    share = torch.zeros(3000, 4).scatter_(1, masked, 1).mean(0)
    assert share[0] == 1 and (share[1:] - 1 / 3).abs().max() < .04
    assert priority.isfinite().all()


@pytest.mark.parametrize('build, said', [
    (lambda: ProportionalSampling('top'), "sampling.masked='top'"),
    (lambda: BlockwiseSampling(min_patches=0), 'min_patches=0'),
    (lambda: BlockwiseSampling(min_aspect=2), 'min_aspect=2'),
    (lambda: GridBlockSampling(0), 'block_size=0'),
    (lambda: GridBlockSampling().len_keep((4, 5), .5),
     'block_size=2 does not divide the grid of 4 x 5'),
])
def test_errors_name_field_and_value(build, said):
    with pytest.raises(ConfigError, match=said):
        build()


def test_importance_sampling_read_literally_by_hand():
    """Of scores .1, .2, .3, .4 over noise .1, .4, .2, .9: ratios 1, .5, 1.5, .44."""
    scores, noise = torch.tensor([[.1, .2, .3, .4]]), torch.tensor([[.1, .4, .2, .9]])
    literal = ImportanceSampling(log_scores=True).priority(scores, noise, (2, 2), 2)
    assert literal.argsort(descending=True).tolist() == [[2, 0, 1, 3]]
    torch.testing.assert_close(literal.exp(), scores / noise)


def test_read_literally_masks_are_closer_to_top_k():
    """Scores of 12 blocks, each a softmax of normal logits over 196 patches, 75 % masked: the
    released rule draws nearly at random (chance is .75), the literal one nearly by rank."""
    torch.manual_seed(0)
    scores, noise = torch.randn(12, 64, 196).softmax(-1).sum(0), torch.rand(64, 196)
    top = scores.topk(147).indices

    def overlap(sampler):
        masked = sampler.priority(scores, noise, (14, 14), 147).topk(147).indices
        return torch.stack([torch.isin(a, b).float().mean()
                            for a, b in zip(masked, top, strict=True)]).mean().item()

    assert overlap(ImportanceSampling()) == pytest.approx(.765, abs=.01)
    assert overlap(ImportanceSampling(log_scores=True)) > .8
