"""Image folders with one color per class, and benchmark configs for them."""
from pathlib import Path

import numpy as np
from mmengine import Config
from PIL import Image

from mmguided.cli.arguments import fill_encoder
from tests.helpers.paths import ROOT

CONFIGS = ROOT / 'configs' / 'benchmarks'
COLORS = dict(blue=(30, 40, 220), green=(40, 200, 50), red=(210, 30, 40))
ARCH = dict(embed_dims=32, num_layers=2, num_heads=2, feedforward_channels=64)


def paint(path: Path, color: str, seed: int, size: int = 32) -> None:
    noise = np.random.default_rng(seed).integers(-25, 26, (size, size, 3))
    pixels = np.clip(np.array(COLORS[color]) + noise, 0, 255).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def color_folders(root: Path, train: int, val: int) -> Path:
    """``train`` and ``val`` images per class; one red validation image is labeled blue."""
    for color in COLORS:
        for i in range(train):
            paint(root / 'train' / color / f'{i}.png', color, seed=i)
        for i in range(val):
            paint(root / 'val' / color / f'{i}.png', color, seed=100 + i)
    paint(root / 'val' / 'blue' / '0.png', 'red', seed=200)
    return root


def imagenet_folders(root: Path, train: int, val: int) -> Path:
    """Color folders in ImageNet's layout, with annotation files, the class list of ImageNet-100,
    and two images per class as 1 and 10 %."""
    color_folders(root, train, val)
    for name in ('meta', 'subsets'):
        (root / name).mkdir()
    (root / 'subsets/imagenet100.txt').write_text('\n'.join(COLORS))
    for split in ('train', 'val'):
        lines = [[f'{path.relative_to(root / split)} {label}'
                  for path in sorted((root / split / color).iterdir())]
                 for label, color in enumerate(COLORS)]
        (root / 'meta' / f'{split}.txt').write_text('\n'.join(sum(lines, [])))
        few = '\n'.join(line for of_class in lines for line in of_class[:2])
        for percent in (1, 10):
            (root / f'subsets/{split}_{percent}percent.txt').write_text(few)
    return root


def small(config: str, data_root: Path, work_dir: Path) -> Config:
    """Benchmark config with a small ViT on 32 px images, small batches and no GPU."""
    cfg = Config.fromfile(CONFIGS / config)
    cfg.work_dir = cfg.experiment_name = str(work_dir)
    cfg.vis_backends = cfg.visualizer.vis_backends = []
    cfg.env_cfg.dist_cfg.backend = 'gloo'
    cfg.model.backbone.update(arch=ARCH, img_size=32, patch_size=8)
    fill_encoder(cfg, None)
    for loader in (cfg.get('train_dataloader'), cfg.get('val_dataloader'), cfg.test_dataloader,
                   cfg.model.get('bank_dataloader')):
        if loader is not None:
            loader.update(batch_size=4, num_workers=0)
            loader.dataset.data_root = str(data_root)
    return cfg
