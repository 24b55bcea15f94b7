"""Tests of a method and a config outside the package, run with the shipped tools."""
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from PIL import Image

from mmguided.registry import MODELS

HERE = Path(__file__).parent
CONFIG = HERE / 'two_targets_vit-micro.py'


def test_it_is_short_and_uses_nothing_private():
    source = (HERE / 'two_targets.py').read_text()
    assert len(source.splitlines()) < 100
    assert not any(name.startswith('_') and not name.startswith('__')
                   for name in source.replace('.', ' ').split())


def test_one_pass_of_the_momentum_encoder_gives_the_mask_and_the_target():
    cfg = Config.fromfile(CONFIG)
    model = MODELS.build(cfg.model).train()
    model.init_weights()
    model.clock.set(5)
    calls = []
    for layer in model.momentum_encoder.encoder.layers:
        layer.ffn.register_forward_hook(lambda *args: calls.append(1))
    losses = model.loss(torch.randn(4, 3, 32, 32))
    assert len(calls) == 4, 'four blocks, once each'
    assert losses['topk_overlap'] == 1 and losses['guided_share'] == 1
    (losses['loss_pixels'] + losses['loss_features']).backward()
    for name in ('head.decoder_pred.weight', 'feature_head.decoder_pred.weight',
                 'feature_head.norm.weight', 'backbone.layers.0.attn.qkv.weight'):
        assert model.get_parameter(name).grad.norm() > 0, name
    assert all(p.grad is None for p in model.momentum_encoder.parameters())


def test_it_trains_and_resumes_by_the_shipped_tool(tmp_path):
    """Slow, because each run is a separate process."""
    for i in range(16):
        pixels = np.random.randint(0, 256, (40, 40, 3), dtype=np.uint8)
        (tmp_path / 'images').mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / 'images' / f'{i}.png')
    root = HERE.parents[1]
    command = [
        sys.executable, 'tools/train.py', str(CONFIG), '--work-dir', str(tmp_path / 'work'),
        '--cfg-options', f'train_dataloader.dataset.data_root={tmp_path / "images"}',
        'train_dataloader.batch_size=8', 'train_dataloader.num_workers=0',
        'default_hooks.logger.interval=1', 'default_hooks.checkpoint.interval=1']

    def run(*more):
        result = subprocess.run(
            [*command, *more], cwd=root, env=os.environ | dict(PYTHONPATH=str(root)),
            capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr[-2000:]
        return result.stdout + result.stderr

    log = run('train_cfg.max_epochs=1')
    assert 'loss_pixels' in log and 'loss_features' in log
    log = run('--resume')
    assert 'Epoch(train) [2][2/2]' in log and 'Epoch(train) [1]' not in log
    state = torch.load(tmp_path / 'work/epoch_2.pth', weights_only=False)['state_dict']
    assert state['clock.epochs'] == 1.5  # as it was set before the last of four steps
