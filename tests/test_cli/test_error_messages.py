"""Errors of the toolboxes, in the words of the config."""
from pathlib import Path
from pickle import UnpicklingError

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from mmengine.runner import Runner

from mmguided.cli.error_messages import explain_config_errors
from mmguided.utils.errors import ConfigError
from tests.helpers.toy import CONFIG


@pytest.fixture(autouse=True)
def _in_tmp_path(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize('fail, error', [
    (lambda: torch.load('other.pth'), UnpicklingError),  # not by Runner
    (lambda: Runner.load_checkpoint(None, 'whole.pth'), AttributeError),  # not in reading
    (lambda: torch.save(lambda: 1, 'whole.pth'), AttributeError),
    (lambda: exec('raise RuntimeError("from nowhere")', {}), RuntimeError),
])
def test_another_error_beside_a_checkpoint_stays_what_it_is(fail, error):
    torch.save(dict(state_dict={}), 'whole.pth')
    Path('other.pth').write_bytes(b'no checkpoint')
    cfg = Config(dict(load_from='whole.pth', resume=True, work_dir='.'))
    with pytest.raises(error), explain_config_errors(cfg, ('load_from',)):
        fail()


def test_a_missing_file_that_the_config_does_not_name_keeps_its_stack():
    cfg = Config.fromstring(CONFIG, '.py')
    with pytest.raises(FileNotFoundError), explain_config_errors(cfg, ['model']):
        open('/no/such/file')


@pytest.mark.parametrize('model, message', [
    (dict(type='ToyModle'), "model.type='ToyModle': no model of this name is registered; did you "
     "mean 'ToyModel'?"),
    (dict(type='mmguided.CCMAE'), "model.type='mmguided.CCMAE': no model of this name is "
     "registered; did you mean 'mmguided.CMAE'?"),
    (dict(type='ToyModel', depht=2), "model.depht=2: ToyModel has no option 'depht'; did you mean "
     "'depth'?"),
    (dict(type='CCMIM'), "model.type='CCMIM': no model of this name is registered; did you mean "
     "'mmguided.CCMIM'?"),
    (dict(type='mmguided.PredictionHead', in_dims=3, depth=1), "model: PredictionHead needs "
     "'out_dims', which the config does not set"),
])
def test_a_type_and_an_option_are_named_with_the_nearest(model, message):
    cfg = Config(dict(model=model))
    with DefaultScope.overwrite_default_scope('mmengine'), pytest.raises(ConfigError) as error, \
            explain_config_errors(cfg, ['model']):
        MODELS.build(cfg.model)
    assert str(error.value) == message


def test_an_option_of_the_data_loader_is_named():
    cfg = Config(dict(train_dataloader=dict(
        dataset=dict(type='ToyData'), sampler=dict(type='DefaultSampler'), batch_size=2,
        num_worker=0)))
    with pytest.raises(ConfigError, match=r"^train_dataloader\.num_worker=0: DataLoader has no "
                                          "option 'num_worker'; did you mean 'num_workers'"), \
            explain_config_errors(cfg, ['train_dataloader']):
        Runner.build_dataloader(cfg.train_dataloader)


@pytest.mark.parametrize('error', [
    KeyError('elsewhere'), TypeError("loss() got an unexpected keyword argument 'type'"),
    RuntimeError('CUDA out of memory')])
def test_an_error_that_no_field_explains_keeps_its_stack(error):
    cfg = Config(dict(model=dict(type='ToyModel')))
    with pytest.raises(type(error)) as raised, explain_config_errors(cfg, ['model']):
        raise error
    assert raised.value is error
