"""Errors of the toolboxes that name the config field."""
import subprocess
import sys

import pytest
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

from mmguided.cli import error_messages
from mmguided.cli.error_messages import explain_config_errors
from mmguided.utils.errors import ConfigError
from tests.helpers.paths import ROOT
from tests.helpers.toy import CONFIG


@pytest.mark.parametrize('model, start, remedy', [
    (dict(type='ToyModle'), "model.type='ToyModle': ", "Did you mean 'ToyModel'?"),
    (dict(type='mmgiuded.MAE'), "model.type='mmgiuded.MAE': ", "Did you mean 'mmguided.MAE'?"),
    (dict(type='CCMIM'), "model.type='CCMIM': ", "Did you mean 'mmguided.CCMIM'?"),
    (dict(type='x.Unlike'), "model.type='x.Unlike': ", 'custom_imports'),
    (dict(type='ToyModel', depht=2), 'model.depht=2: ToyModel.', "'depht'"),
    (dict(type='mmguided.PredictionHead', in_dims=3, depth=1), 'config: PredictionHead.',
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
            explain_config_errors(cfg):
        raise KeyError(f'{kind} is not in the mmengine::model registry.')


@pytest.mark.parametrize('error', [
    KeyError('elsewhere'), TypeError("loss() got an unexpected keyword argument 'type'"),
    RuntimeError('CUDA out of memory'), FileNotFoundError(2, 'No such file', '/no/such/file')])
def test_an_error_that_no_field_explains_keeps_its_traceback(error):
    cfg = Config.fromstring(CONFIG, '.py')
    with pytest.raises(type(error)) as raised, explain_config_errors(cfg):
        raise error
    assert raised.value is error


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
