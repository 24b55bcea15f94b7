"""Errors of the toolboxes, in the words of the config."""
from pathlib import Path
from pickle import UnpicklingError

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mmguided.engine.error_messages import naming_config_fields
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
    with pytest.raises(error), naming_config_fields(cfg, ('load_from',)):
        fail()


def test_a_missing_file_that_the_config_does_not_name_keeps_its_stack():
    cfg = Config.fromstring(CONFIG, '.py')
    with pytest.raises(FileNotFoundError), naming_config_fields(cfg, ['model']):
        open('/no/such/file')
