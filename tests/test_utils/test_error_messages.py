"""Errors of the toolboxes that name the config field."""
import copy
import pickle
import subprocess
import sys

import pytest
from mmengine.config import Config
from mmengine.fileio import dump
from mmengine.registry import MODELS, DefaultScope

from mmguided.utils import error_messages
from mmguided.utils.error_messages import explain_config_errors
from mmguided.utils.errors import ConfigError
from tests.helpers.paths import ROOT
from tests.helpers.toy import CONFIG


@pytest.mark.parametrize('model, start, remedy', [
    (dict(type='ToyModle'), "model.type='ToyModle': ", "Did you mean 'ToyModel'?"),
    (dict(type='mmgiuded.MAE'), "model.type='mmgiuded.MAE': ", "Did you mean 'mmguided.MAE'?"),
    (dict(type='CCMIM'), "model.type='CCMIM': ", "Did you mean 'mmguided.CCMIM'?"),
    (dict(type='x.Unlike'), "model.type='x.Unlike': ", 'custom_imports'),
    (dict(type='ToyModel', depht=2), 'model.depht=2: TypeError: ToyModel.', "'depht'"),
    (dict(type='mmguided.PredictionHead', in_dims=3, depth=1), 'model: TypeError: PredictionHead.',
     "'out_dims'"),
])
def test_unknown_types_and_arguments(model, start, remedy):
    cfg = Config(dict(model=model))
    with DefaultScope.overwrite_default_scope('mmengine'), pytest.raises(ConfigError) as error, \
            explain_config_errors(cfg):
        MODELS.build(cfg.model)
    assert str(error.value).startswith(start) and remedy in str(error.value)


@pytest.mark.parametrize('scope, kind', [('mmengine', 'mmseg.X'), ('mmseg', 'Y')])
def test_a_toolbox_that_is_not_installed(monkeypatch, scope, kind):
    monkeypatch.setattr(error_messages, 'find_spec', lambda name: name != 'mmseg' or None)
    cfg = Config(dict(default_scope=scope, model=dict(type=kind)))
    with pytest.raises(ConfigError, match=f"^model.type='{kind}': mmseg is not installed"), \
            DefaultScope.overwrite_default_scope(scope), explain_config_errors(cfg):
        MODELS.build(cfg.model)


@pytest.mark.parametrize('error, message', [
    (KeyError('elsewhere'), "KeyError: 'elsewhere'."),
    (FileNotFoundError(2, 'No such file', '/gone'),
     "FileNotFoundError: [Errno 2] No such file: '/gone'."),
    (ValueError('Caught ValueError in DataLoader worker process 0.\nOriginal Traceback:\n'
                '  File "x.py", line 1\nValueError: no image'), 'ValueError: no image.'),
    (RuntimeError('x' * 999), f'RuntimeError: {"x" * 300} ...')])
def test_an_error_outside_of_all_parts(tmp_path, error, message):
    cfg = Config.fromstring(CONFIG, '.py')
    with pytest.raises(ConfigError) as raised, explain_config_errors(cfg, tmp_path / 'new'):
        raise error
    saved = tmp_path / 'new/traceback.txt'
    assert str(raised.value) == f'config: {message} Traceback: {saved}.'
    assert saved.read_text().endswith(f'{error}\n')


def test_types_are_written_as_plain_strings():
    cfg = Config(dict(model=dict(type='ToyModel')))
    with explain_config_errors(cfg):
        assert copy.deepcopy(cfg).model.type.field == 'model'
        plain = pickle.loads(pickle.dumps(cfg.model.type))
        assert type(plain) is str and plain == 'ToyModel'
        assert [dump(dict(type=cfg.model.type), file_format=kind) for kind in ('yml', 'json')] == [
            'type: ToyModel\n', '{"type": "ToyModel"}']


def test_the_toolboxes_are_imported_quietly():
    code = ("from mmguided.utils.toolboxes import import_toolboxes\n"
            "for scope in ('mmdet', 'mmseg'): import_toolboxes(scope)\n"
            "from mmengine.logging import MMLogger\n"
            # A logger created while the output is redirected would stay silent.
            "assert not MMLogger._instance_dict")
    result = subprocess.run([sys.executable, '-W', 'default::UserWarning', '-c', code],
                            capture_output=True, text=True, timeout=300, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    assert 'OneDL' not in result.stdout and 'mmcv-lite' not in result.stderr
