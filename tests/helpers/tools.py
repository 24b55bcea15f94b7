"""Tools, run within the test's process, which has the toolboxes imported already."""
import importlib.util
import runpy
import sys
from types import ModuleType

import pytest

from mmguided.engine import runner_utils
from tests.helpers.paths import ROOT


def import_tool(name: str) -> ModuleType:
    """``tools/NAME.py`` as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / 'tools' / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def use_cpu(monkeypatch) -> None:
    """Let a tool see no accelerator, as the first process of its machine."""
    monkeypatch.setattr(runner_utils, 'get_device', lambda: 'cpu')
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '')
    monkeypatch.setenv('LOCAL_RANK', '0')


def run_tool(monkeypatch, name: str, *args) -> None:
    """Run ``tools/NAME`` with these arguments."""
    monkeypatch.setattr(sys, 'argv', [name, *map(str, args)])
    runpy.run_path(str(ROOT / 'tools' / name), run_name='__main__')


def error_of_tool(monkeypatch, name: str, *args) -> str:
    """What the tool prints to stderr on its way out with exit code 1: one line."""
    with pytest.raises(SystemExit) as stop:
        run_tool(monkeypatch, name, *args)
    # Python prints a string and exits with 1.
    assert isinstance(stop.value.code, str) and '\n' not in stop.value.code
    return stop.value.code
