"""train.py, test.py and their launchers: complete runs and one-line errors on toy configs."""
import argparse
import json
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from mmengine.config import Config
from mmengine.fileio import load

from mmguided.cli import device
from tests.helpers.paths import ROOT
from tests.helpers.tools import error_of_tool, run_tool, use_cpu
from tests.helpers.toy import CONFIG, ToyData, ToyMetric, ToyModel


@pytest.fixture(autouse=True)
def _on_cpu(monkeypatch, tmp_path):
    use_cpu(monkeypatch)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def config(tmp_path) -> Path:
    path = tmp_path / 'toy.py'
    path.write_text(CONFIG)
    return path


def _checkpoint(work_dir: Path) -> dict:
    return torch.load(work_dir / 'epoch_2.pth', map_location='cpu', weights_only=False)


@pytest.mark.parametrize('scope, hook, save_dir', [
    ('mmpretrain', dict(enable=True, out_dir='p'), None),
    ('mmdet', dict(draw=True, test_out_dir='p'), None),
    ('mmseg', dict(draw=True), 'p'),
])
def test_show_dir_of_each_toolbox(scope, hook, save_dir):
    cfg = Config(dict(default_scope=scope, visualizer=dict(),
                      default_hooks=dict(visualization=dict(type='V'))))
    tool = runpy.run_path(str(ROOT / 'tools/test.py'))
    tool['draw_predictions'](cfg, argparse.Namespace(show=False, show_dir='p', wait_time=2))
    assert cfg.default_hooks.visualization == dict(type='V', show=False, wait_time=2, **hook)
    assert cfg.visualizer.get('save_dir') == save_dir


def train_in_two_processes(*args):
    return subprocess.run(
        ['bash', ROOT / 'tools/dist_train.sh', *args[:1], '2', *args[1:]], capture_output=True,
        env={**os.environ, 'PYTHON': sys.executable}, text=True, timeout=300)


def test_two_gloo_processes_train_as_one(monkeypatch, config, tmp_path):
    """Two processes with batch 2 see the same four points per step as one with batch 4."""
    run_tool(monkeypatch, 'train.py', config, '--work-dir', tmp_path / 'one')
    result = train_in_two_processes(config, '--work-dir', tmp_path / 'two dirs', '--cfg-options',
                                    'train_dataloader.batch_size=2')
    assert result.returncode == 0, result.stderr
    one, two = (_checkpoint(tmp_path / name)['state_dict'] for name in ('one', 'two dirs'))
    assert one['fc.weight'].abs().min() > 0.01  # it has learned
    torch.testing.assert_close(two, one)


def _gloo_threads():
    """Thread ids of gloo."""
    found = set()
    for task in Path('/proc/self/task').iterdir():
        with suppress(OSError):  # the thread has ended
            if (task / 'comm').read_text().startswith('pt_gloo'):
                found.add(task.name)
    return found


@pytest.mark.skipif(not Path('/proc/self/task').is_dir(), reason='counts threads as Linux does')
@pytest.mark.parametrize('tool', ['train.py', 'test.py'])
def test_a_tool_ends_the_threads_of_its_process_group(monkeypatch, config, tmp_path, tool):
    """A remaining thread can abort a process at its end."""
    checkpoint = tmp_path / 'checkpoint.pth'
    torch.save(dict(state_dict=ToyModel().state_dict()), checkpoint)
    launched = dict(RANK='0', WORLD_SIZE='1', MASTER_ADDR='127.0.0.1', MASTER_PORT='0',
                    OMP_NUM_THREADS='1', MKL_NUM_THREADS='1')  # or MMEngine sets them for good
    for name, value in launched.items():
        monkeypatch.setenv(name, value)
    before, during = _gloo_threads(), set()
    wrap = device.CPUDataParallel.__init__

    def wrap_and_count(*args, **kwargs):
        during.update(_gloo_threads())
        wrap(*args, **kwargs)

    monkeypatch.setattr(device.CPUDataParallel, '__init__', wrap_and_count)
    options = [checkpoint] if tool == 'test.py' else []
    run_tool(monkeypatch, tool, config, *options, '--launcher', 'pytorch')
    assert during - before
    deadline = time.monotonic() + 5  # the system lists a thread for a moment after its end
    while _gloo_threads() - before:
        assert time.monotonic() < deadline


def test_metrics_in_yaml_are_plain_numbers(monkeypatch, config, tmp_path):
    """mmseg returns NumPy numbers."""
    monkeypatch.setattr(ToyMetric, 'compute_metrics', lambda self, results: dict(
        mae=np.float64(.5)))
    run_tool(monkeypatch, 'train.py', config, '--work-dir', tmp_path)
    run_tool(monkeypatch, 'test.py', config, tmp_path / 'epoch_2.pth', '--out', tmp_path / 'm.yml',
             '--out-item', 'metrics')
    assert yaml.safe_load((tmp_path / 'm.yml').read_text())['mae'] == .5


def test_test_writes_metrics_and_predictions(monkeypatch, config, tmp_path):
    run_tool(monkeypatch, 'train.py', config, '--work-dir', tmp_path)
    checkpoint = tmp_path / 'epoch_2.pth'
    run_tool(monkeypatch, 'test.py', config, checkpoint, '--out', tmp_path / 'm.json',
              '--out-item', 'metrics')
    run_tool(monkeypatch, 'test.py', config, checkpoint, '--out', tmp_path / 'p.pkl')

    weights = _checkpoint(tmp_path)['state_dict']
    data = ToyData().inputs
    errors = data @ weights['fc.weight'][0] + weights['fc.bias'] - data.sum(1)
    metrics = json.loads((tmp_path / 'm.json').read_text())
    assert metrics['mae'] == pytest.approx(errors.abs().mean().item(), rel=1e-5)
    predictions = torch.stack([sample['error'] for sample in load(tmp_path / 'p.pkl')])
    torch.testing.assert_close(predictions, errors)


def test_resume_equals_an_uninterrupted_run(monkeypatch, config, tmp_path):
    run_tool(monkeypatch, 'train.py', config, '--work-dir', tmp_path / 'a')
    run_tool(monkeypatch, 'train.py', config, '--work-dir', tmp_path / 'b',
              '--resume', tmp_path / 'a/epoch_1.pth')
    assert not (tmp_path / 'b/epoch_1.pth').exists()
    through, resumed = (_checkpoint(tmp_path / name)['state_dict'] for name in 'ab')
    torch.testing.assert_close(resumed, through, rtol=0, atol=0)


def test_an_interrupted_run_exits_without_a_traceback(monkeypatch, config, tmp_path):
    """Its data loader workers end, too."""
    def interrupt(self, inputs, targets, mode):
        os.kill(os.getpid(), signal.SIGTERM)
        return dict(loss=self.fc(inputs).mean())

    monkeypatch.setattr(ToyModel, 'forward', interrupt)
    with pytest.raises(SystemExit) as stop:
        run_tool(monkeypatch, 'train.py', config, '--work-dir', tmp_path, '--cfg-options',
                 'default_hooks.interruption.type=mmguided.InterruptionHook',
                 'train_dataloader.num_workers=1')
    assert stop.value.code == 75
    assert (tmp_path / 'last_checkpoint').read_text() == str(tmp_path / 'iter_1.pth')
    assert not multiprocessing.active_children()


def test_error_of_a_process_group_has_no_traceback(config):
    result = train_in_two_processes(config, '--cfg-options', 'model.depth=0')
    assert result.returncode == 1
    assert 'model.depth=0: ' in result.stderr
    assert 'Traceback' not in result.stderr


@pytest.mark.parametrize('tool, args, start', [
    ('train.py', ['--resume', 'gone.pth'], "--resume='gone.pth': "),
    ('train.py', ['--cfg-options', 'model.depth=0'], 'model.depth=0: '),
    ('train.py', ['--cfg-options', 'model.size=1'], 'model.size=1: TypeError: ToyModel.'),
    ('train.py', ['--cfg-options', 'train_dataloader.batch_size=9',
                  'train_dataloader.drop_last=True'], 'train_dataloader.batch_size=9: '),
    ('test.py', ['gone.pth'], "checkpoint='gone.pth': "),
    ('test.py', ['toy.py', '--out-item', 'pred'], '--out-item=pred: '),
    ('test.py', ['toy.py', '--out', 'x.json'], "--out='x.json': "),
    ('test.py', ['toy.py', '--show'], 'default_hooks.visualization:'),
    ('test.py', ['toy.py', '--cfg-options', 'test_dataloader=None'], 'test_dataloader=None: '),
])
def test_mistakes_are_one_line(monkeypatch, config, tool, args, start):
    assert error_of_tool(monkeypatch, tool, config, *args).startswith(f'error: {start}')
