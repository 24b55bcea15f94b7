"""The code of the pages runs as it stands there, on a small model."""
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import mmguided
from tests.helpers.paths import ROOT
from tests.helpers.tools import run_tool, use_cpu


def _blocks(page: str) -> list[str]:
    return re.findall(r'```python\n(.*?)```', (ROOT / 'docs' / page).read_text(), re.DOTALL)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    (tmp_path / 'train/a').mkdir(parents=True)
    for i in range(16):
        image = rng.integers(0, 256, (48, 56, 3), dtype=np.uint8)
        Image.fromarray(image).save(tmp_path / f'train/a/{i}.png')
    Image.fromarray(image).save(tmp_path / 'image.jpg')
    return tmp_path


def test_use_it_from_python(folder):
    model = mmguided.get_model('quickstart_ccmim_vit-micro')
    torch.save(model.state_dict(), 'CHECKPOINT')
    code = ''.join(_blocks('python.md'))
    code = code.replace('ccmim_vit-b_800e', 'quickstart_ccmim_vit-micro').replace(
        'size = 224', 'size = 42')
    names = {}
    exec(code, names)
    assert names['patches'].shape == (1, 49, 64) and names['cls_token'].shape == (1, 64)
    assert names['attention'].shape == (1, 49) and 0 < names['attention'].sum() < 1
    assert names['mask'].shape == (1, 7, 7) and names['mask'].sum() == 30  # 60 %
    visible = names['result'].mask.mask.view(7, 7).repeat_interleave(6, 0).repeat_interleave(6, 1)
    difference = (names['pixels'][0] - names['image']).abs().amax(0)
    assert difference[visible == 0].max() < 1e-3 < difference[visible == 1].mean()


def test_write_a_part(folder, monkeypatch):
    parts, config = _blocks('parts.md')
    Path('my_parts.py').write_text(parts)
    Path('my_config.py').write_text(config.replace(
        'mae/vit-b_300e', 'conditional_mae/vit-micro_folder-32'))
    monkeypatch.syspath_prepend(str(folder))
    use_cpu(monkeypatch)
    run_tool(monkeypatch, 'train.py', 'my_config.py', '--data-root', folder, '--work-dir', 'run',
             '--cfg-options', 'train_cfg.max_epochs=1', 'train_dataloader.batch_size=8',
             'train_dataloader.num_workers=0', 'default_hooks.logger.interval=1')
    log, = Path('run').glob('*/vis_data/scalars.json')
    steps = [json.loads(line) for line in log.read_text().splitlines()]
    assert len(steps) == 2 and all(np.isfinite(step['loss']) for step in steps)
    # All of the upper half is masked, half of the lower: of 48, 32 would be among the top 48.
    assert all(step['topk_overlap'] > .8 for step in steps)
    state = torch.load('run/epoch_1.pth')['state_dict']
    assert state['head.decoder_pred.weight'].shape[0] == 3
    del sys.modules['my_parts']
