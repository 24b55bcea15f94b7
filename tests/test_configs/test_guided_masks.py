"""How far the masks of every guided config are from random ones and from top-k, as the READMEs say:
by untrained encoders, and by sharpened ones.

Encoders have the depth and the grid of the configs', but are narrow. There are no trained ones for
a test. In docs/guidance_study.md, training with random masks gives the logits of [CLS], averaged
over the heads, a standard deviation of about 1 over the patches (.1 to .2 untrained). Sharpened
encoders have that, by scaled queries; their layers attend to different patches, which those of
trained ones do less.
"""
import re
from fnmatch import fnmatchcase
from functools import cache

import pytest
import skimage.data
import torch
from mmengine.config import Config
from sklearn.datasets import load_sample_images
from torch.nn.functional import interpolate

import tests.helpers.cmt_mae  # noqa: F401
from mmguided.structures import Wants
from tests.helpers import models
from tests.helpers.configs import load
from tests.helpers.paths import ROOT

FOLDERS = 'ccmim', 'cmt_mae', 'self_guided_mae'
DEPTHS = dict(small=12, base=12, large=24)
#: Image and patch size in place of 224 and 16: as many patches.
SIZES = {(224, 16): (56, 4)}
TRAINED_STD = 1.


def guided_configs() -> dict[str, Config]:
    """By their path below configs/ without ending, those with a guided mask."""
    names = [str(path.relative_to(ROOT / 'configs').with_suffix(''))
             for folder in FOLDERS for path in sorted((ROOT / 'configs' / folder).rglob('*.py'))]
    configs = {name: load(name) for name in names}
    return {name: cfg for name, cfg in configs.items()
            if cfg.model.get('mask_generator', {}).get('guidance')}


@cache
def crops(size: int) -> torch.Tensor:
    """32 of six photographs, normalized, ``(32, 3, size, size)``."""
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
    """What stands in for the config's encoder."""
    backbone = cfg.model.backbone
    size = backbone.get('img_size', 224), backbone.get('patch_size', 16)
    img, patch = SIZES.get(size, size)
    depth = DEPTHS.get(str(backbone.arch)) or backbone.arch.num_layers
    return dict(depth=depth, img=img, patch=patch)


def build(geometry: dict[str, int], **parts):
    """A narrow MAE with these parts."""
    torch.manual_seed(0)
    model = models.build(
        'MAE', dict(dim=48, heads=3, ddim=32, ddepth=8, dheads=2, **geometry), **parts)
    model.init_weights()
    return model.eval()


@cache
@torch.no_grad()
def sharp_encoder(**geometry: int) -> dict[str, torch.Tensor]:
    """Weights whose queries are scaled so that the logits of [CLS] have TRAINED_STD in each layer.
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
    model.clock.set(0, 1)
    model.clock.fire()
    model.clock.set(progress, 1)
    for shot in model.mask_generator.shots:
        shot.schedule = type(shot.schedule)()  # all images are guided
    images = crops(model.backbone.img_size[0])
    observations = model.observe(images)
    torch.manual_seed(1)
    draws = [model.make_mask(images, observations)[1]['topk_overlap'] for _ in range(4)]
    return torch.stack(draws).mean().item()


KNOWN = {}


def measure(cfg: Config) -> tuple[float, float]:
    """At the start of a run, and sharpened at its end."""
    masks, size = cfg.model.mask_generator, geometry(cfg)
    key = str(masks), *size.values()
    if key not in KNOWN:
        parts = dict(mask_generator=masks)
        if "'momentum'" in str(masks):
            parts['momentum_encoder'] = dict(type='mmguided.MomentumEncoder', momentum=.9)
        if "'teacher'" in str(masks):
            parts['teacher'] = dict(type='mmguided.LinearTeacher')
            parts['data_preprocessor'] = dict(  # as the teacher has it, which sees no other pixels
                type='mmpretrain.SelfSupDataPreprocessor', mean=[127.5] * 3, std=[127.5] * 3)
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


def stated(folder: str) -> dict[str, list[float]]:
    """The overlaps that a README states, by the patterns of configs."""
    section = (ROOT / 'configs' / folder / 'README.md').read_text().split(
        '## How guided are the masks?\n')[1].split('\n## ')[0]
    rows = [[cell.strip() for cell in row.strip('|').split('|')]
            for row in section.splitlines() if row.startswith('| `')]
    return {pattern: [float(cell) for cell in cells[:2]]
            for first, _, *cells in rows for pattern in re.findall(r'`(\S+)`', first)}


@pytest.mark.parametrize('folder', FOLDERS)
def test_the_readme_says_how_guided_the_masks_are(folder):
    """Long, since it asks encoders of 12 and of 24 layers."""
    configs = {name.removeprefix(f'{folder}/'): cfg
               for name, cfg in guided_configs().items() if name.startswith(folder)}
    said, wrong = stated(folder), []
    for name, cfg in configs.items():
        rows = [pattern for pattern in said if fnmatchcase(name, pattern)]
        measured = measure(cfg)
        if len(rows) != 1 or measured != pytest.approx(said[rows[0]], abs=.01):
            wrong.append(f'{name}: measured {measured[0]:.2f} and {measured[1]:.2f}, README '
                         f'{[said[row] for row in rows]}')
    assert configs and not wrong, '\n'.join(wrong)
    assert all(any(fnmatchcase(name, pattern) for name in configs) for pattern in said)
