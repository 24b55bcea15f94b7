"""Run tools in the test process, which has already imported the toolboxes."""
import argparse
import importlib.util
import runpy
import sys
from types import ModuleType

import pytest
from mmengine.config import Config

from mmguided.cli import device
from mmguided.cli.arguments import add_run_arguments, merge_run_arguments
from tests.helpers.paths import ROOT

TOOLS = ROOT / 'tools'
# Python adds the folder of a script to its path.
sys.path += [str(TOOLS), str(TOOLS / 'dataset_converters')]


def import_tool(name: str) -> ModuleType:
    """Import ``tools/NAME.py`` as a module."""
    spec = importlib.util.spec_from_file_location(name, TOOLS / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def use_cpu(monkeypatch) -> None:
    """Hide all accelerators; act as the first process of the machine."""
    monkeypatch.setattr(device, 'get_device', lambda: 'cpu')
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '')
    monkeypatch.setenv('LOCAL_RANK', '0')


def run_tool(monkeypatch, name: str, *args) -> None:
    """Run ``tools/NAME`` with these arguments."""
    monkeypatch.setattr(sys, 'argv', [name, *map(str, args)])
    runpy.run_path(str(TOOLS / name), run_name='__main__')


def error_of_tool(monkeypatch, name: str, *args) -> str:
    """Run a tool that exits with code 1; return the one line that it prints to stderr."""
    with pytest.raises(SystemExit) as stop:
        run_tool(monkeypatch, name, *args)
    # Python prints a string and exits with 1.
    assert isinstance(stop.value.code, str) and '\n' not in stop.value.code
    return stop.value.code


def merged_config(text: str, *options: str) -> Config:
    """Config that train.py and test.py make of a file ``some/toy.py`` with this text."""
    parser = argparse.ArgumentParser()
    parser.add_argument('config')
    add_run_arguments(parser)
    args = parser.parse_args(['some/toy.py', *options])
    cfg = Config.fromstring(text, '.py')
    cfg.merge_from_dict(args.cfg_options)
    merge_run_arguments(cfg, args)
    return cfg
