"""Benchmark configs, named as in the rows of the README tables, and their checkpoints."""
from pathlib import Path

import torch
from mmengine.config import Config
from torch import nn

from mmguided.registry import MODELS
from tests.helpers import configs
from tests.helpers.colors import CONFIGS

# : Options for the learning rate 1e-3 with a cosine schedule that ends at 1e-6.
LR_1E_3 = 'optim_wrapper.optimizer.lr=1e-3 param_scheduler.1.eta_min_ratio=1e-3'


def names(*folders: str) -> list[str]:
    """Paths below configs/benchmarks, without .py, of all configs in these folders."""
    return sorted(f'{folder}/{path.stem}' for folder in folders
                  for path in (CONFIGS / folder).glob('*.py'))


def load(row: str) -> Config:
    """Read a config with options, such as ``'imagenet/vit-b_knn model.backbone.arch=small'``."""
    return configs.load(f'benchmarks/{row}')


def save_encoder(encoder: nn.Module | dict, path: Path) -> str:
    """Write a pretraining checkpoint with weights of other parts too. A config is built first, and
    the checkpoint contains it."""
    saved = {}
    if isinstance(encoder, dict):
        cfg = Config(dict(model=dict(type='mmguided.MAE', backbone=encoder)))
        saved['meta'] = dict(cfg=cfg.pretty_text)
        encoder = MODELS.build(encoder)
        encoder.init_weights()
    state = {f'backbone.{name}': value for name, value in encoder.state_dict().items()}
    torch.save(dict(saved, state_dict=state | {'neck.mask_token': torch.zeros(1)}), path)
    return str(path)
