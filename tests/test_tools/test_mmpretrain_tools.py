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
def run(monkeypatch):
    """Run ``TOOLS/name`` on the config of the quickstart."""
    monkeypatch.setenv('MPLBACKEND', 'agg')

    def run(name: str, *args) -> None:
        monkeypatch.setattr(sys, 'argv', [name, *map(str, (CONFIG, *args))])
        runpy.run_path(str(TOOLS / name), run_name='__main__')

    return run


def test_vis_scheduler(run, monkeypatch, tmp_path):
    rates, cfg = [], Config.fromfile(CONFIG)
    rate, (warm_up, _) = cfg.optim_wrapper.optimizer.lr, cfg.param_scheduler
    num_images = warm_up.end * cfg.train_dataloader.batch_size  # an epoch is as long as the warm-up
    monkeypatch.setattr(Axes, 'plot', lambda self, values, **kwargs: rates.extend(values))
    picture = tmp_path / 'lr.png'
    run('visualization/vis_scheduler.py', '--not-show', '--dataset-size', num_images, '--save-path',
        picture, '--cfg-options', f'work_dir={tmp_path}', 'custom_hooks=[]')
    steps = warm_up.end * cfg.train_cfg.max_epochs
    assert picture.is_file() and len(rates) == steps
    # A warm-up, times a cosine over all steps.
    assert rates[0] == pytest.approx(rate * warm_up.start_factor)
    for step in (warm_up.end, steps // 2, steps - 1):
        assert rates[step] == pytest.approx(rate * (1 + math.cos(math.pi * step / steps)) / 2)


def test_browse_dataset(run, tmp_path):
    value = 40
    for i in range(3):
        write_image(tmp_path / f'train/{i}.png', value)
    run('visualization/browse_dataset.py', '--not-show', '-n', 2, '-m', 'pipeline', '-o',
        tmp_path / 'out', '--cfg-options', f'train_dataloader.dataset.data_root={tmp_path}')
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == ['0.png', '1.png']
    with Image.open(tmp_path / 'out/0.png') as picture:
        # Below the middle, and left of the gap between the two pictures.
        pixel = picture.convert('RGB').getpixel((picture.width // 4, 3 * picture.height // 4))
    assert pixel == pytest.approx((value, ) * 3, abs=1)
