"""Checkpoints and configs by name."""
from pathlib import Path

import pytest
import torch

import mmguided
from mmguided.cli.named_models import load_models, named_checkpoints, named_configs
from mmguided.utils.errors import ConfigError
from tests.helpers.paths import ROOT

CONFIG = ROOT / 'configs/mae/vit-micro_folder-32.py'


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'run').mkdir()
    torch.save({}, 'run/epoch_1.pth')
    torch.save({}, 'run/a=b.pth')


def test_a_name_is_given_or_that_of_the_path(files):
    named = named_checkpoints(['run/epoch_1.pth', 'mae=run/epoch_1.pth', 'x=run/a=b.pth'])
    assert named == {'run/epoch_1': Path('run/epoch_1.pth'), 'mae': Path('run/epoch_1.pth'),
                     'x': Path('run/a=b.pth')}
    assert named_configs([f'x={CONFIG}'], named) == {'x': str(CONFIG)}


@pytest.mark.parametrize('arguments, message', [
    (['run/epoch_2.pth'], "checkpoint='run/epoch_2.pth'"),
    (['a=run/epoch_1.pth', 'a=run/a=b.pth'], "'a' is the name of another one; put NAME= in")])
def test_checkpoints_that_are_not_there_or_have_one_name(files, arguments, message):
    with pytest.raises(ConfigError, match=message):
        named_checkpoints(arguments)


@pytest.mark.parametrize('argument, message', [
    (str(CONFIG), 'give NAME=CONFIG'), (f'maa={CONFIG}', "did you mean 'mae'"),
    ('mae=nothing.py', "--configs='nothing.py': no such file")])
def test_configs_without_a_checkpoint_or_file(argument, message):
    with pytest.raises(ConfigError, match=message):
        named_configs([argument], dict(mae=Path('x.pth')))


def test_models_of_both_kinds(tmp_path):
    model = mmguided.get_model(str(CONFIG))
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'plain.pth')
    text = mmguided.hub.Config.fromfile(CONFIG).pretty_text
    torch.save(dict(state_dict=model.state_dict(), meta=dict(cfg=text)), tmp_path / 'ours.pth')
    models = load_models(dict(plain=tmp_path / 'plain.pth', ours=tmp_path / 'ours.pth'),
                         dict(plain=str(CONFIG)))
    for loaded in models.values():
        assert not loaded.training
        assert torch.equal(loaded.backbone.cls_token, model.backbone.cls_token)
