"""Real pretraining through the runner, on real photographs: it learns, and resuming is exact."""
import copy
import json
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mmguided.datasets.sample_images import prepare_images
from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError
from tests.conftest import ROOT


@pytest.fixture(params=['imagenet_mini', 'quickstart'])
def photographs(request, tmp_path):
    """A folder of real photographs: of ImageNet, or those that the quickstart cuts into crops."""
    if request.param == 'imagenet_mini':
        return request.getfixturevalue('data_root') / 'imagenet_mini' / 'train'
    images = prepare_images(tmp_path / 'images', None, max_images=700)
    return Path(images.root) / 'train' / 'photographs'


def small(name, photographs, work_dir, epochs, images=96):
    """A shipped config, shrunk to a few seconds on a CPU; every part stays what it is."""
    cfg = Config.fromfile(str(ROOT / 'configs' / name))
    cfg.merge_from_dict({
        'model.backbone.img_size': 64,
        'model.backbone.patch_size': 8,
        'model.neck': dict(embed_dims=32, depth=1, num_heads=2),
        'train_dataloader.batch_size': 32,
        'train_dataloader.num_workers': 0,
        'train_dataloader.pin_memory': False,
        'train_dataloader.dataset.data_root': str(photographs),
        'train_dataloader.dataset.data_prefix': '',
        'train_dataloader.dataset.with_label': False,
        'train_dataloader.dataset.indices': images,
        'train_cfg.max_epochs': epochs,
        'default_hooks.checkpoint.interval': 2,
        'default_hooks.logger.interval': 1,
        'optim_wrapper.type': 'OptimWrapper',
        'optim_wrapper.optimizer.lr': 2e-3,
        'work_dir': str(work_dir),
        'log_level': 'WARNING',
        'experiment_name': work_dir.name,
    })
    cfg.model.backbone.arch = dict(
        embed_dims=48, num_layers=2, num_heads=3, feedforward_channels=192)
    del cfg.optim_wrapper['loss_scale']
    cfg.train_dataloader.dataset.pipeline[1].scale = 64
    cfg.param_scheduler = [dict(type='CosineAnnealingLR', T_max=8, end=8, by_epoch=True)]
    return cfg


def scalars(runner):
    path = next((ROOT / runner.work_dir).glob(f'{runner.timestamp}/vis_data/scalars.json'))
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize('name', ['ccmim/vit-b_800e.py', 'ccmim/vit-b_800e_released.py'])
def test_loss_falls_on_photographs(name, photographs, tmp_path):
    cfg = small(name, photographs, tmp_path / 'run', epochs=8, images=256)
    cfg.optim_wrapper.accumulative_counts = 1
    runner = Runner.from_cfg(cfg)
    runner.train()
    rows = scalars(runner)
    first, last = ([sum(row['loss_reconstruction'] for row in part) / len(part)]
                   for part in (rows[:8], rows[-8:]))
    assert last[0] < .97 * first[0]
    assert all(row['guided_share'] == 1 for row in rows)
    if 'released' not in name:  # whose scores, over more softmaxes, say less in so short a run
        overlap = sum(row['topk_overlap'] for row in rows[-8:]) / 8
        assert .753 < overlap < .9, 'by chance .75: the scores must say something, the noise too'


def test_checkpoint_of_another_size_stops_the_run(photographs, tmp_path):
    cfg = small('mae/vit-s_300e.py', photographs, tmp_path / 'run', epochs=1, images=32)
    other = copy.deepcopy(cfg.model)
    other.backbone.arch.num_layers = 1
    torch.save(dict(state_dict=MODELS.build(other).state_dict()), tmp_path / 'other.pth')
    cfg.load_from = str(tmp_path / 'other.pth')
    cfg.experiment_name = 'wrong'
    with pytest.raises(ConfigError, match=r'layers\.1'):
        Runner.from_cfg(cfg).train()


@pytest.mark.parametrize('change', [{}, {'model.mask_generator.schedule': dict(begin=1, ramp=2)}])
def test_resumed_run_equals_the_uninterrupted_one_bit_for_bit(photographs, tmp_path, change):
    states = {}
    for run, lengths in (('straight', [4]), ('resumed', [2, 4])):
        for epochs in lengths:
            cfg = small('ccmim/vit-b_300e.py', photographs, tmp_path / run, epochs)
            cfg.merge_from_dict(change)
            cfg.resume = epochs == 4 and run == 'resumed'
            cfg.experiment_name = f'{run}{epochs}{bool(change)}'
            Runner.from_cfg(cfg).train()
        states[run] = torch.load(tmp_path / run / 'epoch_4.pth', weights_only=False)
    straight, resumed = states['straight'], states['resumed']
    assert straight['state_dict'].keys() == resumed['state_dict'].keys()
    for name, tensor in straight['state_dict'].items():
        assert torch.equal(tensor, resumed['state_dict'][name]), name
    for index, state in straight['optimizer']['state'].items():
        for name, value in state.items():
            assert torch.equal(value, resumed['optimizer']['state'][index][name])
    clock = straight['state_dict']['mask_generator.schedule.epoch']
    assert clock == pytest.approx(4 - 1 / 3)
