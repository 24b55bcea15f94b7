r"""Do guided masks lie on objects? Masked patches inside instance masks, against chance.

    python tools/analysis_tools/mask_objects.py configs/cmt_mae/vit-micro_folder-32.py \
        --checkpoint work_dirs/cmt_mae/vit-micro_folder-32/epoch_15.pth \
        --annotations data/coco/annotations/instances_val2017.json --images data/coco/val2017

The guidance of the config scores the patches of each image, and the config's own sampler and every
other that fits makes masks of the scores, at --mask-ratio and without the config's schedule. The
table has means over the images with objects:

- the share of the masked patches' pixels that lie inside objects, and how much more that is than by
  chance (a random mask has the share of objects in the image), with its standard error over images;
- top-k overlap: the share of the masked patches that are among those of the highest scores, 1 for
  top-k and the mask ratio by chance;
- positions: how evenly visible patches spread over the positions of the grid, 1 if evenly (.98 with
  100 images that are masked alike in every draw), the share of visible patches if they are the same
  in all images;
- detail: the standard deviation of the pixels in visible patches, relative to that in all.

Above it stand chance and the best that any mask could have.
--out gets a figure sheet of a few images, and the table as JSON.

Without --checkpoint the student is as initialized; a teacher has its weights in any case. Guidance
that changes over a run is that of its end; --progress 0 is that of its start.
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
from torchvision.transforms.functional import center_crop, pil_to_tensor, resize

from mmguided.analysis import object_share, visible_detail, visible_positions
from mmguided.cli.arguments import OptionAction, load_config
from mmguided.cli.config_checks import check_data, check_teacher
from mmguided.ops import topk_overlap
from mmguided.registry import MODELS
from mmguided.structures import Observation
from mmguided.utils.checkpoints import load_model
from mmguided.utils.errors import (
    ConfigError,
    check_file,
    exit_on_config_error,
    imports_of_extra,
)

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
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config of pretraining with a guided mask')
    parser.add_argument('--checkpoint', help='that pretraining has saved')
    parser.add_argument('--annotations', required=True, help="COCO's JSON file of instances")
    parser.add_argument('--images', required=True, help='folder of its images')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/mask_objects'))
    parser.add_argument('--progress', type=float, default=1., help='share of the run that is over')
    parser.add_argument('--mask-ratio', type=float, default=0.75)
    parser.add_argument('--draws', type=int, default=10, help='masks of each image')
    parser.add_argument('--drawn-images', type=int, default=6, help='rows of the figure sheet')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--cfg-options', nargs='+', action=OptionAction, metavar='KEY=VALUE',
                        default={}, help='override fields of the config')
    return parser.parse_args()


def load_images(annotations: str, folder: str, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """The images with objects, ``(N, 3, *size)`` RGB in [0, 255], and the union of the objects,
    ``(N, *size)`` 0 or 1; the middle of each, after resizing its shorter side."""
    coco = COCO(annotations)
    images, objects = [], []
    for info in coco.loadImgs(coco.getImgIds()):
        instances = coco.loadAnns(coco.getAnnIds(info['id'], iscrowd=False))
        path = Path(folder, info['file_name'])
        if not instances or not path.is_file():
            continue
        union = np.any([coco.annToMask(instance) for instance in instances], axis=0)
        pair = Image.open(path).convert('RGB'), Image.fromarray(union.astype(np.uint8) * 255)
        image, mask = (center_crop(resize(picture, max(size)), list(size)) for picture in pair)
        images.append(pil_to_tensor(image).float())
        objects.append(pil_to_tensor(mask)[0].float() / 255)
    if not images:
        raise ConfigError(f'--images {folder!r} has no image of {annotations!r} with objects: give '
                          'the folder of its images')
    return torch.stack(images), torch.stack(objects)


class _Guide:
    """The guidance of a model, and masks that samplers make of it."""

    def __init__(self, cfg, args: argparse.Namespace) -> None:
        guidance = cfg.model.mask_generator.get('guidance')
        if guidance is None:
            raise ConfigError(f'config={args.config!r}: model.mask_generator.guidance is not set, '
                              'so that its masks are random; give a config with one')
        cfg.model.setdefault('data_preprocessor', cfg.data_preprocessor)
        with DefaultScope.overwrite_default_scope(cfg.default_scope):
            self.model = MODELS.build(cfg.model)
            self.model.init_weights()
            if args.checkpoint:
                load_model(self.model, args.checkpoint)
            self.model.eval().clock.set(args.progress, 1)
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
        """What the guidance asks of the encoders, of RGB images in [0, 255]."""
        preprocessor = self.model.data_preprocessor
        images = (images - preprocessor.mean) / preprocessor.std
        return self.model.observe(images, parts=self.generators.values())

    def scores(self, seen: dict[str, Observation]) -> Tensor:
        """Of the patches, ``(B, L)``."""
        guidance = next(g.shots[0].guidance for g in self.generators.values()
                        if g.shots[0].guidance is not None)
        return guidance(seen, self.model.clock).nan_to_num()

    def masks(self, images: Tensor, seen: dict[str, Observation]) -> dict[str, Tensor]:
        """A mask by each sampler, ``(B, L)``, of images of which this has been seen."""
        return {name: self.model.make_mask(images, seen, generator)[0].mask
                for name, generator in self.generators.items()}


def summarize(masks: Tensor, images: Tensor, in_patches: Tensor, scores: Tensor,
              patch_size: int) -> dict[str, float]:
    """Of masks ``(draws, N, L)`` of the images: what lies inside objects, which cover the share
    ``in_patches (N, L)`` of each patch, in per cent, with its standard error over images; and the
    other measures of the table, means over draws and images."""
    shares = [object_share(mask, in_patches) for mask in masks]
    masked = torch.stack([share.masked for share in shares]).mean(0)
    chance, best = shares[0].chance, shares[0].best
    lift = masked - chance
    ids = masks.topk(int(masks[0, 0].sum()), dim=2).indices
    return {name: 100 * value.item() for name, value in dict(
        masked=masked.mean(), lift=lift.mean(), error=lift.std() / len(lift)**0.5,
        chance=chance.mean(), best=best.mean()).items()} | dict(
            overlap=torch.stack([topk_overlap(scores, drawn) for drawn in ids]).mean().item(),
            positions=visible_positions(masks.flatten(0, 1)).item(),
            detail=torch.stack([visible_detail(images, mask, patch_size) for mask in masks]
                               ).mean().item())


@exit_on_config_error
def main() -> None:
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options)
    check_data(cfg, ['model'])
    check_teacher(cfg)
    check_file('--annotations', args.annotations, "give COCO's file of instances")
    torch.manual_seed(args.seed)
    guide = _Guide(cfg, args)
    backbone = guide.model.backbone
    images, objects = load_images(args.annotations, args.images, backbone.img_size)
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
                       f'{Path(args.config).stem}, mask ratio {args.mask_ratio:g}')
    Image.fromarray(sheet).save(args.out / 'masks.png')
    print(f'\n{len(images)} images, mask ratio {args.mask_ratio}, {args.draws} masks each; inside '
          f'objects by chance {table["random"]["chance"]:.1f} %, at best '
          f'{table["random"]["best"]:.1f} %')
    print(f'{"sampler":<20} {"inside objects, %":>18} {"above chance":>13} {"+-":>5} '
          f'{"top-k overlap":>14} {"positions":>10} {"detail":>7}')
    for name, row in table.items():
        print(f'{name:<20} {row["masked"]:>18.1f} {row["lift"]:>13.2f} {row["error"]:>5.2f} '
              f'{row["overlap"]:>14.3f} {row["positions"]:>10.2f} {row["detail"]:>7.2f}')
    print(f'{args.out}: masks.png, mask_objects.json')


if __name__ == '__main__':
    main()
