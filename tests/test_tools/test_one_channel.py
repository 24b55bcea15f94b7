"""Tools read the files of RGB photographs for a model of one channel as its training does."""
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

import mmguided
from mmguided.analysis.inspection import read_for_model
from mmguided.hub import read_config
from mmguided.utils.errors import ConfigError
from tests.helpers.tools import error_of_tool, run_tool

GRAY = dict(type='LoadImageFromFile', imdecode_backend='pillow', color_type='grayscale')


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Checkpoints of a model of one channel and of an RGB model, and a folder of images, one of
    them broken."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'images').mkdir()
    for i in range(4):
        pixels = np.random.default_rng(i).integers(0, 256, (32, 32, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f'images/{i}.png')
    (tmp_path / 'images/0.png').write_bytes(b'broken')
    for name in ('gray', 'rgb'):
        cfg = read_config('mae_vit-micro_folder-32')
        if name == 'gray':
            cfg.merge_from_dict({
                'data_preprocessor': dict(mean=[116.], std=[58.]),
                'model.backbone.in_channels': 1,
                'train_dataloader.dataset.pipeline': [GRAY] + cfg.train_pipeline[1:]})
        state = mmguided.get_model(cfg).state_dict()
        torch.save(dict(meta=dict(cfg=cfg.pretty_text), state_dict=state), f'{name}.pth')
    return tmp_path


def test_inspection(folder):
    look = mmguided.inspect(mmguided.get_model('gray.pth'), 'images/1.png')
    expected = np.asarray(Image.open('images/1.png').convert('L')) / 255
    for channel in range(3):
        np.testing.assert_allclose(look.images[0, ..., channel], expected, atol=1e-6)


def test_tools(folder, monkeypatch, capsys):
    run_tool(monkeypatch, 'visualization/show_masks.py', 'gray.pth', '--images', 'images', '--out',
             'masks.png')
    assert "images/0.png': unreadable, skipped" in capsys.readouterr().err
    run_tool(monkeypatch, 'visualization/show_figure.py', 'attention', 'gray.pth', '--images',
             'images/1.png', '--out', 'attention.png')
    (folder / 'run').mkdir()
    shutil.copy('gray.pth', 'run/epoch_1.pth')
    run_tool(monkeypatch, 'visualization/mask_evolution.py', 'run', '--images', 'images/1.png',
             '--folder', 'images', '--out', 'evolution.png')
    assert all((folder / f'{name}.png').is_file() for name in ('attention', 'evolution'))
    (folder / 'labels').mkdir()
    for i in range(1, 4):
        label = np.repeat(np.arange(4, dtype=np.uint8), 256).reshape(32, 32)
        Image.fromarray(label).save(folder / f'labels/{i}.png')
    run_tool(monkeypatch, 'analysis_tools/analyze.py', 'gray.pth', '--images', 'images', '--out',
             'out', '--workers', '0', '--measures', 'attention_distance', '--labels', 'labels')
    assert '3 images, 1 models' in capsys.readouterr().out
    assert (folder / 'out/tsne.png').is_file()
    assert "models take images of {'gray': 1, 'rgb': 3} channels" in error_of_tool(
        monkeypatch, 'analysis_tools/analyze.py', 'gray=gray.pth', 'rgb=rgb.pth', '--images',
        'images', '--out', 'out')


def test_a_model_without_config_takes_arrays(folder):
    model = mmguided.get_model('gray.pth')
    del model.cfg
    with pytest.raises(ConfigError, match=r'Give arrays .*width, 1\)'):
        read_for_model(model, 'images/1.png', 'images')
