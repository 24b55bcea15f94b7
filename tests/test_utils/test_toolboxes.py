"""Imports of the toolboxes."""
import subprocess
import sys


def test_pretraining_imports_no_package_that_only_detection_needs():
    """Half of the time from the command to the first step was the import of mmdet."""
    code = '\n'.join([
        'import importlib.util, sys',
        'from mmengine.config import Config',
        'from mmguided.cli.runner import import_parts',
        "import_parts(Config(dict(default_scope='mmpretrain')))",
        "slow = {'mmdet', 'mmseg', 'sklearn', 'scipy', 'pandas', 'matplotlib'}",
        "print(sorted(slow & {*sys.modules}), importlib.util.find_spec('mmdet') is not None)"])
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert result.stdout == '[] True\n'
