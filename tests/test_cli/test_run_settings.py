"""Options of train.py that change several fields together."""
import sys

import pytest

from mmguided.utils.errors import ConfigError
from tests.helpers.paths import ROOT
from tests.helpers.tools import import_tool


@pytest.fixture
def resolve(tmp_path, monkeypatch):
    """Config that train.py runs for a config of the package."""

    def read(name, *options):
        monkeypatch.setattr(sys, 'argv', [
            'train.py', str(ROOT / f'configs/{name}.py'), '--data-root', str(tmp_path),
            '--work-dir', str(tmp_path / 'run'), *options])
        for folder in ('train', 'figures'):
            (tmp_path / folder).mkdir(exist_ok=True)
        return import_tool('train').read_config()[0]

    return read


@pytest.mark.parametrize('name, schedule', [
    ('mae/vit-b_300e', [(0, 40, None), (40, 60, None)]),
    ('mae/vit-s_images', [(0, None, None), (0, None, None)]),  # shares of the run
    ('quickstart/ccmim_vit-micro', [(0, 200, None), (0, None, None)])])  # 200 iterations
def test_epochs(resolve, name, schedule):
    cfg = resolve(name, '--epochs', '60')
    assert cfg.train_cfg.max_epochs == 60
    assert [(scheduler.get('begin', 0), scheduler.get('end'), scheduler.get('T_max'))
            for scheduler in cfg.param_scheduler] == schedule


def test_epochs_move_milestones_and_periods(resolve):
    cfg = resolve(
        'mae/vit-micro_folder-32', '--epochs', '30', '--cfg-options',
        'param_scheduler=[{"type":"MultiStepLR","milestones":[2,4],"end":5},'
        '{"type":"CosineAnnealingLR","begin":2,"end":5,"T_max":3}]')
    steps, cosine = cfg.param_scheduler
    assert (steps.milestones, steps.end) == ([12, 24], 30)
    assert (cosine.begin, cosine.end, cosine.T_max) == (2, 30, 28)


@pytest.mark.parametrize('name, options, message', [
    ('mae/vit-b_300e', ['--epochs', '40'], '--epochs=40: param_scheduler.1 lasts from epoch 40 to'),
    ('mae/vit-b_300e', ['--epochs', '20'], 'param_scheduler.0 lasts from epoch 0 to 40. Set'),
    ('benchmarks/ade20k/vit-b_upernet-160k', ['--epochs', '9'], 'trains by iterations'),
    ('benchmarks/ade20k/vit-b_upernet-160k', ['--img-size', '256'], 'not state one size'),
    ('mae/vit-b_300e', ['--img-size', '1', '2', '3'], '--img-size=1 2 3: too many'),
    ('quickstart/mae_vit-micro', ['--auto-scale-lr'], 'auto_scale_lr.base_batch_size: not set'),
    ('quickstart/mae_vit-micro', [  # a transform of mmpretrain
        '--img-size', '42', '84', '--cfg-options',
        'train_dataloader.dataset.pipeline.1.type=RandomResizedCrop'],
     r'^model.backbone.img_size=.*RandomResizedCrop of mmpretrain .*Set type=mmguided')])
def test_options_that_do_not_fit_the_config(resolve, name, options, message):
    with pytest.raises(ConfigError, match=message):
        resolve(name, *options)


def test_img_size(resolve):
    cfg = resolve('cmae/vit-b_300e', '--img-size', '112')
    crop, shift = cfg.train_dataloader.dataset.pipeline[1:3]
    # Pixels are halved: 256, 224 and 31 in the paper.
    assert (cfg.model.backbone.img_size, crop.scale, shift.crop_size, shift.max_shift) == (
        112, 128, 112, 15)
    nested = resolve('self_guided_mae/vit-b_400e', '--img-size', '112')
    assert nested.train_dataloader.dataset.pipeline[1].transforms[0].scale == 112
    fine_tune = resolve('benchmarks/imagenet/vit-b_finetune-100e', '--img-size', '448',
                        '--cfg-options', f'model.backbone.init_cfg.checkpoint={__file__}')
    resize, center = fine_tune.val_dataloader.dataset.pipeline[1:3]
    assert (resize.scale, center.crop_size) == (512, 448)


def test_height_and_width(resolve):
    cfg = resolve('cmae/vit-b_300e', '--img-size', '192', '320')
    crop, shift = cfg.train_dataloader.dataset.pipeline[1:3]
    assert (cfg.model.backbone.img_size, crop.scale, shift.crop_size, shift.max_shift) == (
        (192, 320), (219, 365), (192, 320), 26)
    back = resolve('cmae/vit-b_300e', '--img-size', '112', '--cfg-options',
                   'model.backbone.img_size=(224,448)',
                   'train_dataloader.dataset.pipeline.1.scale=(256,512)',
                   'train_dataloader.dataset.pipeline.2.crop_size=(224,448)')
    crop, shift = back.train_dataloader.dataset.pipeline[1:3]
    assert (crop.scale, shift.crop_size) == (128, 112)
    fine_tune = resolve('benchmarks/imagenet/vit-b_finetune-100e', '--img-size', '192', '320',
                        '--cfg-options', f'model.backbone.init_cfg.checkpoint={__file__}')
    assert fine_tune.train_dataloader.dataset.pipeline[1].scale == (192, 320)
    resize, center = fine_tune.val_dataloader.dataset.pipeline[1:3]
    assert (resize.scale, center.crop_size) == ((219, 365), (320, 192))


@pytest.mark.parametrize('options, lr, scaling', [
    ([], 1e-3, (False, 128)), (['--lr', '.5'], .5, None),
    (['--auto-scale-lr'], 1e-3, (True, 128)),
    (['--auto-scale-lr', '--lr', '.5'], .5, (True, 128))])
def test_batch_size_and_learning_rate(resolve, options, lr, scaling):
    cfg = resolve('mae/vit-micro_folder-32', '--batch-size', '16', *options)
    assert cfg.train_dataloader.batch_size == 16
    assert cfg.optim_wrapper.optimizer.lr == lr
    auto = cfg.auto_scale_lr
    assert (auto and (auto.enable, auto.base_batch_size)) == scaling
