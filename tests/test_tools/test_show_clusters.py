"""show_clusters.py: clusters of checkpoints with and without a config."""
import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

import mmguided
from tests.helpers.paths import ROOT
from tests.helpers.tools import error_of_tool, run_tool

TOOL = 'visualization/show_clusters.py'
CONFIG = ROOT / 'configs/mae/vit-micro_folder-32.py'


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An image with one distinct quarter, one of noise, and checkpoints with and without a config.
    """
    monkeypatch.chdir(tmp_path)
    pixels = np.full((32, 32, 3), 20, np.uint8)
    pixels[:16, 16:] = 230, 40, 60
    Image.fromarray(pixels).save('quarter.png')
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    Image.fromarray(noise).save('noise.png')
    torch.manual_seed(0)
    cfg = Config.fromfile(CONFIG)
    state = mmguided.get_model(cfg).state_dict()
    torch.save(dict(meta=dict(cfg=cfg.pretty_text), state_dict=state), 'whole.pth')
    torch.save(dict(state_dict=state), 'weights.pth')
    return tmp_path


@pytest.fixture
def drawn(monkeypatch):
    """Arguments of each call of draw_clusters."""
    from mmguided import visualization
    calls, draw = [], visualization.draw_clusters
    monkeypatch.setattr(
        visualization, 'draw_clusters', lambda models: calls.append(models) or draw(models))
    return calls


def test_checkpoints_with_and_without_config(folder, drawn, monkeypatch):
    images = ('--images', 'quarter.png', 'noise.png', '--out', 'out/clusters.png')
    run_tool(monkeypatch, TOOL, 'A=whole.pth', 'B=whole.pth', *images, '--num-clusters', 3,
             '--tsne')
    run_tool(monkeypatch, TOOL, 'C=weights.pth', '--configs', f'C={CONFIG}', *images,
             '--num-clusters', 2)
    (first, second), (third, ) = ([*call.values()] for call in drawn)
    assert [list(call) for call in drawn] == [['A', 'B'], ['C']]
    np.testing.assert_array_equal(first['clusters'], second['clusters'])
    assert first['clusters'].shape == (2, 8, 8) and (np.unique(first['clusters']) == range(3)).all()
    assert first['points'].shape == (2, 64, 2) and np.isfinite(first['points']).all()
    np.testing.assert_array_equal(first['points'], second['points'])
    assert third['points'] is None
    # Even untrained weights separate the quarter of the first image from the rest.
    expected = np.zeros((8, 8), int)
    expected[:4, 4:] = 1
    assert (third['clusters'][0] == expected).mean() > .9
    assert np.asarray(Image.open('out/clusters.png')).std() > 0
    assert (folder / 'out/clusters.pdf').read_bytes().startswith(b'%PDF')


@pytest.mark.parametrize('args, message', [
    (('A=weights.pth', ), 'weights.pth'), (('A=whole.pth', '--layer', 7), 'layer 7'),
    (('A=whole.pth', '--num-clusters', 9), '--num-clusters=9'),
])
def test_errors_name_the_option(folder, monkeypatch, args, message):
    assert message in error_of_tool(monkeypatch, TOOL, *args, '--images', 'noise.png')
