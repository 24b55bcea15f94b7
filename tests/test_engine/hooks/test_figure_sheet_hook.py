"""FigureSheetHook: when it draws, what it hands to the drawing, and that training goes on alike."""
import random

import numpy as np
import pytest
import torch
from mmcv import imread
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.structures import DataSample
from torch.utils.data import Dataset

from mmguided.engine.hooks import figure_sheet_hook

MODEL = dict(
    type='mmguided.MAE',
    data_preprocessor=dict(
        type='SelfSupDataPreprocessor', mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375], to_rgb=True),
    backbone=dict(
        type='mmguided.MaskedViT',
        arch=dict(embed_dims=16, num_layers=2, num_heads=2, feedforward_channels=32),
        img_size=(16, 24), patch_size=8),
    mask_generator=dict(type='mmguided.MaskGenerator', mask_ratio=.5),
    neck=dict(type='mmguided.MAEDecoder', embed_dims=16, depth=1, num_heads=2),
    target_generator=dict(type='mmguided.PixelTarget'),
    head=dict(type='mmguided.ReconstructionHead'))


class Pictures(Dataset):
    """Three pictures of 16 x 24 pixels, blue, green and red; in the order BGR, as mmcv reads."""

    metainfo = {}

    def __len__(self):
        return 3

    def __getitem__(self, index):
        inputs = torch.zeros(3, 16, 24, dtype=torch.uint8)
        inputs[index] = 255
        return dict(inputs=inputs, data_samples=DataSample())


class Record(Hook):
    """What training itself draws and in which mode it is, at the end of each epoch."""

    priority = 'LOWEST'

    def __init__(self):
        self.drawn, self.modes = [], []

    def after_train_epoch(self, runner):
        self.drawn.append((torch.rand(()).item(), np.random.rand(), random.random()))
        self.modes.append({module.training for module in runner.model.modules()})


def train(work_dir, epochs, hook=True, model=MODEL, **settings):
    """Train; gives the runner and what :class:`Record` wrote down."""
    record = Record()
    figures = dict(type='mmguided.FigureSheetHook', dataset=dict(type=Pictures), **settings)
    runner = Runner(
        model, str(work_dir),
        train_dataloader=dict(
            dataset=Pictures(), batch_size=3, collate_fn=dict(type='default_collate'),
            sampler=dict(type='DefaultSampler', shuffle=True)),
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=.1)),
        default_hooks=dict(checkpoint=None),
        custom_hooks=[figures, record] if hook else [record],
        visualizer=dict(
            type='UniversalVisualizer', vis_backends=[dict(type='LocalVisBackend')],
            name=str(work_dir)),
        randomness=dict(seed=0), default_scope='mmpretrain', experiment_name=str(work_dir))
    runner.train()
    return runner, record


def epochs_drawn(work_dir):
    return sorted(int(path.stem.removeprefix('epoch_'))
                  for path in (work_dir / 'figures').glob('epoch_*.png'))


@pytest.fixture
def sheets(monkeypatch):
    """What the hook hands to the drawing; the drawn sheets are 5 x 4 pixels in three colors."""
    calls = []

    def draw(**kwargs):
        calls.append(kwargs)
        return np.tile(np.array([200, 100, 50], np.uint8), (5, 4, 1))

    monkeypatch.setattr(figure_sheet_hook, 'draw_sheet', draw)
    return calls


@pytest.mark.parametrize('epochs, interval, drawn', [
    (5, 0, [1, 5]), (5, 2, [1, 2, 4, 5]), (4, 2, [1, 2, 4]), (3, 1, [1, 2, 3]), (1, 0, [1])])
def test_first_last_and_every_nth_epoch_are_drawn(tmp_path, sheets, epochs, interval, drawn):
    train(tmp_path, epochs, interval=interval)
    assert epochs_drawn(tmp_path) == drawn
    assert [sheet['title'] for sheet in sheets] == [f'MAE, epoch {epoch}' for epoch in drawn]


def test_a_sheet_is_a_file_and_goes_to_the_visualizer(tmp_path):
    runner, _ = train(tmp_path, 1)
    sheet = imread(tmp_path / 'figures' / 'epoch_1.png')
    shown, = (tmp_path / runner.timestamp).glob('vis_data/vis_image/figure_sheet_1.png')
    np.testing.assert_array_equal(imread(shown), sheet)
    assert sheet.shape[0] > 300 and sheet.std() > 10


def test_the_file_has_the_colors_of_the_sheet(tmp_path, sheets):
    train(tmp_path, 1)
    sheet = imread(tmp_path / 'figures' / 'epoch_1.png', channel_order='rgb')
    assert sheet.shape == (5, 4, 3) and (sheet == [200, 100, 50]).all()


def test_images_are_those_of_the_dataset_in_rgb(tmp_path, sheets):
    train(tmp_path, 1, indices=(0, 2, 4))  # of three images, the fourth is the second
    images = sheets[0]['images']
    assert images.shape == (3, 16, 24, 3)
    for image, color in zip(images, [(0, 0, 1), (1, 0, 0), (0, 1, 0)], strict=True):
        np.testing.assert_allclose(image, np.broadcast_to(color, (16, 24, 3)), atol=1e-6)


def test_mask_attention_and_reconstruction_lie_on_the_patch_grid(tmp_path, sheets):
    train(tmp_path, 1)
    sheet = sheets[0]
    assert sheet['mask'].shape == sheet['attention'].shape == (4, 2, 3)
    assert set(sheet['mask'].flat) == {0, 1} and (sheet['mask'].sum((1, 2)) == 3).all()
    assert (sheet['attention'] > 0).all()
    visible = np.kron(sheet['mask'], np.ones((1, 8, 8))) == 0
    reconstruction, images = sheet['reconstruction'], sheet['images']
    assert reconstruction.shape == images.shape
    np.testing.assert_allclose(reconstruction[visible], images[visible], atol=1e-6)


def test_all_sheets_have_the_masks_of_the_seed(tmp_path, sheets):
    train(tmp_path / 'a', 3, interval=1)
    first, *others = (sheet['mask'] for sheet in sheets)
    assert len(others) == 2 and all((mask == first).all() for mask in others)
    assert not (sheets[0]['attention'] == sheets[2]['attention']).all()  # it has learned meanwhile
    train(tmp_path / 'b', 1, seed=1)
    assert not (sheets[-1]['mask'] == first).all()


def test_a_target_that_is_not_made_of_pixels_has_no_reconstruction(tmp_path, sheets):
    train(tmp_path, 1, model=dict(MODEL, target_generator=dict(type='mmguided.HOGTarget')))
    assert sheets[0]['reconstruction'] is None and sheets[0]['attention'] is not None


def test_training_does_not_notice(tmp_path):
    """Neither its random numbers nor its mode change, hence its weights do not."""
    (drawing, seen), (plain, expected) = (
        train(tmp_path / str(hook), 3, hook=hook, interval=1) for hook in (True, False))
    assert epochs_drawn(tmp_path / 'True') == [1, 2, 3] and not epochs_drawn(tmp_path / 'False')
    assert seen.drawn == expected.drawn
    assert seen.modes == expected.modes == [{True}] * 3
    for name, value in plain.model.state_dict().items():
        assert torch.equal(drawing.model.state_dict()[name], value), name
