"""Tools, run within the test's process, which has the toolboxes imported already."""
import argparse
import importlib.util
import runpy
import sys
from types import ModuleType

import pytest
from mmengine.config import Config

from mmguided.cli import device
from mmguided.cli.arguments import add_common_arguments, merge_common_args
from tests.helpers.paths import ROOT


def import_tool(name: str) -> ModuleType:
    """``tools/NAME.py`` as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / 'tools' / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def use_cpu(monkeypatch) -> None:
    """Let a tool see no accelerator, as the first process of its machine."""
    monkeypatch.setattr(device, 'get_device', lambda: 'cpu')
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


def merged_config(text: str, *options: str) -> Config:
    """The config that a tool makes of a file ``some/toy.py`` with this text and these options."""
    parser = argparse.ArgumentParser()
    parser.add_argument('config')
    add_common_arguments(parser)
    args = parser.parse_args(['some/toy.py', *options])
    cfg = Config.fromstring(text, '.py')
    cfg.merge_from_dict(args.cfg_options)
    merge_common_args(cfg, args)
    return cfg
