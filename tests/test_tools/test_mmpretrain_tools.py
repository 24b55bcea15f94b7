"""mmpretrain's own tools on our configs: those of docs/mmpretrain_tools.md that are quick."""
import math
import runpy
import sys
from pathlib import Path

import mmpretrain
import pytest
from matplotlib.axes import Axes
from mmengine.config import Config
from PIL import Image

from tests.helpers.images import write_image
from tests.helpers.paths import ROOT

TOOLS = Path(mmpretrain.__file__).parent / '.mim/tools'
CONFIG = ROOT / 'configs/quickstart/ccmim_vit-micro.py'

pytestmark = pytest.mark.skipif(
    not TOOLS.is_dir(), reason=f'this mmpretrain was installed without its tools, {TOOLS}')


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs ``TOOLS/name`` on the quickstart's config, and gives what it prints."""
    monkeypatch.setenv('COLUMNS', '1000')
    monkeypatch.setenv('MPLBACKEND', 'agg')

    def run(name: str, *args) -> str:
        monkeypatch.setattr(sys, 'argv', [name, *map(str, (CONFIG, *args))])
        runpy.run_path(str(TOOLS / name), run_name='__main__')
        return capsys.readouterr().out

    return run


def test_print_config(run):
    printed = run('misc/print_config.py', '--cfg-options', 'model.mask_generator.mask_ratio=.5')
    expected = Config.fromfile(CONFIG)
    expected.model.mask_generator.mask_ratio = .5
    assert Config.fromstring(printed, '.py').to_dict() == expected.to_dict()


def test_get_flops(run):
    """Multiply-adds of linear and norm layers; the product of queries and keys is not counted."""
    printed = run('analysis_tools/get_flops.py', '--shape', 42)
    embed = 49 * (3 * 6 * 6) * 64
    block = 50 * (64 * (3 * 64) + 64 * 64 + 2 * 64 * 256) + 2 * (5 * 50 * 64)
    total = embed + 3 * block + 5 * 50 * 64
    assert f'Flops: {total / 1e6:.3f}M\n' in printed


def test_vis_scheduler(run, monkeypatch, tmp_path):
    rates = []
    monkeypatch.setattr(Axes, 'plot', lambda self, values, **kwargs: rates.extend(values))
    picture = tmp_path / 'lr.png'
    run('visualization/vis_scheduler.py', '--not-show', '--dataset-size', 640, '--save-path',
        picture, '--cfg-options', f'work_dir={tmp_path}', 'custom_hooks=[]')
    assert picture.is_file() and len(rates) == 22 * 640 // 64
    # A warm-up over 200 steps that starts at a hundredth, times a cosine over all 220.
    assert rates[0] == pytest.approx(3e-5)
    assert rates[210] == pytest.approx(3e-3 * (1 + math.cos(math.pi * 210 / 220)) / 2)


@pytest.mark.parametrize('mode, value', [('original', 40), ('pipeline', 40)])
def test_browse_dataset(run, tmp_path, mode, value):
    for i in range(3):
        write_image(tmp_path / f'train/{i}.png', value)
    run('visualization/browse_dataset.py', '--not-show', '-n', 2, '-m', mode, '-o',
        tmp_path / 'out', '--cfg-options', f'train_dataloader.dataset.data_root={tmp_path}')
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == ['0.png', '1.png']
    with Image.open(tmp_path / 'out/0.png') as picture:
        # Below the middle, and in the pipeline's two pictures left of the gap between them.
        pixel = picture.convert('RGB').getpixel((picture.width // 4, 3 * picture.height // 4))
    assert pixel == pytest.approx((value, ) * 3, abs=1)
