"""tools/extract_features.py: features of a folder, in the order of the names, and resumed."""
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from mmengine.config import Config
from pyarrow import parquet

import mmguided
from mmguided.analysis.inspection import normalized
from mmguided.analysis.layers import encoder_layers
from mmguided.datasets.analysis_images import AnalysisImages
from mmguided.evaluation import image_features
from tests.helpers.colors import ARCH, color_folders
from tests.helpers.models import as_trained
from tests.helpers.paths import ROOT
from tests.helpers.tools import error_of_tool, run_tool

TOOL = 'extract_features.py'
NORM = dict(mean=[100., 110., 120.], std=[50., 55., 60.], to_rgb=True)


@pytest.fixture(scope='module')
def setup(tmp_path_factory):
    """Checkpoint, its model, and a folder with seven images; 'blue/1.png' is broken."""
    folder = tmp_path_factory.mktemp('features')
    cfg = Config(dict(
        default_scope='mmpretrain', custom_imports=dict(imports=['mmguided']),
        model=dict(type='ImageClassifier', data_preprocessor=NORM, backbone=dict(
            type='mmguided.MaskedViT', arch=ARCH, img_size=32, patch_size=8))))
    model = as_trained(mmguided.get_model(cfg))
    torch.save(dict(state_dict=model.state_dict(), meta=dict(cfg=cfg.pretty_text)),
               folder / 'a.pth')
    images = color_folders(folder / 'data', 2, 1) / 'train'
    (images / 'blue/1.png').write_bytes(b'')
    return folder / 'a.pth', model, images


@torch.no_grad()
def test_cls_and_order(setup, tmp_path, monkeypatch, capsys):
    path, model, images = setup
    run_tool(monkeypatch, TOOL, path, images, tmp_path, '--workers', 0, '--batch-size', 4)
    features = np.load(tmp_path / 'features.npy')
    files = (tmp_path / 'files.txt').read_text().splitlines()
    assert files == [f'{color}/{i}.png' for color in ('blue', 'green', 'red') for i in range(2)]
    assert np.isnan(features[1]).all() and "1 cannot be read" in capsys.readouterr().out
    item = AnalysisImages([images / files[5]], [(32, 32)])[0][32, 32]
    expected = image_features(model.backbone, normalized(model, item.unsqueeze(0)), 'cls')[0]
    np.testing.assert_allclose(features[5], expected.numpy(), rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_layers_as_parquet_after_an_interruption(setup, tmp_path, monkeypatch):
    path, model, images = setup
    args = (path, images, tmp_path, '--feature', 'mean', '--layers', 1, 2, '--format', 'parquet',
            '--workers', 0, '--batch-size', 1)
    read = []
    item_of = AnalysisImages.__getitem__

    def stop_at_the_third(self, index):
        read.append(index)
        if read == [0, 1, 2]:
            raise KeyboardInterrupt
        return item_of(self, index)

    monkeypatch.setattr(AnalysisImages, '__getitem__', stop_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        run_tool(monkeypatch, TOOL, *args)
    read.clear()
    run_tool(monkeypatch, TOOL, *args)
    assert read == [2, 3, 4, 5]
    table = parquet.read_table(tmp_path / 'features.parquet').to_pydict()
    item = AnalysisImages([images / 'red/1.png'], [(32, 32)])[0][32, 32]
    layers = encoder_layers(model, normalized(model, item.unsqueeze(0)))
    assert table['file'][5] == 'red/1.png'
    assert 'contains features' in error_of_tool(monkeypatch, TOOL, *args)
    for name, layer in (('layer_1', layers[0]), ('layer_2', layers[1])):
        np.testing.assert_allclose(table[name][5], layer.tokens.mean(dim=1)[0].numpy(),
                                   rtol=1e-5, atol=1e-5)


def test_other_settings_and_layers_are_refused(setup, tmp_path, monkeypatch):
    path, _, images = setup
    run_tool(monkeypatch, TOOL, path, images, tmp_path, '--workers', 0)
    error = error_of_tool(monkeypatch, TOOL, path, images, tmp_path, '--feature', 'mean')
    assert 'feature=cls, now mean' in error
    config = tmp_path / 'other.py'
    config.write_text(torch.load(path)['meta']['cfg'].replace('100.0', '0.0'))
    error = error_of_tool(monkeypatch, TOOL, path, images, tmp_path, '--config', config)
    assert 'config=None, now' in error
    error = error_of_tool(monkeypatch, TOOL, path, images, tmp_path / 'b', '--layers', 3)
    assert '--layers=3: the encoder has 2 blocks' in error


def test_parquet_keeps_names_with_line_separators(setup, tmp_path, monkeypatch):
    path, _, images = setup
    folder = tmp_path / 'images'
    folder.mkdir()
    for name in ('a\u2028b.png', 'c.png'):
        (folder / name).write_bytes((images / 'red/1.png').read_bytes())
    run_tool(monkeypatch, TOOL, path, folder, tmp_path / 'out', '--format', 'parquet',
             '--workers', 0)
    table = parquet.read_table(tmp_path / 'out/features.parquet').to_pydict()
    assert table['file'] == ['a\u2028b.png', 'c.png']


def test_imports_print_nothing():
    """The toolboxes report optional packages. The tools for encoders on their own silence them."""
    done = subprocess.run([sys.executable, '-c', 'import export, extract_features'],
                          cwd=ROOT / 'tools', env=os.environ | dict(PYTHONPATH=str(ROOT)),
                          stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == ''
