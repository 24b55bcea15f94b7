"""Videos in the layout of DAVIS, and a trivial encoder."""
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.model import BaseModule
from PIL import Image
from torch import nn

from mmguided.models.backbones import Encoder
from mmguided.registry import MODELS
from mmguided.utils.mask_files import write_mask
from tests.helpers.paths import ROOT

SMALL_VIT = dict(
    type='mmguided.MaskedViT', img_size=64, patch_size=8, out_type='featmap',
    arch=dict(embed_dims=48, num_layers=2, num_heads=2, feedforward_channels=96))


@MODELS.register_module()
class PatchProjection(Encoder, BaseModule):
    """Random linear map of the pixels of each patch."""
    final_norm = False

    def __init__(self, patch_size: int = 8, embed_dims: int = 64) -> None:
        super().__init__()
        self.patch_size = patch_size
        self.projection = nn.Conv2d(3, embed_dims, patch_size, patch_size, bias=False)

    def forward(self, images):
        return (self.projection(images), )


def moving_squares(num_frames: int = 6, patch: int = 8, step: int = 1) -> tuple:
    """Two textured squares of 5 x 5 and 4 x 4 patches over a background of 16 x 24. In each frame,
    the first square moves ``step`` patches down and the second moves ``step`` patches to the right.
    The background repeats every 2 patches, so that uncovered background has been visible nearby.

    Returns:
        Frames ``(T, 3, H, W)``, uint8, and masks ``(T, H, W)``, uint8.
    """
    texture = np.random.default_rng(0).integers(0, 256, (3, 3, 16 * patch, 24 * patch), np.uint8)
    background = np.tile(texture[0, :, :2 * patch, :2 * patch], (1, 8, 12))
    frames = np.repeat(background[None], num_frames, axis=0)
    masks = np.zeros((num_frames, 16 * patch, 24 * patch), np.uint8)
    for t in range(num_frames):
        for index, side, top, left in ((1, 5, 2 + step * t, 12), (2, 4, 5, 1 + step * t)):
            rows, columns = (slice(patch * p, patch * (p + side)) for p in (top, left))
            square = slice(0, patch * side)
            frames[t, :, rows, columns] = texture[index, :, square, square]
            masks[t, rows, columns] = index
    return frames, masks


def write_davis(root: Path, videos: dict[str, tuple[np.ndarray, np.ndarray]]) -> Path:
    """Write BGR frames and masks of videos in the layout of DAVIS."""
    (root / 'ImageSets/2017').mkdir(parents=True)
    (root / 'ImageSets/2017/val.txt').write_text('\n'.join(videos) + '\n')
    for name, (frames, masks) in videos.items():
        folder = root / 'JPEGImages/480p' / name
        folder.mkdir(parents=True)
        for t, (frame, mask) in enumerate(zip(frames, masks, strict=True)):
            Image.fromarray(frame[::-1].transpose(1, 2, 0)).save(
                folder / f'{t:05}.jpg', quality=95)
            write_mask(root / 'Annotations/480p' / name / f'{t:05}.png', mask)
    return root


def small_davis(data_root: Path, work_dir: Path, **model) -> Config:
    """ViT-B config with a small ViT and no GPU."""
    cfg = Config.fromfile(ROOT / 'configs/benchmarks/davis/vit-b_davis.py')
    cfg.work_dir = cfg.experiment_name = str(work_dir)
    cfg.visualizer.vis_backends = []
    cfg.env_cfg.dist_cfg.backend = 'gloo'
    cfg.test_dataloader.update(num_workers=0)
    cfg.test_dataloader.dataset.data_root = str(data_root)
    cfg.model.update(dict(backbone=SMALL_VIT, short_side=64) | model)
    return cfg
