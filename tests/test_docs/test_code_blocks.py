"""The code blocks of the pages run unchanged on a small model."""
import inspect
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

import mmguided
from mmguided.models import ImageEntropy
from tests.helpers.paths import ROOT
from tests.helpers.tools import run_tool, use_cpu
from tests.test_visualization.test_sheet import panels


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
    cfg = Config.fromfile(ROOT / 'configs/quickstart/ccmim_vit-micro.py')
    state = mmguided.get_model(cfg).state_dict()
    state['clock.epochs'] += 12  # the end of the run: every mask is guided
    torch.save(state, 'CHECKPOINT')
    torch.save(dict(meta=dict(cfg=cfg.pretty_text), state_dict=state), 'epoch_800.pth')
    code = ''.join(_blocks('python.md'))
    for ours, small in (('ccmim_vit-b_800e', 'quickstart_ccmim_vit-micro'),
                        ('work_dirs/ccmim/vit-b_800e/', '')):
        assert ours in code
        code = code.replace(ours, small)
    names = {}
    exec(code, names)
    look = names['look']
    # The shapes in the comments, for this model.
    sizes = {'1': 1, '3': 3, '14': 7, '224': 42, '768': 64}
    stated = re.findall(r'look\.(\w+) +# \(([\d, ]+)\)', code)
    assert len(stated) == 7
    for field, shape in stated:
        assert getattr(look, field).shape == tuple(sizes[size] for size in shape.split(', ')), field
    assert look.mask.sum() == 30  # 60 %
    with Image.open('sheet.png') as sheet:
        assert len(panels(np.asarray(sheet))[0]) == 6


def test_the_guidance_that_reads_pixels_is_the_packages():
    *_, example = _blocks('parts.md')
    assert example.endswith(inspect.getsource(sys.modules[ImageEntropy.__module__]).partition(
        'from .guidance import Guidance\n')[2])


def test_write_a_part(folder, monkeypatch):
    parts, config, _ = _blocks('parts.md')
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
    # The whole upper half and half of the lower half are masked: 32 of 48 are among the top 48.
    assert all(step['topk_overlap'] > .8 for step in steps)
    state = torch.load('run/epoch_1.pth')['state_dict']
    assert state['head.decoder_pred.weight'].shape[0] == 3
    del sys.modules['my_parts']


def test_count_the_activations():
    """The bytes are proportional to the number of images."""
    code, = _blocks('scaling.md')
    assert 'mae_vit-b_800e' in code
    names = {}
    exec(code.replace('mae_vit-b_800e', 'quickstart_ccmim_vit-micro'), names)
    model, kept_bytes = names['model'], names['kept_bytes']
    for block in (*model.backbone.layers, *model.neck.decoder_blocks):
        block.with_cp = True
    saving = (kept_bytes(model, 4) - kept_bytes(model, 2)) / 2
    assert 0 < saving < names['per_image'] / 2
