"""Mask generator: counts, seeds, statistics, shots, errors."""
import math

import pytest
import torch
import torch.nn.functional as F

from mmguided.models import Encoder, Guidance, MaskedViT, MaskGenerator, ShotGuidance
from mmguided.registry import MODELS
from mmguided.structures import Clock, Observation, len_keep
from mmguided.utils.errors import ConfigError
from tests.helpers.models import generate

SAMPLERS = ['RandomSampling', 'BlockwiseSampling', 'TopKSampling', 'ImportanceSampling']

DEVICES = [
    'cpu',
    pytest.param(
        'cuda', marks=pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU'))
]


class StubEncoder(Encoder):
    """Encoder with two layers that provides no observations."""
    num_layers = 2


STUB = dict(student=StubEncoder())
CLS = dict(type='mmguided.ClsAttention', layers=[0])


def vit():
    """ViT with three layers and 4 x 4 patches."""
    model = MaskedViT(
        dict(embed_dims=8, num_layers=3, num_heads=2, feedforward_channels=8), 16, 4)
    model.init_weights()
    return model


class _Scores(Guidance):
    """Guidance with fixed scores."""

    def __init__(self, scores):
        super().__init__()
        self.scores = scores

    def wants(self, clock):
        return {}

    def forward(self, observations, clock):
        return self.scores


def generator(sampling, scores, mask_ratio=0.75, **kwargs):
    if isinstance(sampling, str):
        sampling = dict(type=f'mmguided.{sampling}')
    guided = MODELS.build(sampling).needs_scores
    guidance = dict(type='mmguided.ClsAttention') if guided else None
    masks = MaskGenerator(sampling, guidance, mask_ratio, **kwargs)
    if guided:
        masks.shots[0].guidance = _Scores(scores)
    return masks


@pytest.mark.parametrize('sampling', SAMPLERS)
@pytest.mark.parametrize('grid, ratio', [((14, 14), .75), ((7, 10), .6), ((4, 3), .5)])
@pytest.mark.parametrize('device', DEVICES)
def test_exact_counts_seed_and_device(sampling, grid, ratio, device):
    num = grid[0] * grid[1]
    images = torch.zeros(5, 3, 8, 8, device=device)
    masks = generator(sampling, torch.rand(5, num, device=device), ratio)
    torch.manual_seed(3)
    first, _ = generate(masks, images, grid)
    again, _ = generate(masks, images, grid)
    torch.manual_seed(3)
    same, _ = generate(masks, images, grid)
    assert (first.mask.sum(1) == num - len_keep(num, ratio)).all()
    assert torch.equal(first.ids_restore, same.ids_restore)
    if sampling != 'TopKSampling':
        assert not torch.equal(first.ids_restore, again.ids_restore)
    assert first.mask.dtype == torch.float32 and first.ids_keep.dtype == torch.int64
    tensors = (first.ids_shuffle, first.ids_restore, first.mask, first.shot)
    assert {t.device for t in tensors} == {images.device}


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64, torch.bfloat16])
def test_top_k_masks_the_highest_scores_of_any_dtype(dtype):
    scores = torch.tensor([[.5, .1, .9, .3]], dtype=dtype)
    mask, log = generate(
        generator('TopKSampling', scores, 0.5), torch.zeros(1, 3, 8, 8), (2, 2))
    assert mask.mask.tolist() == [[1, 0, 1, 0]]
    assert log['topk_overlap'] == 1 and log['guided_share'] == 1


def test_blockwise_masks_are_blocks_without_a_preferred_side():
    masks = generator('BlockwiseSampling', None, 0.4)
    mask = generate(masks, torch.zeros(4000, 3, 8, 8), (14, 14))[0].mask
    grid = mask.unflatten(1, (14, 14))
    both = (grid[:, :, 1:] * grid[:, :, :-1]).mean()
    assert both / grid.mean() > .75, 'masked patches have masked neighbors; at random .4 would'
    often = grid.mean(0)
    assert (often - often.flip(0)).abs().max() < .05 and (often - often.flip(1)).abs().max() < .05
    assert often.min() > .02, 'even corners, which few blocks reach, are masked at times'


def blocks_of(mask, grid, size):
    """Mean of the mask per block."""
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
    masks.check(STUB, grid)
    # Noise of few values: tied blocks must not share what stays visible.
    ties = torch.randint(3, (500, grid[0] * grid[1])) / 3
    for noise in (ties, None):
        mask, _ = generate(masks, torch.zeros(500, 3, 8, 8), grid, noise=noise)
        assert (mask.ids_keep.shape[1], mask.mask.sum(1).unique().tolist()) == (
            visible, [grid[0] * grid[1] - visible])
        blocks = blocks_of(mask, grid, size)
        assert set(blocks.unique().tolist()) == {0, 1}
    share, expected = blocks.mean(0), 1 - visible / (grid[0] * grid[1])
    assert (share - expected).abs().max() < 4.5 * (expected * (1 - expected) / 500)**.5


def test_grid_blocks_take_any_sampler_guided_ones_too():
    """Blocks are scored by their mean; unguided images are masked by random blocks."""
    scores = torch.arange(16.).view(4, 4)
    scores[0, 0] = 100  # makes the first block the highest of all
    sampling = dict(type='mmguided.GridBlockSampling', sampling=dict(type='mmguided.TopKSampling'))
    masks = generator(sampling, scores.flatten().expand(400, 16), .5, schedule=dict(ramp=2))
    images = torch.zeros(400, 3, 8, 8)
    mask, _ = generate(masks, images, (4, 4), epoch=5)
    assert blocks_of(mask, (4, 4), 2)[0].tolist() == [[1, 0], [0, 1]]
    for epoch, guided in ((0, 0), (1, .5)):
        blocks = blocks_of(generate(masks, images, (4, 4), epoch=epoch)[0], (4, 4), 2)
        assert set(blocks.unique().tolist()) == {0, 1}
        share = (blocks == torch.tensor([[1, 0], [0, 1]])).all(-1).all(-1).float().mean()
        assert share.item() == pytest.approx(guided + (1 - guided) / 6, abs=.1)


@pytest.mark.parametrize('build, said', [
    (lambda: MaskGenerator(mask_ratio=1.0), 'mask_ratio=1.0'),
    (lambda: MaskGenerator(dict(type='mmguided.TopKSampling')), 'TopKSampling.*guidance'),
    (lambda: MaskGenerator(guidance=dict(type='mmguided.ClsAttention')), 'guidance=None'),
    (lambda: MaskGenerator(mask_ratio=.5).check(STUB, (1, 1)), '1 x 1'),
    (lambda: generator('TopKSampling', None, schedule=dict(begin=-1)), 'begin=-1'),
    (lambda: MaskGenerator(schedule=dict(begin=3)), 'schedule=.*guidance'),
    (lambda: MaskGenerator(dict(type='mmguided.GridBlockSampling')).check(STUB, (4, 5)),
     'block_size=2.* 4 x 5'),
    (lambda: MaskGenerator(
        dict(type='mmguided.GridBlockSampling'), mask_ratio=.9).check(STUB, (4, 4)),
     'keeps 0 of 16'),
    (lambda: MaskGenerator(mask_ratio=.5, shots=((0, .5), )), 'mask_ratio=0.5.*shots'),
    (lambda: MaskGenerator(shots=[dict(layer=0, mask_ratio=.5, layers=[1])]), "shots=.*'layers'"),
])
def test_errors_name_field_and_value(build, said):
    with pytest.raises(ConfigError, match=said):
        build()


def test_sampling_and_guidance_beside_the_shots_are_those_of_every_shot():
    random = dict(type='mmguided.RandomSampling')
    masks = MaskGenerator(
        dict(type='mmguided.TopKSampling'), CLS,
        shots=[(0, .5), dict(layer=1, mask_ratio=.5, sampling=random, guidance=None)])
    kinds = [(type(shot.sampling).__name__, shot.guidance is None) for shot in masks.shots]
    assert kinds == [('TopKSampling', False), ('RandomSampling', True)]


def test_only_the_first_shot_reads_the_shared_observation():
    """The second shot observes the present patches in its own pass; a shot of ratio 0 needs
    none."""
    encoder, calls = vit(), []
    observe = encoder.observe
    encoder.observe = lambda images, wants, mask=None: calls.append(mask) or observe(
        images, wants, mask)
    images = torch.randn(2, 3, 16, 16)
    for shots, passes in (([(0, .5), (1, .5)], [None, 8]), ([(0, 0), (1, .5)], [None]),
                          ([(2, .5)], [None])):
        masks = MaskGenerator(dict(type='mmguided.TopKSampling'), CLS, shots=shots)
        calls.clear()
        mask, log = generate(masks, images, (4, 4), dict(student=encoder))
        assert [m if m is None else m.len_keep for m in calls] == passes
        assert all(v == 1 for v in log.values()) and len(log) == 2 * len(passes)


def test_overlap_of_a_later_shot_counts_the_patches_still_present_alone():
    """Uses logits, which may be negative: masked patches have no rank."""
    encoder = vit()
    masks = MaskGenerator(
        dict(type='mmguided.TopKSampling'), dict(CLS, softmax=None), shots=[(0, .5), (1, .5)])
    encoder.observe = lambda images, wants, mask=None: Observation(3, attention={
        (0, None): -1 - torch.rand(2, 16 if mask is None else mask.len_keep)})
    _, log = generate(masks, torch.zeros(2, 3, 16, 16), (4, 4), dict(student=encoder))
    assert log['topk_overlap_shot_1'] == log['topk_overlap_shot_2'] == 1


def test_what_guided_each_shot():
    """Each guided shot has scores and a flag for each guided image; a random shot has neither."""
    scores = torch.rand(400, 16)
    masks = generator('TopKSampling', scores, .5, schedule=dict(begin=1, ramp=2))
    images, clock = torch.zeros(400, 3, 8, 8), Clock()
    _, log, shots = masks.mask_by_shots(images, (4, 4), {}, {}, clock)
    assert shots == [ShotGuidance(None, None)] and log['guided_share'] == 0
    clock.set(2)  # half of the images
    torch.manual_seed(1)
    mask, log, (shot, ) = masks.mask_by_shots(images, (4, 4), {}, {}, clock)
    assert shot.scores is scores and shot.guided.float().mean() == log['guided_share']
    assert log['guided_share'] == pytest.approx(.5, abs=.1)
    assert log['topk_overlap'] == pytest.approx(.5 + .5 * .5, abs=.1)
    top = torch.zeros(400, 16).scatter(1, scores.topk(8).indices, 1)
    is_top = (mask.mask == top).all(1)
    assert is_top[shot.guided[:, 0]].all() and is_top[~shot.guided[:, 0]].float().mean() < .05
    torch.manual_seed(1)
    assert torch.equal(masks(images, (4, 4), {}, {}, clock)[0].mask, mask.mask)
    clock.set(9)
    assert masks.mask_by_shots(images, (4, 4), {}, {}, clock)[2][0].guided.all()


@pytest.mark.parametrize('value', [math.nan, math.inf])
def test_images_with_a_broken_score_are_masked_at_random(value):
    """One broken score is enough; the other image is masked by its scores."""
    scores = torch.arange(16.).repeat(300, 1)
    scores[1:, 3] = value
    mask, log = generator('TopKSampling', scores, .5)(
        torch.zeros(300, 3, 8, 8), (4, 4), {}, {}, Clock())
    assert log['guided_share'] == pytest.approx(1 / 300)
    assert mask.mask[0].tolist() == [0] * 8 + [1] * 8
    assert mask.mask[1:].mean(0).sub(.5).abs().max() < .15


def test_each_shot_has_a_record_also_one_that_masks_nothing():
    masks = MaskGenerator(
        dict(type='mmguided.TopKSampling'), CLS, shots=[(0, 0), (1, .5), (2, .5)])
    images, encoders = torch.randn(2, 3, 16, 16), dict(student=vit())
    observations = dict(student=encoders['student'].observe(
        images, masks.wants(Clock())['student']))
    mask, _, (none, first, second) = masks.mask_by_shots(
        images, (4, 4), observations, encoders, Clock())
    assert none == ShotGuidance(None, None)
    for record, later, number in ((first, [0, 3], 2), (second, [0], 3)):
        present = record.scores.masked_fill(record.scores == 0, -1)
        for scores, shot in zip(present, mask.shot, strict=True):
            kept = scores[torch.isin(shot, torch.tensor(later))]
            assert scores[shot == number].min() >= kept.max()
    assert torch.equal(second.scores == 0, mask.shot == 2)  # those are gone
