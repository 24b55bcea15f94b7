"""A tool of mmpretrain on a config of ours; docs/mmpretrain_tools.md lists more."""
import runpy
import sys
from pathlib import Path

import mmpretrain
import pytest
from PIL import Image

from tests.helpers.images import write_image
from tests.helpers.paths import ROOT

TOOL = Path(mmpretrain.__file__).parent / '.mim/tools/visualization/browse_dataset.py'


@pytest.mark.skipif(not TOOL.is_file(), reason=f'mmpretrain was installed without {TOOL}')
def test_browse_dataset(monkeypatch, tmp_path):
    for i in range(3):
        write_image(tmp_path / f'train/{i}.png', 40)
    monkeypatch.setattr(sys, 'argv', [
        TOOL.name, f'{ROOT}/configs/quickstart/ccmim_vit-micro.py', '--not-show', '-n', '2', '-m',
        'pipeline', '-o', f'{tmp_path}/out', '--cfg-options',
        f'train_dataloader.dataset.data_root={tmp_path}'])
    runpy.run_path(str(TOOL), run_name='__main__')
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == ['0.png', '1.png']
    with Image.open(tmp_path / 'out/0.png') as picture:
        # Below the middle, and left of the gap between the two pictures.
        pixel = picture.convert('RGB').getpixel((picture.width // 4, 3 * picture.height // 4))
    assert pixel == pytest.approx((40, ) * 3, abs=1)
