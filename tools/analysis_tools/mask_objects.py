r"""Measure how much guided masks cover objects, using instance masks.

    python tools/analysis_tools/mask_objects.py configs/cmt_mae/vit-micro_folder-32.py \
        work_dirs/cmt_mae/vit-micro_folder-32/epoch_5.pth \
        --annotations data/coco/annotations/instances_val2017.json --images data/coco/val2017

The guidance of the config scores the patches of each image. The config's sampler and all other
compatible samplers make masks from the scores, at --mask-ratio and without the config's schedule.
The table contains means over the images that contain objects:

- inside objects: the share of the masked pixels that are inside objects; above chance: the
  difference from a random mask, with the standard error over images;
- top-k overlap: the share of the masked patches that are among the patches with the highest
  scores (top-k sampling: 1, chance: the mask ratio);
- object seen: the share of the masks that leave an object patch visible. An object patch is a patch
  that objects cover at least half; images without an object patch are ignored;
- positions: the uniformity of the visible patches over the grid. It is 1 if they are uniform, .98
  for random masks of 100 images, and 1 - mask ratio if all images have the same mask;
- detail: the standard deviation of the pixels in visible patches, relative to that of all pixels.

Chance and the best possible mask are printed above the table. The folder --out contains a figure of
a few images, and the table as JSON. Without CHECKPOINT, the student is untrained; a teacher is
always pretrained. For guidance that changes over the run, --progress sets the point in the run.
"""
import argparse
import json
from pathlib import Path

import numpy as np
import torch
from mmengine.registry import DefaultScope
from mmengine.utils import track_iter_progress
from PIL import Image
from torch import Tensor

from mmguided import get_model
from mmguided.analysis import object_share, visible_detail, visible_positions
from mmguided.analysis.inspection import method_name, normalized
from mmguided.cli.arguments import add_shared, load_config, local_path, tool_parser
from mmguided.cli.config_checks import check_data
from mmguided.datasets.analysis_images import resized_center
from mmguided.ops import topk_overlap
from mmguided.registry import MODELS
from mmguided.structures import Observation
from mmguided.utils.coco_files import read_coco
from mmguided.utils.errors import (
    ConfigError,
    check_file,
    exit_on_config_error,
    imports_of_extra,
)
from mmguided.utils.images import read_if_readable

with imports_of_extra('onedl-downstream,analysis'):
    from pycocotools.coco import COCO

    from mmguided.visualization import draw_masks

TOP_K, PROPORTIONAL = 'mmguided.TopKSampling', 'mmguided.ProportionalSampling'
SAMPLERS = {
    'random': dict(type='mmguided.RandomSampling'),
    'proportional, high': dict(type=PROPORTIONAL),
    'proportional, low': dict(type=PROPORTIONAL, masked='low'),
    'top-k, high': dict(type=TOP_K),
    'top-k, low': dict(type=TOP_K, masked='low'),
    'top-k with hints': dict(type='mmguided.HintSampling', sampling=dict(type=TOP_K), ratio=0.1),
}


def parse_args() -> argparse.Namespace:
    parser = tool_parser(__doc__, 'config', '--cfg-options', '--trust-checkpoint')
    parser.add_argument('checkpoint', nargs='?', type=local_path, help='pretraining checkpoint')
    parser.add_argument('--annotations', required=True, type=local_path, metavar='FILE',
                        help='JSON file of instances in the format of COCO')
    add_shared(parser, '--images', nargs=None, metavar='FOLDER')
    parser.add_argument('--progress', type=float, default=1., help='completed share of the run')
    parser.add_argument('--mask-ratio', type=float, default=0.75)
    parser.add_argument('--draws', type=int, default=10, help='masks per image')
    parser.add_argument('--drawn-images', type=int, default=6, help='rows of the figure')
    add_shared(parser, '--seed')
    add_shared(parser, '--out', default=Path('work_dirs/mask_objects'), metavar='FOLDER')
    return parser.parse_args()


def load_images(annotations: Path, folder: Path, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Read the images with objects, ``(N, 3, *size)`` RGB in [0, 255], and the union of the
    objects, ``(N, *size)`` 0 or 1; resize the shorter side and crop the center."""
    coco = COCO()
    coco.dataset = read_coco(
        annotations, '--annotations', ['id', 'image_id', 'iscrowd', 'segmentation'])
    coco.createIndex()
    images, objects = [], []
    for info in coco.loadImgs(coco.getImgIds()):
        instances = coco.loadAnns(coco.getAnnIds(info['id'], iscrowd=False))
        path = folder / info['file_name']
        picture = read_if_readable(path, '--images') if instances and path.is_file() else None
        if picture is None:
            continue
        union = np.any([coco.annToMask(instance) for instance in instances], axis=0)
        if picture.size != union.shape[::-1]:
            raise ConfigError(f"--images='{path}': the size is {picture.size}, but "
                              f"'{annotations}' has {union.shape[::-1]} (width, height). Give the "
                              'image of these annotations.')
        images.append(resized_center(picture, size).float())
        mask = Image.fromarray(union.astype(np.uint8) * 255)
        objects.append(resized_center(mask, size)[0].float() / 255)
    if not images:
        raise ConfigError(f'--images={str(folder)!r}: no image has objects in '
                          f'{str(annotations)!r}. Give the image folder of these annotations.')
    return torch.stack(images), torch.stack(objects)


class _Guide:
    """Guidance of a model, and masks by several samplers."""

    def __init__(self, cfg, args: argparse.Namespace) -> None:
        guidance = cfg.model.mask_generator.get('guidance')
        if guidance is None:
            raise ConfigError(f'config={args.config!r}: model.mask_generator.guidance is not set. '
                              'Give a config with guided masks.')
        self.model = get_model(cfg, args.checkpoint and str(args.checkpoint))
        if self.model.backbone.in_channels != 3:
            raise ConfigError(f'model.backbone.in_channels={self.model.backbone.in_channels}: the '
                              'images of COCO are RGB. Give a config for RGB images.')
        self.model.clock.set(args.progress, 1)
        with DefaultScope.overwrite_default_scope(cfg.default_scope):
            can_be_drawn_from = MODELS.build(guidance).nonnegative
            samplers = {"the config's": cfg.model.mask_generator.sampling, **SAMPLERS}
            self.generators = {
                name: MODELS.build(dict(
                    type='mmguided.MaskGenerator', sampling=sampling, mask_ratio=args.mask_ratio,
                    guidance=None if name == 'random' else guidance))
                for name, sampling in samplers.items()
                if can_be_drawn_from or sampling['type'] != PROPORTIONAL}
        for generator in self.generators.values():
            generator.eval().check(self.model.encoders, self.model.backbone.patch_resolution)

    def observe(self, images: Tensor) -> dict[str, Observation]:
        """Observe RGB images in [0, 255] as the guidance requires."""
        return self.model.observe(
            normalized(self.model, images), parts=self.generators.values())

    def scores(self, seen: dict[str, Observation]) -> Tensor:
        """Guidance scores, ``(B, L)``."""
        guidance = next(g.shots[0].guidance for g in self.generators.values()
                        if g.shots[0].guidance is not None)
        return guidance(seen, self.model.clock).nan_to_num()

    def masks(self, images: Tensor, seen: dict[str, Observation]) -> dict[str, Tensor]:
        """Mask of each sampler, ``(B, L)``, for images and their observation."""
        return {name: self.model.make_mask(images, seen, generator)[0].mask
                for name, generator in self.generators.items()}


def summarize(masks: Tensor, images: Tensor, in_patches: Tensor, scores: Tensor,
              patch_size: int) -> dict[str, float]:
    """Measures of the table, means over draws and images.

    Args:
        masks: ``(draws, N, L)``.
        images: ``(N, 3, H, W)``.
        in_patches: Share of each patch that objects cover, ``(N, L)``.
        scores: Guidance scores, ``(N, L)``.
        patch_size: Side of a patch in pixels.

    Returns:
        Shares of objects in percent, and the other measures.
    """
    shares = [object_share(mask, in_patches) for mask in masks]
    masked = torch.stack([share.masked for share in shares]).mean(0)
    chance, best = shares[0].chance, shares[0].best
    lift = masked - chance
    objects = in_patches >= .5
    ids = masks.topk(int(masks[0, 0].sum()), dim=2).indices
    return {name: 100 * value.item() for name, value in dict(
        masked=masked.mean(), lift=lift.mean(), error=lift.std() / len(lift)**0.5,
        chance=chance.mean(), best=best.mean()).items()} | dict(
            seen=((masks == 0) & objects)[:, objects.any(1)].any(2).float().mean().item(),
            overlap=torch.stack([topk_overlap(scores, drawn) for drawn in ids]).mean().item(),
            positions=visible_positions(masks.flatten(0, 1)).item(),
            detail=torch.stack([visible_detail(images, mask, patch_size) for mask in masks]
                               ).mean().item())


@exit_on_config_error
def main() -> None:
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options)
    check_data(cfg, ['model'])
    check_file('--annotations', str(args.annotations), "Give COCO's file of instances.")
    torch.manual_seed(args.seed)
    guide = _Guide(cfg, args)
    backbone = guide.model.backbone
    images, objects = load_images(args.annotations, args.images, backbone.input_size)
    in_patches = torch.nn.functional.avg_pool2d(objects[:, None], backbone.patch_size).flatten(1)

    batches = [(batch, guide.observe(batch)) for batch in images.split(50)]
    scores = torch.cat([guide.scores(seen) for _, seen in batches])
    drawn = {name: [] for name in guide.generators}
    for _ in track_iter_progress(list(range(args.draws))):
        masks = [guide.masks(*batch) for batch in batches]
        for name, draws in drawn.items():
            draws.append(torch.cat([batch[name] for batch in masks]))
    table = {name: summarize(torch.stack(masks), images, in_patches, scores, backbone.patch_size)
             for name, masks in drawn.items()}

    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / 'mask_objects.json').write_text(json.dumps(table, indent=2))
    some = slice(args.drawn_images)

    def patches(values: Tensor) -> np.ndarray:
        return values[some].unflatten(1, backbone.patch_resolution).numpy()

    sheet = draw_masks((images[some] / 255).permute(0, 2, 3, 1).numpy(), objects[some].numpy(),
                       patches(scores),
                       {name: patches(masks[-1]) for name, masks in drawn.items()},
                       f'{method_name(guide.model)}{"" if args.checkpoint else ", untrained"}, '
                       f'mask ratio {args.mask_ratio:g}')
    Image.fromarray(sheet).save(args.out / 'masks.png')
    print(f'\n{len(images)} images, mask ratio {args.mask_ratio}, {args.draws} masks each; inside '
          f'objects: chance {table["random"]["chance"]:.1f} %, best possible '
          f'{table["random"]["best"]:.1f} %')
    print(f'{"sampler":<20} {"inside objects, %":>18} {"above chance":>13} {"+-":>5} '
          f'{"object seen":>12} {"top-k overlap":>14} {"positions":>10} {"detail":>7}')
    for name, row in table.items():
        print(f'{name:<20} {row["masked"]:>18.1f} {row["lift"]:>13.2f} {row["error"]:>5.2f} '
              f'{row["seen"]:>12.3f} {row["overlap"]:>14.3f} {row["positions"]:>10.2f} '
              f'{row["detail"]:>7.2f}')
    print(f'{args.out}: masks.png, mask_objects.json')


if __name__ == '__main__':
    main()
