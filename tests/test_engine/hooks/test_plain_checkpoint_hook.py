"""PlainCheckpointHook: checkpoints for torch.load(weights_only=True), history on resume."""

import pytest
import torch

from tests.helpers.toy import toy_runner

HOOK = dict(plain_checkpoint=dict(type='mmguided.PlainCheckpointHook'))


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    path = tmp_path_factory.mktemp('trained')
    toy_runner(path, HOOK).train()
    return path


def test_plain_torch_load_reads_it(trained, tmp_path):
    checkpoint = torch.load(trained / 'epoch_2.pth')
    history = checkpoint['message_hub']['log_scalars']['train/loss']
    assert isinstance(history['values'], torch.Tensor) and len(history['values']) == 4


@pytest.mark.parametrize('saved_with', [HOOK, {}])
def test_the_log_history_is_resumed(trained, tmp_path, saved_with):
    """This holds also for a checkpoint saved without the hook."""
    toy_runner(tmp_path, saved_with, train_cfg=dict(max_epochs=1)).train()
    toy_runner(tmp_path, HOOK, resume=True, load_from=str(tmp_path / 'epoch_1.pth')).train()
    whole = torch.load(trained / 'epoch_2.pth')['message_hub']['log_scalars']
    again = torch.load(tmp_path / 'epoch_2.pth')['message_hub']['log_scalars']
    for name in ('train/loss', 'train/lr'):
        assert whole[name]['values'].tolist() == again[name]['values'].tolist()
        assert whole[name]['counts'].tolist() == again[name]['counts'].tolist()
