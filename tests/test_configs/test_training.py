"""Pretraining with the Runner on photographs: losses decrease, and resume is exact."""
import json
import math
import shutil
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mmguided.registry import MODELS
from tests.helpers.models import as_trained
from tests.helpers.paths import ROOT
from tests.helpers.tools import import_tool


@pytest.fixture(scope='module')
def photographs(tmp_path_factory):
    """The crops of real photographs that the quickstart trains on."""
    folder = tmp_path_factory.mktemp('quickstart')
    import_tool('prepare_quickstart').prepare_images(folder, max_images=700)
    return folder / 'train' / 'unlabeled'


MOST_IMAGES = 256  # for any of these tests


def small(name, photographs, work_dir, epochs, images=96):
    """Shipped config, reduced to a few seconds on a CPU without replacing any part."""
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
    pipeline = cfg.train_dataloader.dataset.pipeline
    pipeline[1].scale = 64
    for step in pipeline:
        if step.type == 'mmguided.PixelShift':
            step.update(crop_size=64, max_shift=9)  # 31 pixels of 224 would be 8.9
            pipeline[1].scale = 64 + 9
    if 'feature_decoder' in cfg.model:
        cfg.merge_from_dict({
            'model.feature_decoder': dict(embed_dims=32, depth=1, num_heads=2),
            'model.projector': dict(hid_channels=96, out_channels=32),
            'model.contrast_head.predictor': dict(
                in_channels=32, hid_channels=96, out_channels=32),
        })
    cfg.param_scheduler = [dict(type='CosineAnnealingLR', T_max=8, end=8, by_epoch=True)]
    return cfg


def train(cfg):
    """Run a config; return the rows of its log."""
    runner = Runner.from_cfg(cfg)
    runner.train()
    path, = Path(runner.work_dir).glob(f'{runner.timestamp}/vis_data/scalars.json')
    return [json.loads(line) for line in path.read_text().splitlines()]


def assert_falls(rows, key, factor=.97, num=8):
    """Check that the mean of the last rows is below ``factor`` times the mean of the first rows."""
    first, last = (sum(row[key] for row in part) / num for part in (rows[:num], rows[-num:]))
    assert last < factor * first, key


def test_both_losses_of_cmae_fall_and_the_contrast_finds_its_partner(photographs, tmp_path):
    rows = train(small(
        'cmae/vit-b_800e_released.py', photographs, tmp_path / 'run', epochs=8, images=MOST_IMAGES))
    assert_falls(rows, 'loss_reconstruction')
    assert_falls(rows, 'loss_contrast', .95)
    loss, accuracy = (sum(row[key] for row in rows[-8:]) / 8
                      for key in ('loss_contrast', 'contrast_accuracy'))
    assert loss < .95 * 2 * .07 * math.log(32), 'all 32 images of the batch held to be as likely'
    assert accuracy > 3 / 32, 'by chance 1 / 32'
    assert all(row['ema_momentum'] == .996 for row in rows)


def assert_equal_runs(straight, resumed):
    """Check that checkpoints have bitwise equal weights, buffers and optimizer states."""
    assert straight['state_dict'].keys() == resumed['state_dict'].keys()
    for name, tensor in straight['state_dict'].items():
        assert torch.equal(tensor, resumed['state_dict'][name]), name
    assert straight['optimizer']['state'].keys() == resumed['optimizer']['state'].keys()
    for index, state in straight['optimizer']['state'].items():
        for name, value in state.items():
            assert torch.equal(value, resumed['optimizer']['state'][index][name])


def test_resumed_cmae_equals_the_uninterrupted_one_bit_for_bit(photographs, tmp_path):
    """The run accumulates gradients, and its momentum depends on the step."""
    momenta, states = {}, {}
    for run in ('straight', 'resumed'):
        cfg = small('cmae/vit-b_800e_released.py', photographs, tmp_path / run, epochs=4)
        cfg.optim_wrapper.accumulative_counts = 2
        cfg.model.momentum_encoder.update(momentum=.9, end_momentum=1.)
        if run == 'resumed':
            cfg.load_from, cfg.resume = str(tmp_path / 'straight' / 'epoch_2.pth'), True
        momenta[run] = [row['ema_momentum'] for row in train(cfg) if 'ema_momentum' in row]
        states[run] = torch.load(tmp_path / run / 'epoch_4.pth', weights_only=False)
    assert_equal_runs(states['straight'], states['resumed'])
    # An epoch of 3 iterations has 2 steps; the log has the momentum of the last step.
    cosine = [1 - .05 * (1 + math.cos(math.pi * i / 12)) for i in (5, 7, 8, 8, 10, 11)]
    assert momenta['straight'][-6:] == momenta['resumed'] == pytest.approx(cosine)
    state = states['resumed']['state_dict']
    assert state['target_projector.bn0.num_batches_tracked'] == 12
    assert not torch.equal(state['momentum_encoder.encoder.cls_token'], state['backbone.cls_token'])


@pytest.fixture
def teacher(tmp_path):
    """Config of a small pretrained encoder, which is the teacher of the other configs."""
    backbone = dict(
        type='mmguided.MaskedViT', img_size=32, patch_size=8,
        arch=dict(embed_dims=24, num_layers=2, num_heads=3, feedforward_channels=48))
    state = as_trained(MODELS.build(backbone), .3).state_dict()
    torch.save({f'backbone.{name}': value for name, value in state.items()}, tmp_path / 'teacher')
    return dict(type='mmguided.CheckpointTeacher', backbone=backbone,
                checkpoint=str(tmp_path / 'teacher'))


def small_cmt_mae(photographs, work_dir, epochs, teacher):
    """Small CMT-MAE with the second stage from the middle of the run."""
    cfg = small('cmt_mae/vit-b_800e.py', photographs, work_dir, epochs)
    cfg.model.teacher = teacher
    cfg.merge_from_dict({
        'model.alpha.begin': .5, 'model.mask_generator.guidance.weights.0.begin': .5,
        'default_hooks.checkpoint': dict(interval=1, max_keep_ckpts=-1)})
    return cfg


def test_both_stages_of_cmt_mae_train_in_one_run(photographs, tmp_path, teacher):
    cfg = small_cmt_mae(photographs, tmp_path / 'run', 8, teacher)
    cfg.train_dataloader.dataset.indices = MOST_IMAGES
    cfg.model.momentum_encoder.momentum = .9
    rows = train(cfg)
    stages = rows[:len(rows) // 2], rows[len(rows) // 2:]
    assert all(row['blend_share'] == row['loss_student'] == 0 and 'error_student' not in row
               for row in stages[0])
    assert rows[-1]['blend_share'] == pytest.approx(.3), 'the effective alpha'
    for name, weight in (('student', .3), ('teacher', .7)):
        assert rows[-1][f'loss_{name}'] == pytest.approx(
            weight * rows[-1][f'error_{name}'], rel=1e-4)  # both are means over 10 steps
    assert all(row['topk_overlap'] > .755 for row in rows), 'by chance .75'
    assert_falls(rows, 'error_teacher', .9, num=4)
    assert_falls(stages[1], 'error_student', .9, num=4)


def test_resumed_cmt_mae_equals_the_uninterrupted_one_in_both_stages(
        photographs, tmp_path, teacher):
    """The run resumes after 1 of 4 epochs, in the first stage, and after 3, in the second."""
    Runner.from_cfg(small_cmt_mae(photographs, tmp_path / 'straight', 4, teacher)).train()
    straight = torch.load(tmp_path / 'straight' / 'epoch_4.pth', weights_only=False)
    for epoch in (1, 3):
        # The file of the teacher's weights may have moved.
        moved = dict(teacher, checkpoint=str(
            shutil.copy(teacher['checkpoint'], tmp_path / 'moved')))
        cfg = small_cmt_mae(photographs, tmp_path / f'from_{epoch}', 4, moved)
        cfg.load_from, cfg.resume = str(tmp_path / 'straight' / f'epoch_{epoch}.pth'), True
        assert ['error_student' in row for row in train(cfg)] == (
            [False] * 3 + [True] * 6 if epoch == 1 else [True] * 3)
        resumed = torch.load(tmp_path / f'from_{epoch}' / 'epoch_4.pth', weights_only=False)
        assert_equal_runs(straight, resumed)
    names = [name for name in straight['state_dict'] if name.startswith('teacher')]
    assert names == ['teacher.weights_sha256']
