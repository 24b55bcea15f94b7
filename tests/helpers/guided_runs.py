"""Short runs of a small MAE whose masks follow a normalized cut."""
import copy
import itertools
from pathlib import Path

from mmengine.config import Config
from mmengine.runner import Runner

NCUT = dict(type='mmguided.NcutRelevance', layer=0)
MODEL = dict(
    type='mmguided.MAE',
    backbone=dict(type='mmguided.MaskedViT', img_size=32, patch_size=8, arch=dict(
        embed_dims=8, num_layers=2, num_heads=2, feedforward_channels=8)),
    mask_generator=dict(
        type='mmguided.MaskGenerator', sampling=dict(type='mmguided.TopKSampling'), guidance=NCUT),
    neck=dict(type='mmguided.MAEDecoder', embed_dims=8, depth=2, num_heads=2),
    target_generator=dict(type='mmguided.PixelTarget'),
    head=dict(type='mmguided.ReconstructionHead'))
_NUMBERS = itertools.count()  # Runners need unique names


def config(work_dir: Path, dataset, schedule: dict, epochs: int = 4, batch_size: int = 2,
           hooks=(), name: str | None = None, shuffle: bool = False, **settings) -> Config:
    """Config of a run on ``dataset`` that logs every step and saves every epoch; ``settings``
    replace its fields."""
    model = copy.deepcopy(MODEL)
    model['mask_generator']['schedule'] = schedule
    return Config(dict(
        default_scope='mmpretrain', model=model, work_dir=str(work_dir), randomness=dict(seed=0),
        experiment_name=name or f'{work_dir.name}{next(_NUMBERS)}',
        data_preprocessor=dict(type='SelfSupDataPreprocessor', mean=[99.] * 3, std=[50.] * 3),
        train_dataloader=dict(
            batch_size=batch_size, num_workers=0, collate_fn=dict(type='default_collate'),
            sampler=dict(type='DefaultSampler', shuffle=shuffle), dataset=dataset),
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=.1)),
        default_hooks=dict(
            logger=dict(type='LoggerHook', interval=1),
            clock=dict(type='mmguided.ClockHook'),
            score_maps=dict(type='mmguided.ScoreMapsHook'),
            rng_state=dict(type='mmguided.RNGStateHook'),
            plain_checkpoint=dict(type='mmguided.PlainCheckpointHook'),
            checkpoint=dict(type='CheckpointHook', interval=1)),
        custom_hooks=list(hooks)) | settings)


def train(cfg: Config) -> Runner:
    """Runner that has trained ``cfg``."""
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


def log_text(runner: Runner) -> str:
    """Text log of a run."""
    path, = Path(runner._log_dir).glob('*.log')
    return path.read_text()
