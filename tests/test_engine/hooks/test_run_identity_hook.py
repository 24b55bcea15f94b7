"""RunIdentityHook: a run resumes only from its own checkpoint."""
import pytest
import torch
from mmengine.model import BaseDataPreprocessor
from mmengine.registry import MODELS

from mmguided.utils.errors import ConfigError
from tests.helpers.toy import ToyData, ToyModel, toy_runner, train_module

HOOK = dict(run_identity=dict(type='mmguided.RunIdentityHook'))


@MODELS.register_module()
class ToyPreprocessor(BaseDataPreprocessor):
    """Preprocessor with a field."""

    def __init__(self, scale: int, non_blocking: bool = False) -> None:
        super().__init__(non_blocking)


class OtherModel(ToyModel):
    """Model with the same weights and another type."""


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp('trained')
    toy_runner(path, HOOK, train_cfg=dict(max_epochs=1)).train()
    return path / 'epoch_1.pth'


def _resume(tmp_path, checkpoint, **settings):
    settings = dict(resume=True, load_from=str(checkpoint)) | settings
    runner = toy_runner(tmp_path, HOOK, **settings)
    runner.train()
    return runner


def test_its_own_checkpoint(tmp_path, checkpoint):
    assert _resume(tmp_path, checkpoint, model=dict(init_cfg=None)).iter == 4


def test_a_field_that_changes_no_result(tmp_path):
    fast, slow = (dict(data_preprocessor=dict(type='ToyPreprocessor', scale=2, non_blocking=value))
                  for value in (True, False))
    toy_runner(tmp_path / 'a', HOOK, train_cfg=dict(max_epochs=1), **fast).train()
    assert _resume(tmp_path / 'b', tmp_path / 'a/epoch_1.pth', **slow).iter == 4


@pytest.mark.parametrize('settings, match', [
    (dict(model=dict(type=OtherModel)), r"model\.type=.*OtherModel.*'ToyModel'"),
    (dict(model=dict(depth=2)), r"model\.depth=2.*'not set'"),
    (dict(data_preprocessor=dict(type='ToyPreprocessor', scale=2)),
     r"data_preprocessor\.scale=2.*'not set'"),
    (dict(train_dataloader=dict(dataset=dict(num=16))), r'train_dataloader\.dataset.*=16.*8'),
])
def test_another_run_is_an_error(tmp_path, checkpoint, settings, match):
    with pytest.raises(ConfigError, match=match):
        _resume(tmp_path, checkpoint, **settings)


def test_a_new_run_may_start_from_its_weights(tmp_path, checkpoint):
    assert _resume(tmp_path, checkpoint, model=dict(depth=2), resume=False).iter == 4


def test_checkpoints_of_other_versions(tmp_path, checkpoint):
    """They are compared by the type of the model, and not at all without an identity."""
    old = torch.load(checkpoint, weights_only=False)
    old['meta']['mmguided_run']['version'] = '0.0.1'
    torch.save(old, tmp_path / 'old.pth')
    assert _resume(tmp_path, tmp_path / 'old.pth', model=dict(depth=2)).iter == 4
    with pytest.raises(ConfigError, match=r'model\.type='):
        _resume(tmp_path, tmp_path / 'old.pth', model=dict(type=OtherModel))
    del old['meta']['mmguided_run']
    torch.save(old, tmp_path / 'older.pth')
    assert _resume(tmp_path, tmp_path / 'older.pth', model=dict(type=OtherModel)).iter == 4


def test_a_runner_built_from_a_module_trains(tmp_path):
    train_module(ToyModel(), tmp_path, ToyData(), 1, hooks=[HOOK['run_identity']],
                 optim_wrapper=dict(optimizer=dict(type='SGD', lr=.1)))
    meta = torch.load(tmp_path / 'epoch_1.pth', weights_only=False)['meta']
    assert meta['mmguided_run']['num_images'] == 8
