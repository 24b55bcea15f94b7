"""mask_evolution.py: masks of a guided and an unguided run."""
import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar
from mmengine.config import Config
from PIL import Image

from mmguided.hub import get_model
from tests.helpers.paths import ROOT
from tests.helpers.tools import error_of_tool, run_tool

TOOL = 'visualization/mask_evolution.py'
GUIDED, RANDOM = (ROOT / f'configs/ccmim/guidance/{name}.py' for name in ('top-k', 'random'))


@pytest.fixture
def runs(tmp_path):
    """Work dirs with and without a config in the checkpoints, and images."""
    for name, config in (('guided', GUIDED), ('random', RANDOM)):
        (tmp_path / name).mkdir()
        model = get_model(str(config))
        for epoch in (2, 4):
            meta = dict(cfg=Config.fromfile(config).pretty_text) if name == 'guided' else {}
            torch.save(dict(state_dict=model.state_dict(), meta=meta),
                       tmp_path / name / f'epoch_{epoch}.pth')
    (tmp_path / 'images').mkdir()
    for i in range(6):
        pixels = np.random.default_rng(i).integers(0, 256, (40, 48, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f'images/{i}.png')
    (tmp_path / 'images/broken.png').write_bytes(b'broken')
    return tmp_path


def arguments(folder, *more):
    return (f'guided={folder}/guided', f'random={folder}/random', '--configs', f'random={RANDOM}',
            '--images', folder / 'images/0.png', '--folder', folder / 'images',
            '--out', folder / 'out/masks.png', *more)


def test_a_row_for_each_run_and_a_column_for_each_epoch(runs, monkeypatch):
    panels, labels, show = [], [], Axes.imshow
    monkeypatch.setattr(Colorbar, 'set_label', lambda self, label, **_: labels.append(label))
    monkeypatch.setattr(Axes, 'imshow', lambda self, panel, **kwargs: panels.append(panel) or show(
        self, panel, **kwargs))
    run_tool(monkeypatch, TOOL, *arguments(runs, '--epochs', 0, 4))
    assert np.asarray(Image.open(runs / 'out/masks.png')).std() > 0
    assert (runs / 'out/masks.pdf').read_bytes().startswith(b'%PDF')
    assert len(panels) == 2 * 5
    label = ' '.join(labels[-1].split())  # of the readable images
    assert label.startswith('share of 6 images in which a position is visible (random masks: 0.25)')
    assert label.endswith('all masks are drawn with the same noise')
    for row in (panels[:5], panels[5:]):
        # The image, its mask at each epoch, and how often positions are visible.
        for picture, share in zip(row[:4:2] + row[1:4:2], (0, None, .75, .75), strict=True):
            assert share is None or (picture == .5).all(-1).mean() == share


@pytest.mark.parametrize('epochs, message', [
    ((6, ), 'epoch_6.pth'), ((), 'epoch_N.pth')])
def test_epochs_that_are_not_there_are_named(runs, monkeypatch, epochs, message):
    args = arguments(runs, *(('--epochs', *epochs) if epochs else ()))
    if not epochs:
        (runs / 'random/epoch_2.pth').unlink()
        (runs / 'random/epoch_4.pth').unlink()
    assert message in error_of_tool(monkeypatch, TOOL, *args)
