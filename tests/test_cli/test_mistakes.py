"""Common mistakes, listed in mistakes.yml: each is one line that begins with the field."""
import gc
import os
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import mmengine.runner.runner
import numpy as np
import pytest
import torch
import yaml
from mmengine.config import Config
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.runner import ValLoop
from mmengine.visualization import Visualizer
from PIL import Image

from mmguided.cli import data_checks, runner
from mmguided.engine.online_features import OnlineFeatures
from mmguided.hub import get_model
from tests.helpers.paths import ROOT
from tests.helpers.tools import run_tool, use_cpu

MISTAKES = yaml.safe_load(Path(__file__).with_name('mistakes.yml').read_text())
SMALL = dict(batch_size=4, num_workers=0)
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


@pytest.fixture(scope='module')
def folder(tmp_path_factory) -> Path:
    """Small images, configs and checkpoints, and files that are no checkpoints."""
    folder = tmp_path_factory.mktemp('mistakes') / 'work'
    rng = np.random.default_rng(0)
    for name in ['flat', *(f'tree/{part}' for part in (
            'train/a', 'train/b', 'val/a', 'val/b', 'other/a', 'other/c'))]:
        (folder / name).mkdir(parents=True)
        for i in range(8 if name == 'flat' else 2):
            pixels = rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f'{i}.png')
    (folder / 'empty').mkdir()
    mae = _write_config(folder / 'mae.py', 'mae/vit-micro_folder-32')
    _write_config(folder / 'ccmim.py', 'ccmim/vit-micro_folder-32')
    knn = _write_config(folder / 'knn.py', 'benchmarks/folder/vit-micro_knn', {
        'model.ks': (2, ), 'model.bank_dataloader': SMALL | dict(dataset=dict(data_root='tree'))})
    _write_config(folder / 'linear.py', 'benchmarks/folder/vit-micro_linear', {
        'train_cfg.val_interval': 1, 'model.backbone.init_cfg.checkpoint': 'weights.pth'})
    _write_config(folder / 'typo.py', 'mae/vit-micro_folder-32',
                  {'model.neck.type': 'mmguided.MAEDecodr'})
    for name, width in (('weights.pth', 192), ('small.pth', 96)):
        knn.model.backbone.arch.embed_dims = width
        encoder = get_model(Config(dict(model=knn.model.backbone)))
        torch.save(dict(state_dict={f'backbone.{key}': value
                                    for key, value in encoder.state_dict().items()}), folder / name)
    model = get_model(mae)
    for name, heads in (('ours.pth', 4), ('broken.pth', 5)):
        mae.model.neck.num_heads = heads
        torch.save(dict(state_dict=model.state_dict(), meta=dict(cfg=mae.pretty_text)),
                   folder / name)
    torch.save([1], folder / 'list.pth')
    whole = (folder / 'weights.pth').read_bytes()
    for name, content in (('cut.pth', whole[:len(whole) // 2]), ('empty.pth', b''),
                          ('page.html', b'<!DOCTYPE html>'),
                          ('pointer.pth', b'version https://git-lfs.github.com/spec/v1\n')):
        (folder / name).write_bytes(content)
    return folder


def _write_config(path: Path, name: str, options: dict | None = None) -> Config:
    """Write a config without ``_base_``, which would be read for each mistake again."""
    cfg = Config.fromfile(ROOT / f'configs/{name}.py', import_custom_modules=False)
    cfg.merge_from_dict({'work_dir': 'w', 'visualizer.vis_backends': [
        dict(type='LocalVisBackend')]} | (options or {}))
    data = 'tree' if cfg.get('test_dataloader') else 'flat'
    for loader in filter(None, map(cfg.get, LOADERS)):
        loader.update(SMALL)
        loader.dataset.data_root = data
    path.write_text(cfg.pretty_text)
    return cfg


@pytest.fixture
def _in_folder(monkeypatch, folder) -> None:
    use_cpu(monkeypatch)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(gc, 'collect', lambda: 0)  # called for each dataset
    monkeypatch.setattr(mmengine.runner.runner, 'collect_env', dict)


def _arguments(tool: str, text: str) -> Iterator[str]:
    name, _, config = tool.partition(' ')
    words = shlex.split(text)
    if not config:
        yield from words
        return
    yield f'{config}.py'
    if name == 'test.py':
        yield words.pop(0)
    yield from ['--dry-run'] if name == 'train.py' else []
    options = [word for word in words if not word.startswith('-')]
    yield from [word for word in words if word.startswith('-')]
    yield from ['--cfg-options', *options] if options else []


def _forget_runs() -> None:
    """Forget the names of runs, which are equal for runs of the same second."""
    for kind in (MMLogger, MessageHub, DefaultScope, Visualizer, *Visualizer.__subclasses__()):
        kind._instance_dict.clear()


def _outcome(monkeypatch, capsys, tool: str, text: str) -> str | None:
    """Line that a tool prints before it exits with an error; None if it succeeds."""
    for name in ('w', 'work_dirs'):
        shutil.rmtree(name, ignore_errors=True)
    _forget_runs()
    try:
        run_tool(monkeypatch, tool.partition(' ')[0], *_arguments(tool, text))
    except SystemExit as stop:
        message = stop.code if isinstance(stop.code, str) else (
            capsys.readouterr().err.strip().rpartition('\n')[2].partition(' ')[2])
        return message.removeprefix('error: ').removeprefix('--cfg-options ')
    except Exception as error:
        return f'traceback of {error!r}'
    return None


def test_the_list_is_long():
    assert sum(start is not None for rows in MISTAKES.values() for start in rows.values()) >= 200


@pytest.mark.parametrize('tool', MISTAKES)
@pytest.mark.usefixtures('_in_folder')
def test_each_mistake_is_one_line_with_its_field(monkeypatch, capsys, tool):
    wrong = {}
    for text, start in MISTAKES[tool].items():
        found = _outcome(monkeypatch, capsys, tool, text)
        if found is not start if None in (found, start) else (
                not found.startswith(start) or '\n' in found):
            wrong[text] = found
    assert wrong == {}


@pytest.mark.usefixtures('_in_folder')
def test_the_traceback_is_kept(monkeypatch, capsys):
    found = _outcome(monkeypatch, capsys, 'train.py mae', 'model.neck.depth=1 model.head=None')
    assert found.endswith('Traceback: w/traceback.txt.')
    assert 'NoneType' in Path('w/traceback.txt').read_text()


@pytest.mark.usefixtures('_in_folder')
def test_a_dry_run_leaves_no_files(monkeypatch, capsys):
    assert _outcome(monkeypatch, capsys, 'train.py linear', '') is None
    assert 'one validation batch' in capsys.readouterr().out
    assert not os.listdir('w')


@pytest.mark.usefixtures('_in_folder')
def test_a_dry_run_of_a_resumed_run_does_not_validate_all_images(monkeypatch):
    def train(epochs, *options):
        _forget_runs()
        run_tool(monkeypatch, 'train.py', 'linear.py', '--work-dir', 'w', *options,
                 '--cfg-options', f'train_cfg.max_epochs={epochs}')

    train(1)
    calls = []
    monkeypatch.setattr(ValLoop, 'run', lambda loop: calls.append(loop))
    train(2, '--resume', '--dry-run')
    assert not calls


@pytest.mark.usefixtures('_in_folder')
def test_a_dry_run_evaluates_few_images(monkeypatch, capsys):
    sizes, extract = [], OnlineFeatures.extract
    monkeypatch.setattr(OnlineFeatures, 'extract', lambda self, *args, **kwargs: sizes.append(
        len(self)) or extract(self, *args, **kwargs))
    monkeypatch.setattr(runner, 'DRY_RUN_IMAGES', 3)
    for ks, number in ('(1,)', 3), ('(3,)', 6):
        assert _outcome(monkeypatch, capsys, 'train.py mae', "train_dataloader.dataset.data_root="
                        "tree train_dataloader.dataset.with_label=True "
                        'custom_hooks="[{\'type\':\'mmguided.OnlineEvaluationHook\','
                        f'\'ks\':{ks}}}]"') is None
        assert sizes.pop() == number and not sizes


@pytest.mark.usefixtures('_in_folder')
def test_reading_the_first_image_does_not_change_a_run(monkeypatch, capsys):
    states = []
    for check in (data_checks.read_first, lambda *_: None):
        monkeypatch.setattr(data_checks, 'read_first', check)
        _outcome(monkeypatch, capsys, 'show', '')  # removes the work dir
        run_tool(monkeypatch, 'train.py', 'linear.py', '--work-dir', 'w', '--cfg-options',
                 'train_cfg.max_epochs=2', 'model.freeze_backbone=False')
        states.append(torch.load('w/epoch_2.pth', weights_only=True)['state_dict'])
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
