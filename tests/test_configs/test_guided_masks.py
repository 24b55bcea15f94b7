"""Overlap of guided masks with top-k masks, for every guided config: the numbers of the READMEs.

Encoders have the depth and the grid of the configs, but are narrow and not trained. "Sharpened"
encoders have scaled queries, so that the [CLS] logits, averaged over the heads, have a standard
deviation of 1 over the patches. Training with random masks gives about that value (.1 to .2
untrained, see docs/guidance_study.md). Layers of sharpened encoders attend to different patches;
those of trained encoders do so less.
"""
from functools import cache
from math import comb

import pytest
import skimage.data
import torch
from mmengine.config import Config
from sklearn.datasets import load_sample_images
from torch.nn.functional import interpolate

from mmguided.registry import MODELS
from mmguided.structures import Clock, Observation, Schedule, Wants
from tests.helpers import models
from tests.helpers.configs import load
from tests.helpers.paths import ROOT

FOLDERS = 'ccmim', 'cmt_mae', 'self_guided_mae', 'quickstart'
DEPTHS = dict(small=12, base=12, large=24)
# : Image and patch size with the same number of patches as 224 and 16.
SIZES = {(224, 16): (56, 4)}
TRAINED_STD = 1.
EPOCHS = 400

BOTH = 'model.alpha.end={0} model.mask_generator.guidance.weights.0.end={0}'
SAMPLING = 'model.mask_generator.sampling.'
CACHED = 'model.mask_generator.guidance.guidance.'
RAMP = 'model.mask_generator.schedule.begin=0 model.mask_generator.schedule.ramp=6'
#: (overlap at the start of a run, sharpened at its end) -> configs with options. Chance is the mask
#: ratio, .75 unless stated; top-k has 1.
OVERLAPS = {
    # ccMIM, the released rule
    (.75, .76): [
        *(f'ccmim/vit-b_{n}' for n in ('100e', '300e', '400e', '800e', '800e_cached',
                                       '800e_released', '800e model.backbone.arch=large',
                                       '800e model.neck.depth=2')),
        'ccmim/ablations/vit-b_400e_simsiam-loss', 'ccmim/ablations/vit-b_300e_hog-target',
        'ccmim/vit-s_images', 'ccmim/vit-micro_folder-32', 'ccmim/guidance/released',
        f'ccmim/guidance/sharpness_1.0 {SAMPLING}sharpness=0.1'],
    # Literal sampling, with 12 layers and with 6
    (.76, .82): [f'ccmim/vit-b_800e {SAMPLING}log_scores=True'],
    (.77, .84): [f'ccmim/guidance/sharpness_1.0{suffix}'
                 for suffix in ('', '_ramp', '_no-contrast')],
    (.77, .83): [f'ccmim/guidance/sharpness_1.0_hints{suffix}' for suffix in ('', f' {RAMP}')],
    (.76, .79): [f'ccmim/guidance/sharpness_1.0 {SAMPLING}sharpness=0.3'],
    (.76, .81): ['ccmim/guidance/proportional'],
    # Top-k, with hints, and the lowest scores
    (1.00, 1.00): [
        *(f'ccmim/vit-b_{n}00e {SAMPLING}type=mmguided.TopKSampling' for n in (1, 4)),
        'ccmim/guidance/top-k', 'self_guided_mae/ablations/vit-b_400e_no-hints'],
    (.90, .90): [
        *(f'ccmim/guidance/{name}top-k_hints' for name in ('', 'cut_', 'momentum_', 'teacher_')),
        'cmt_mae/vit-b_800e_attmask-like', 'cmt_mae/vit-micro_folder-32_attmask-like'],
    (.67, .67): [f'ccmim/guidance/top-k {SAMPLING}masked=low'],
    # CMT-MAE: the attention of the teacher, at the end a blend
    (.84, .83): ['cmt_mae/ablations/vit-b_800e_masks-only', 'cmt_mae/vit-s_images', *(
        f'cmt_mae/vit-b_800e{options}' for options in (
            '', ' model.backbone.arch=small', ' model.backbone.arch=large',
            *(f' {BOTH.format(alpha)}' for alpha in (.1, .5, .7))))],
    (.83, .82): ['cmt_mae/vit-micro_folder-32', 'cmt_mae/vit-micro_folder-32_label-free'],
    (.84, .84): ['cmt_mae/ablations/vit-b_800e_alpha-0', f'cmt_mae/vit-b_800e {BOTH.format(.9)}'],
    (.84, .87): [f'cmt_mae/vit-b_800e {BOTH.format(1)}'],
    (.70, .70): [f'cmt_mae/ablations/vit-b_800e_alpha-0 {SAMPLING}masked=low'],
    # Self-guided MAE: a twentieth of hints, a hundredth at the end of the decay
    (.95, .99): ['self_guided_mae/ablations/vit-b_400e_hint-relevance'],
    (.95, .95): [
        *(f'self_guided_mae/vit-b_{n}' for n in ('200e', '400e', '800e', '1600e', '400e_fresh')),
        'self_guided_mae/vit-s_images',
        *(f'self_guided_mae/vit-b_400e {options}' for options in (
            f'{CACHED}layer=2', f'{CACHED}layer=6', f'{CACHED}source=decoder {CACHED}layer=-1',
            f'{CACHED}cluster=background', f'{CACHED}cluster=alternating', f'{SAMPLING}adds=True',
            'model.backbone.arch=small', 'model.mask_generator.mask_ratio=.6',
            'model.mask_generator.mask_ratio=.9'))],
    (.77, .87): ['self_guided_mae/vit-b_400e_amt-like'],
    (.94, .94): ['self_guided_mae/vit-micro_folder-32'],
    # Mask ratio .61
    (.64, .73): ['quickstart/ccmim_vit-micro'],
}
CASES = [(case, *overlaps) for overlaps, cases in OVERLAPS.items() for case in cases]


@cache
def crops(size: int) -> torch.Tensor:
    """32 normalized crops of six photographs, ``(32, 3, size, size)``."""
    pictures = [getattr(skimage.data, name)() for name in (
        'astronaut', 'chelsea', 'coffee', 'rocket')] + load_sample_images().images
    generator, out = torch.Generator().manual_seed(0), []
    for i in range(32):
        picture = torch.from_numpy(pictures[i % 6].copy()).permute(2, 0, 1).float()
        height, width = picture.shape[1:]
        side = int(min(height, width) * (.4 + .6 * torch.rand((), generator=generator)))
        top, left = (int(torch.rand((), generator=generator) * (n - side + 1))
                     for n in (height, width))
        crop = picture[None, :, top:top + side, left:left + side]
        out.append(interpolate(crop, size, mode='bilinear', antialias=True)[0])
    images = torch.stack(out)
    return (images - images.mean((0, 2, 3), True)) / images.std((0, 2, 3), keepdim=True)


def geometry(cfg: Config) -> dict[str, int]:
    """Small replacement of the config's encoder."""
    backbone = cfg.model.backbone
    size = backbone.get('img_size', 224), backbone.get('patch_size', 16)
    img, patch = SIZES.get(size, size)
    depth = DEPTHS.get(str(backbone.arch)) or backbone.arch.num_layers
    return dict(depth=depth, img=img, patch=patch)


def build(geometry: dict[str, int], **parts):
    """Build a narrow MAE with these parts."""
    torch.manual_seed(0)
    model = models.build(
        'MAE', dict(dim=48, heads=3, ddim=32, ddepth=8, dheads=2, **geometry), **parts)
    model.init_weights()
    return model.eval()


@cache
@torch.no_grad()
def sharp_encoder(**geometry: int) -> dict[str, torch.Tensor]:
    """Scale the queries of an encoder so that the [CLS] logits have TRAINED_STD in each layer.
    """
    encoder, images = build(geometry).backbone, crops(geometry['img'])
    for layer, block in enumerate(encoder.layers):
        logits, = encoder.observe(images, Wants(attention=frozenset({(layer, None)}))
                                  ).cls_attention([layer], None)
        factor = TRAINED_STD / logits.std(1).mean()
        block.attn.qkv.weight[:encoder.embed_dims] *= factor
        block.attn.qkv.bias[:encoder.embed_dims] *= factor
    return encoder.state_dict()


@torch.no_grad()
def overlap(model, progress: float) -> float:
    """``topk_overlap`` of guided images at this share of a run."""
    model.clock.set(0, EPOCHS)
    model.clock.fire()
    model.clock.set(progress * EPOCHS, EPOCHS)
    for shot in model.mask_generator.shots:
        shot.schedule = Schedule(1., 1.)  # all images are guided
    images = crops(model.backbone.img_size[0])
    observations = model.observe(images)
    torch.manual_seed(1)
    draws = [model.make_mask(images, observations)[1]['topk_overlap'] for _ in range(4)]
    return torch.stack(draws).mean().item()


KNOWN = {}


def measure(cfg: Config) -> tuple[float, float]:
    """Overlap at the start of a run, and with a sharpened encoder at its end."""
    masks, size = cfg.model.mask_generator, geometry(cfg)
    key = str(masks), *size.values()
    if key not in KNOWN:
        parts = dict(mask_generator=masks)
        if "'momentum'" in str(masks):
            parts['momentum_encoder'] = dict(type='mmguided.MomentumEncoder', momentum=.9)
        if "'teacher'" in str(masks):
            parts['teacher'] = dict(type='mmguided.LinearTeacher')
            parts['data_preprocessor'] = dict(  # as the teacher has it, which sees no other pixels
                type='mmpretrain.SelfSupDataPreprocessor', to_rgb=True, mean=[127.5] * 3,
                std=[127.5] * 3)
        model = build(size, **parts)
        if model.teacher is not None:  # is trained in any case
            logits = model.teacher.model(crops(size['img']))[:, 0].flatten(1)
            model.teacher.model.weight.data *= TRAINED_STD / logits.std(1).mean()
        before = overlap(model, 0.)
        model.backbone.load_state_dict(sharp_encoder(**size))
        if model.momentum_encoder is not None:
            model.momentum_encoder.reset()
        KNOWN[key] = before, overlap(model, 1.)
    return KNOWN[key]


@pytest.mark.parametrize('case, start, end', CASES)
def test_overlap(case, start, end):
    """The first config of a depth is slow, because it builds encoders of 12 or 24 layers."""
    at_start, at_end = measure(load(case))
    assert (at_start, at_end) == pytest.approx((start, end), abs=.01)
    assert (at_end - at_start > .003) == (end > start)


@pytest.mark.parametrize('name, hints', [
    ('vit-b_400e', 8), ('vit-b_400e model.mask_generator.sampling.adds=True', 8),
    ('ablations/vit-b_400e_no-hints', 0)])
def test_hints_leave_an_object_patch_visible_until_the_end_of_a_run(name, hints):
    """70 of 196 patches are an object, ranked first among the 147 patches to mask: the share of
    images without a visible object patch is hypergeometric. A ratio that decays from .05 to 0 has
    one hint left at epoch 390, and a share of .52."""
    masks = MODELS.build(load(f'self_guided_mae/{name}').model.mask_generator)
    clock, scores = Clock(), (torch.arange(196) < 70).float().expand(20_000, -1)
    clock.fire()
    clock.set(390, 400)
    mask = masks(torch.zeros(len(scores), 3, 1, 1), (14, 14),
                 dict(cache=Observation(0, scores=scores)), {}, clock)[0].mask
    share, expected = mask[:, :70].all(1).float().mean().item(), comb(77, hints) / comb(147, hints)
    assert share == pytest.approx(expected, abs=4 * (expected * (1 - expected) / len(scores))**.5)


def test_every_guided_config_is_measured():
    files = [str(path.relative_to(ROOT / 'configs').with_suffix(''))
             for folder in FOLDERS for path in (ROOT / 'configs' / folder).rglob('*.py')]
    guided = {name for name in files
              if load(name).model.get('mask_generator', {}).get('guidance')}
    assert guided == {case.split()[0] for case, *_ in CASES}
