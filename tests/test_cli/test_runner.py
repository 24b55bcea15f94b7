"""From a config to a Runner: quiet imports, and a batch that is too large."""
import subprocess
import sys

import pytest

from tests.helpers.paths import ROOT
from tests.helpers.tools import error_of_tool, run_tool, use_cpu
from tests.helpers.toy import CONFIG


@pytest.fixture(autouse=True)
def _on_cpu(monkeypatch, tmp_path):
    use_cpu(monkeypatch)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def config(tmp_path):
    path = tmp_path / 'toy.py'
    path.write_text(CONFIG)
    return path


def test_a_batch_larger_than_the_data_set_is_named(monkeypatch, config):
    error = error_of_tool(monkeypatch, 'train.py', config, '--cfg-options',
                          'train_dataloader.batch_size=9', 'train_dataloader.drop_last=True')
    assert error.startswith('error: train_dataloader.batch_size=9: 8 images over 1 processes are '
                            'less than one batch; set `--cfg-options train_dataloader.batch_size')


def test_resume_in_an_empty_folder_says_so(monkeypatch, config, capsys):
    run_tool(monkeypatch, 'train.py', config, '--resume', '--work-dir', 'new')
    assert '--resume: no checkpoint in new; training starts from epoch 0' in capsys.readouterr().out
    run_tool(monkeypatch, 'train.py', config, '--resume', '--work-dir', 'new')
    assert 'starts from epoch 0' not in capsys.readouterr().out


def test_the_toolboxes_say_nothing_when_they_are_imported():
    code = ("from mmguided.utils.toolboxes import import_toolboxes\n"
            "for scope in ('mmdet', 'mmseg'): import_toolboxes(scope)\n"
            "from mmengine.logging import MMLogger\n"
            # A logger that is born while the output is redirected would stay silent for good.
            "assert not MMLogger._instance_dict")
    result = subprocess.run([sys.executable, '-W', 'default::UserWarning', '-c', code],
                            capture_output=True, text=True, timeout=300, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    assert 'OneDL' not in result.stdout and 'mmcv-lite' not in result.stderr
