"""show_masks.py: masks of configs and checkpoints side by side."""
import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

import mmguided
from tests.helpers.paths import ROOT
from tests.helpers.tools import error_of_tool, run_tool
from tests.test_visualization.test_sheet import MASKED, WHITE, at_patches, panels

TOOL = 'visualization/show_masks.py'
MAE, CCMIM, CONDITIONAL, SELF_GUIDED = (
    ROOT / f'configs/{name}/vit-micro_folder-32.py'
    for name in ('mae', 'ccmim', 'conditional_mae', 'self_guided_mae'))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Five images in a folder, a broken one among them, one outside, and a checkpoint of ccMIM."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'images/a').mkdir(parents=True)
    for i in range(6):
        pixels = np.random.default_rng(i).integers(60, 256, (40, 48, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / (f'images/a/{i}.png' if i else 'alone.png'))
    (tmp_path / 'images/a/2.png').write_bytes(b'broken')
    cfg = Config.fromfile(CCMIM)
    meta = dict(cfg=cfg.pretty_text)
    torch.save(dict(meta=meta, state_dict=mmguided.get_model(cfg).state_dict()), 'epoch_3.pth')
    return tmp_path


def shown(path):
    """Panels of a sheet by row and column."""
    with Image.open(path) as sheet:
        return panels(np.asarray(sheet.convert('RGB')))


def test_configs_and_checkpoints_side_by_side(folder, monkeypatch, capsys):
    run_tool(monkeypatch, TOOL, MAE, 'last=epoch_3.pth', CONDITIONAL,
             'ccmim_vit-micro_folder-32', '--images', 'alone.png', 'images',
             '--out', 'out/masks.png')
    rows = shown('out/masks.png')
    assert len(rows) == 4  # three readable images of four in the folder
    assert "images/a/2.png': unreadable, skipped" in capsys.readouterr().err
    for number, row in enumerate(rows):
        # Image; random mask and reconstruction; guidance, mask and reconstruction; mask in two
        # shots and reconstruction; guidance, mask and reconstruction.
        assert len(row) == 11
        _, random, _, _, guided, rebuilt, shots, _, _, untrained, _ = (
            at_patches(panel, (8, 8)) for panel in row)
        for mask in (random, guided, untrained):
            gray = mask.mean(-1)
            assert set(gray.flat) <= {MASKED, WHITE} and (gray == MASKED).sum() == 48
        # The same noise: the first of two random shots masks what MAE does.
        first = (shots == 204).all(-1)
        np.testing.assert_array_equal(first, random.mean(-1) == MASKED)
        assert ((shots == WHITE).all(-1).sum(), first.sum()) == (14, 48)
        assert (random != guided).any() and rebuilt.std() > 0, number


@pytest.mark.parametrize('model, progress, columns', [
    ('late.py', .4, 3), ('late.py', .5, 4),
    # The trigger has fired later in the run.
    ('trigger.py', 0, 3), ('trigger.py', .1, 4)])
def test_a_config_is_shown_at_a_time_of_its_run(folder, monkeypatch, model, progress, columns):
    """Guidance that starts in the middle has a column from then on."""
    (folder / 'late.py').write_text(f"_base_ = '{CCMIM}'\nmodel = dict(mask_generator=dict("
                                    'schedule=dict(begin=2.5)))\n')
    (folder / 'trigger.py').write_text(f"_base_ = '{SELF_GUIDED}'\nmodel = dict(mask_generator="
                                       "dict(schedule=dict(begin='trigger', relative=False)))\n")
    run_tool(monkeypatch, TOOL, model, '--images', 'alone.png', '--out', 'masks.png',
             '--progress', progress)
    row, = shown('masks.png')
    assert len(row) == columns


@pytest.mark.parametrize('args, message', [
    (('mae_vit-b_30e', '--images', 'alone.png', '--out', 'a.png'),
     "model='mae_vit-b_30e'"),
    (('epoch_9.pth', '--images', 'alone.png', '--out', 'a.png'), "model='epoch_9.pth'"),
    ((MAE, '--images', 'out', '--out', 'a.png'), "--images='out'"),
    ((MAE, '--images', 'alone.png', '--out', 'a.png', '--progress', 2), '--progress=2.0'),
    (('benchmarks_folder_vit-micro_knn', '--images', 'alone.png', '--out', 'a.png'),
     'KNNClassifier'),
])
def test_mistakes_are_one_line(folder, monkeypatch, args, message):
    (folder / 'out').mkdir()
    assert message in error_of_tool(monkeypatch, TOOL, *args)
