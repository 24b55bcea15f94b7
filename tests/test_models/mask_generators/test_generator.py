"""Masks: exact counts, permutations, seeds, statistics, schedules, and errors at build time."""
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from mmguided.models import GuidanceSchedule, MaskedViT, MaskGenerator, PatchMask, num_kept
from mmguided.models.mask_generators import (
    BlockwiseSampling,
    GridBlockSampling,
    ImportanceSampling,
    TopKSampling,
)
from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError

SAMPLERS = ['RandomSampling', 'BlockwiseSampling', 'TopKSampling', 'ImportanceSampling']

DEVICES = [
    'cpu',
    pytest.param(
        'cuda', marks=pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU'))
]


class _Scores(torch.nn.Module):
    """A guidance that returns what it is given."""

    def __init__(self, scores):
        super().__init__()
        self.scores = scores

    def forward(self, images, encoders, present=None):
        return self.scores


def generator(sampling, scores, mask_ratio=0.75, **kwargs):
    if isinstance(sampling, str):
        sampling = dict(type=f'mmguided.{sampling}')
    guided = MODELS.build(sampling).needs_scores
    guidance = dict(type='mmguided.ClsAttention') if guided else None
    masks = MaskGenerator(sampling, guidance, mask_ratio, **kwargs)
    if guided:
        masks.guidance = _Scores(scores)
    return masks


@pytest.mark.parametrize('num, ratio, kept', [(196, .75, 49), (10, .9, 1), (49, .65, 17),
                                              (196, .6, 78), (49, .1, 44), (100, .29, 71)])
def test_number_of_kept_tokens(num, ratio, kept):
    assert num_kept(num, ratio) == kept


@given(st.integers(1, 2000), st.integers(0, 100))
def test_number_of_kept_tokens_is_the_exact_floor(num, percent):
    assert num_kept(num, percent / 100) == num * (100 - percent) // 100


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 3), st.integers(2, 40), st.sampled_from([.1, .25, .5, .75, .9]))
def test_patch_mask_is_a_permutation(batch, num, ratio):
    keys = torch.rand(batch, num)
    mask = PatchMask.from_keys(keys, num_kept(num, ratio))
    both = torch.cat((mask.ids_keep, mask.ids_mask), 1)
    assert mask.ids_keep.shape[1] == num_kept(num, ratio)
    assert torch.equal(both.sort(1).values, torch.arange(num).expand(batch, num))
    assert torch.equal(both.gather(1, mask.ids_restore), torch.arange(num).expand(batch, num))
    assert torch.equal(mask.mask.gather(1, mask.ids_keep), torch.zeros_like(keys)[:, :len(
        mask.ids_keep[0])])
    assert (mask.mask.sum(1) == mask.ids_mask.shape[1]).all()
    last = keys.sort(1).values[:, num_kept(num, ratio):]
    assert torch.equal(keys.gather(1, mask.ids_mask).sort(1).values, last)


@pytest.mark.parametrize('sampling', SAMPLERS)
@pytest.mark.parametrize('grid, ratio', [((14, 14), .75), ((7, 10), .6), ((4, 3), .5)])
@pytest.mark.parametrize('device', DEVICES)
def test_exact_counts_seed_and_device(sampling, grid, ratio, device):
    num = grid[0] * grid[1]
    images = torch.zeros(5, 3, 8, 8, device=device)
    masks = generator(sampling, torch.rand(5, num, device=device), ratio)
    torch.manual_seed(3)
    first, _ = masks(images, grid)
    again, _ = masks(images, grid)
    torch.manual_seed(3)
    same, _ = masks(images, grid)
    assert (first.mask.sum(1) == num - num_kept(num, ratio)).all()
    assert torch.equal(first.ids_restore, same.ids_restore)
    if sampling != 'TopKSampling':
        assert not torch.equal(first.ids_restore, again.ids_restore)
    assert first.mask.dtype == torch.float32 and first.ids_keep.dtype == torch.int64
    assert {t.device for t in vars(first).values() if torch.is_tensor(t)} == {images.device}


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64, torch.bfloat16])
def test_top_k_masks_the_highest_scores_of_any_dtype(dtype):
    scores = torch.tensor([[.5, .1, .9, .3]], dtype=dtype)
    mask, log = generator('TopKSampling', scores, 0.5)(torch.zeros(1, 3, 8, 8), (2, 2))
    assert mask.mask.tolist() == [[1, 0, 1, 0]]
    assert log['topk_overlap'] == 1 and log['guided_share'] == 1


def test_importance_sampling_is_the_released_formula():
    scores, noise = 3 * torch.rand(6, 50), torch.rand(6, 50)
    released = (scores.softmax(-1) / noise.softmax(-1)).argsort(1)
    keys = ImportanceSampling().keys(scores, noise, (5, 10), 37)
    assert torch.equal(keys.argsort(1), released)


def test_importance_sampling_statistics():
    num, trials = 20, 4000
    masks = generator('ImportanceSampling', torch.full((trials, num), .3), 0.5)
    images = torch.zeros(trials, 3, 8, 8)
    often = masks(images, (4, 5))[0].mask.mean(0)
    # Equal scores: each patch is masked in half of the trials, to 4 standard deviations.
    assert (often - .5).abs().max() < 4 * (.25 / trials)**.5
    masks.guidance.scores = torch.linspace(0, 1, num).expand(trials, num)
    often = masks(images, (4, 5))[0].mask.mean(0)
    assert (often.diff() > -.03).all() and often[-1] > .9 and often[0] < .1


def test_random_sampling_is_uniform():
    often = generator('RandomSampling', None)(torch.zeros(4000, 3, 8, 8), (4, 5))[0].mask.mean(0)
    assert (often - .75).abs().max() < 4 * (.1875 / 4000)**.5


def test_blockwise_masks_are_blocks_without_a_preferred_side():
    mask = generator('BlockwiseSampling', None, 0.4)(torch.zeros(4000, 3, 8, 8), (14, 14))[0].mask
    grid = mask.unflatten(1, (14, 14))
    both = (grid[:, :, 1:] * grid[:, :, :-1]).mean()
    assert both / grid.mean() > .75, 'masked patches have masked neighbors; at random .4 would'
    often = grid.mean(0)
    assert (often - often.flip(0)).abs().max() < .05 and (often - often.flip(1)).abs().max() < .05
    assert often.min() > .02, 'even corners, which few blocks reach, are masked at times'


def test_blockwise_has_enough_blocks():
    keys = BlockwiseSampling().keys(None, torch.rand(2000, 196), (14, 14), 147)
    covered = (keys > -BlockwiseSampling.num_blocks).sum(1)
    assert (covered >= 147).all()


def test_first_block_is_at_least_the_minimum_size():
    keys = BlockwiseSampling(min_patches=16).keys(None, torch.rand(500, 196), (14, 14), 60)
    sizes = (keys > -1).sum(1)  # turn 0 has keys in (-1, 0]
    assert sizes.min() >= 12, 'rounding the sides may cost a few of 16 patches'
    assert sizes.float().mean() == pytest.approx((16 + 60) / 2, rel=.15)


def blocks_of(mask, grid, size):
    """Mean of the mask per block: 0 or 1 where the block was masked as a whole."""
    return F.avg_pool2d(mask.mask.unflatten(1, grid), size)


@pytest.mark.parametrize('grid, size, ratio, visible', [
    ((14, 14), 2, .65, 17 * 4),  # released CMAE: int(49 * .35) blocks
    ((8, 8), 2, .65, 5 * 4),
    ((4, 6), 2, .75, 4),
    ((6, 9), 3, .5, 27),
    ((4, 4), 1, .75, 4),
])
def test_grid_blocks_are_masked_as_a_whole(grid, size, ratio, visible):
    masks = MaskGenerator(
        dict(type='mmguided.GridBlockSampling', block_size=size), mask_ratio=ratio)
    masks.check({}, grid)
    # Noise of few values: tied blocks must not share what stays visible.
    ties = torch.randint(3, (500, grid[0] * grid[1])) / 3
    for noise in (ties, None):
        mask, _ = masks(torch.zeros(500, 3, 8, 8), grid, noise=noise)
        assert (mask.ids_keep.shape[1], mask.mask.sum(1).unique().tolist()) == (
            visible, [grid[0] * grid[1] - visible])
        blocks = blocks_of(mask, grid, size)
        assert set(blocks.unique().tolist()) == {0, 1}
    share, expected = blocks.mean(0), 1 - visible / (grid[0] * grid[1])
    assert (share - expected).abs().max() < 4.5 * (expected * (1 - expected) / 500)**.5


def test_grid_blocks_take_any_sampler_guided_ones_too():
    """The mean score of a block counts; what the schedule leaves unguided is random by blocks."""
    scores = torch.arange(16.).view(4, 4)
    scores[0, 0] = 100  # makes the first block the highest of all
    sampling = dict(type='mmguided.GridBlockSampling', sampling=dict(type='mmguided.TopKSampling'))
    masks = generator(sampling, scores.flatten().expand(400, 16), .5, schedule=dict(ramp=2))
    images = torch.zeros(400, 3, 8, 8)
    masks.schedule.set_epoch(5)
    mask, _ = masks(images, (4, 4))
    assert blocks_of(mask, (4, 4), 2)[0].tolist() == [[1, 0], [0, 1]]
    for epoch, guided in ((0, 0), (1, .5)):
        masks.schedule.set_epoch(epoch)
        blocks = blocks_of(masks(images, (4, 4))[0], (4, 4), 2)
        assert set(blocks.unique().tolist()) == {0, 1}
        share = (blocks == torch.tensor([[1, 0], [0, 1]])).all(-1).all(-1).float().mean()
        assert share.item() == pytest.approx(guided + (1 - guided) / 6, abs=.1)


@pytest.mark.parametrize('kwargs, shares', [
    (dict(), [1, 1, 1, 1]),
    (dict(begin=50), [0, 0, 1, 1]),
    (dict(begin=10, ramp=80), [0, .25, .5, 1]),
])
def test_schedule(kwargs, shares):
    schedule = GuidanceSchedule(**kwargs)
    for epoch, share in zip([0, 30, 50, 95], shares, strict=True):
        schedule.set_epoch(epoch)
        assert schedule.share == share
        other = GuidanceSchedule(**kwargs)
        other.load_state_dict(schedule.state_dict())
        assert other.share == share, 'the clock must survive a checkpoint'


def test_share_of_guided_images():
    scores = torch.arange(16.).expand(2000, 16)
    masks = generator('TopKSampling', scores, 0.5, schedule=dict(ramp=100))
    images = torch.zeros(2000, 3, 8, 8)
    masks.schedule.set_epoch(30)
    mask, log = masks(images, (4, 4))
    guided = (mask.mask[:, 8:].sum(1) == 8).float().mean()
    assert guided.item() == pytest.approx(.3, abs=.04)
    assert log['guided_share'].item() == pytest.approx(.3, abs=.04)
    assert log['topk_overlap'].item() == pytest.approx(.3 + .7 * .5, abs=.03)


def test_no_guidance_pass_while_nothing_is_guided():
    masks = generator('TopKSampling', None, schedule=dict(begin=5))
    masks.guidance.forward = lambda *args: pytest.fail('guidance ran before its first epoch')
    mask, log = masks(torch.zeros(2, 3, 8, 8), (4, 4))
    assert mask.mask.sum(1).tolist() == [12, 12] and log == {}


@pytest.mark.parametrize('build, said', [
    (lambda: MaskGenerator(mask_ratio=1.0), 'mask_ratio=1.0'),
    (lambda: MaskGenerator(dict(type='mmguided.TopKSampling')), 'needs a guidance'),
    (lambda: MaskGenerator(guidance=dict(type='mmguided.ClsAttention')), 'uses no scores'),
    (lambda: MaskGenerator(mask_ratio=.5).check({}, (1, 1)), '1 x 1 patches'),
    (lambda: generator('TopKSampling', None, schedule=dict(begin=-1)), 'begin=-1'),
    (lambda: generator('TopKSampling', None, schedule=dict(begn=3)), r"no \['begn'\]"),
    (lambda: MaskGenerator(schedule=dict(begin=3)), 'schedule=.* needs a guidance'),
    (lambda: BlockwiseSampling(min_patches=0), 'min_patches=0'),
    (lambda: BlockwiseSampling(min_aspect=2), 'min_aspect=2'),
    (lambda: GridBlockSampling(0), 'block_size=0'),
    (lambda: MaskGenerator(dict(type='mmguided.GridBlockSampling')).check({}, (4, 5)),
     'block_size=2 does not divide the grid of 4 x 5'),
    (lambda: MaskGenerator(
        dict(type='mmguided.GridBlockSampling'), mask_ratio=.9).check({}, (4, 4)), 'keeps 0 of 16'),
])
def test_errors_name_field_and_value(build, said):
    with pytest.raises(ConfigError, match=said):
        build()


@pytest.mark.parametrize('guidance, said', [
    (dict(source='teacher'), "source='teacher'.*choose from .'student'"),
    (dict(layers=[2]), r'layers=\[2\].*2 blocks'),
    (dict(layers=[]), r'layers=\[\]'),
    (dict(reduce='max'), "reduce='max'"),
    (dict(softmax=True), 'softmax=True'),
])
def test_guidance_errors(guidance, said):
    encoder = MaskedViT(
        dict(embed_dims=8, num_layers=2, num_heads=2, feedforward_channels=8), 8, 4)
    with pytest.raises(ConfigError, match=said):
        MaskGenerator(
            dict(type='mmguided.TopKSampling'), dict(type='mmguided.ClsAttention', **guidance),
            .5).check(dict(student=encoder), (2, 2))


def test_top_k_needs_no_random_numbers():
    scores = torch.rand(2, 9)
    assert TopKSampling().keys(scores, None, (3, 3), 6) is scores
