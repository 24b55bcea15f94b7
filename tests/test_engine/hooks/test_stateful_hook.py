"""StatefulHook: state in checkpoints, restored on resume only."""
import pytest
import torch
from mmengine.registry import HOOKS

from mmguided.engine.hooks import (
    ExploitationHook,
    OnlineLinearProbeHook,
    RNGStateHook,
    ScoreMapsHook,
    StatefulHook,
)
from tests.helpers.toy import toy_runner


@HOOKS.register_module()
class StepCountHook(StatefulHook):
    checkpoint_key = 'step_count'

    def __init__(self):
        self.count = torch.zeros(())

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.count += 1

    def state_dict(self):
        return dict(count=self.count)

    def load_state_dict(self, state):
        self.count = state['count']


def test_a_run_resumes_with_the_state_of_its_checkpoint(tmp_path):
    """Two steps an epoch. ``load_from`` and a checkpoint without the key leave the hook as
    constructed."""
    hooks = dict(count=dict(type='StepCountHook'))

    def count(name, hooks=hooks, **settings):
        toy_runner(tmp_path / name, hooks, **settings).train()
        return torch.load(tmp_path / name / 'epoch_2.pth').get('step_count', {}).get('count')

    assert count('run') == 4
    path = str(tmp_path / 'run/epoch_1.pth')
    assert count('resumed', load_from=path, resume=True) == 4
    assert count('new', load_from=path) == 4
    assert count('without', {}) is None
    path = str(tmp_path / 'without/epoch_1.pth')
    assert count('fresh', load_from=path, resume=True) == 2


@pytest.mark.parametrize('hook, key', [
    (RNGStateHook, 'rng_states'), (ScoreMapsHook, 'mmguided_score_maps'),
    (ExploitationHook, 'mmguided_exploitation'), (OnlineLinearProbeHook, 'mmguided_linear_probe')])
def test_keys_are_those_of_earlier_checkpoints(hook, key):
    assert hook.checkpoint_key == key
