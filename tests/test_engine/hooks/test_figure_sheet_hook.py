"""FigureSheetHook: epochs, contents of the sheets, failures; training is unaffected."""
import random
import threading
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
import torch
from mmcv import imread
from mmengine.hooks import Hook
from mmengine.visualization import LocalVisBackend
from mmpretrain.structures import DataSample
from torch.distributed.fsdp import FSDPModule
from torch.utils.data import Dataset

from mmguided import visualization
from mmguided.engine.hooks import FigureSheetHook
from mmguided.utils.errors import ConfigError
from tests.helpers import guided_runs


class Pictures(Dataset):
    """Three images of 32 x 32 pixels: blue, green and red, in mmcv's BGR order."""

    metainfo = {}

    def __init__(self, height=32):
        self.height = height

    def __len__(self):
        return 3

    def __getitem__(self, index):
        inputs = torch.zeros(3, self.height, 32, dtype=torch.uint8)
        inputs[index] = 255
        return dict(inputs=inputs, data_samples=DataSample())


class Record(Hook):
    """Record random numbers and modes of training at the end of each epoch."""

    priority = 'LOWEST'

    def __init__(self):
        self.drawn, self.modes = [], []

    def after_train_epoch(self, runner):
        self.drawn.append((torch.rand(()).item(), np.random.rand(), random.random()))
        self.modes.append({module.training for module in runner.model.modules()})


class BrokenBackend(LocalVisBackend):
    """Visualizer backend that cannot write images."""

    def add_image(self, name, image, step=0, **kwargs):
        raise ConnectionError(f'{name} {step}')


def train(work_dir, epochs, hook=True, backends=(LocalVisBackend, ), **settings):
    """Train; return the runner and its :class:`Record`."""
    figures = dict(type='mmguided.FigureSheetHook', dataset=dict(type=Pictures)) | settings
    cfg = guided_runs.config(
        work_dir, dict(type=Pictures), {}, epochs, batch_size=3, shuffle=True,
        hooks=[figures, Record()] if hook else [Record()],
        default_hooks=dict(checkpoint=None, clock=dict(type='mmguided.ClockHook')),
        visualizer=dict(type='UniversalVisualizer', name=str(work_dir),
                        vis_backends=[dict(type=backend) for backend in backends]))
    cfg.model.mask_generator = dict(type='mmguided.MaskGenerator')
    cfg.data_preprocessor.to_rgb = True
    runner = guided_runs.train(cfg)
    return runner, next(hook for hook in runner.hooks if isinstance(hook, Record))


def epochs_drawn(work_dir):
    return sorted(int(path.stem.removeprefix('epoch_'))
                  for path in (work_dir / 'figures').glob('epoch_*.png'))


@pytest.fixture
def sheets(monkeypatch):
    """Arguments and thread of the drawing function, which returns sheets of 5 x 4 pixels."""
    calls = []

    def draw(**kwargs):
        calls.append(kwargs | dict(thread=threading.current_thread()))
        return np.tile(np.array([200, 100, 50], np.uint8), (5, 4, 1))

    monkeypatch.setattr(visualization, 'draw_sheet', draw)
    return calls


@pytest.mark.parametrize('epochs, interval, drawn', [
    (5, 0, [1, 5]), (5, 2, [1, 2, 4, 5]), (1, 0, [1])])
def test_first_last_and_every_nth_epoch_are_drawn(tmp_path, sheets, epochs, interval, drawn):
    train(tmp_path, epochs, interval=interval)
    assert epochs_drawn(tmp_path) == drawn
    assert [sheet['title'] for sheet in sheets] == [
        f'MAE, epoch {epoch} (all epochs: mask noise of seed 0)' for epoch in drawn]


def test_colors_of_the_images_and_of_the_files(tmp_path, sheets):
    runner, _ = train(tmp_path, 1, indices=(0, 2, 4))  # of three images, index 4 is the second
    shown, = (tmp_path / runner.timestamp).glob('vis_data/vis_image/figure_sheet_1.png')
    for path in (tmp_path / 'figures/epoch_1.png', shown):
        sheet = imread(path, channel_order='rgb')
        assert sheet.shape == (5, 4, 3) and (sheet == [200, 100, 50]).all()
    images = sheets[0]['images']
    assert images.shape == (3, 32, 32, 3)
    for image, color in zip(images, [(0, 0, 1), (1, 0, 0), (0, 1, 0)], strict=True):
        np.testing.assert_allclose(image, np.broadcast_to(color, (32, 32, 3)), atol=1e-6)


def test_all_sheets_have_the_same_masks(tmp_path, sheets):
    train(tmp_path / 'a', 3, interval=1)
    first, *others = (sheet['shot'] for sheet in sheets)
    assert len(others) == 2 and all((mask == first).all() for mask in others)
    assert not (sheets[0]['attention'] == sheets[2]['attention']).all()
    assert len({sheet.pop('thread') for sheet in sheets} - {threading.main_thread()}) == 1
    train(tmp_path / 'b', 1, seed=1)
    assert not (sheets[-1]['shot'] == first).all()


def warnings_of(runner):
    log, = Path(runner.log_dir).glob('*.log')
    return [line.partition('Figure sheets: ')[2] for line in log.read_text().splitlines()
            if 'Figure sheets: ' in line]


def fail(**kwargs):
    raise MemoryError('too large')


@pytest.mark.parametrize('settings, warning', [
    (dict(dataset=dict(type='mmguided.ImageFolder', data_root='/not/there', pipeline=[])),
     'cannot read the images. ConfigError: '),
    (dict(dataset=dict(type=Pictures, height=33)), 'cannot draw. ConfigError: '),
    (dict(draw=fail), 'cannot draw. MemoryError: too large. Training continues.'),
])
def test_failures_are_reported_once_and_training_continues(
        tmp_path, monkeypatch, settings, warning):
    if draw := settings.pop('draw', None):
        monkeypatch.setattr(visualization, 'draw_sheet', draw)
    runner, seen = train(tmp_path / 'run', 3, interval=1, **settings)
    assert [line[:len(warning)] for line in warnings_of(runner)] == [warning]
    assert runner.epoch == 3 and seen.modes == [{True}] * 3 and not epochs_drawn(tmp_path / 'run')


def test_a_target_that_fails_does_not_affect_the_others(tmp_path):
    """A backend that cannot write images, and a file in the place of the folder."""
    (tmp_path / 'figures').write_text('in the way')
    runner, _ = train(tmp_path, 2, interval=1, backends=(BrokenBackend, LocalVisBackend))
    shown = (tmp_path / runner.timestamp).glob('vis_data/vis_image/figure_sheet_*.png')
    assert len(list(shown)) == 2
    folder, backend = warnings_of(runner)
    assert folder.startswith(f'cannot write to {tmp_path}/figures. ') and 'Error' in folder
    assert backend == (
        'cannot write to BrokenBackend. ConnectionError: figure_sheet 1. Training continues.')


def test_training_is_unaffected(tmp_path):
    """RNG state, modes and weights."""
    (drawing, seen), (plain, expected) = (
        train(tmp_path / str(hook), 3, hook=hook, interval=1) for hook in (True, False))
    assert epochs_drawn(tmp_path / 'True') == [1, 2, 3] and not epochs_drawn(tmp_path / 'False')
    assert seen.drawn == expected.drawn
    assert seen.modes == expected.modes == [{True}] * 3
    for name, value in plain.model.state_dict().items():
        assert torch.equal(drawing.model.state_dict()[name], value), name


def test_sharded_weights_are_refused():
    """The other processes would wait for the first one."""
    runner = SimpleNamespace(model=mock.Mock(spec=FSDPModule))
    with pytest.raises(ConfigError, match='^FigureSheetHook: '):
        FigureSheetHook(dataset={}).before_run(runner)
