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
    backbone = Config.fromfile(CONFIG).model.backbone
    size, patch, arch = backbone.img_size, backbone.patch_size, backbone.arch
    printed = run('analysis_tools/get_flops.py', '--shape', size)
    patches, dim = (size // patch)**2, arch.embed_dims
    norm = 5 * (patches + 1) * dim
    linear = (patches + 1) * (4 * dim * dim + 2 * dim * arch.feedforward_channels)
    total = patches * 3 * patch**2 * dim + arch.num_layers * (linear + 2 * norm) + norm
    assert f'Flops: {total / 1e6:.3f}M\n' in printed


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
