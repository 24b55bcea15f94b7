"""SafeCheckpointHook: complete and finite checkpoints, and no loss of earlier ones."""
import errno
import os
from pathlib import Path

import pytest
import torch
from mmengine.runner import Runner

from mmguided.engine.hooks.checkpoint_hook import AtomicBackend
from mmguided.utils.checkpoint_files import find_damage, newest_complete, run_checkpoints
from mmguided.utils.errors import ConfigError, DivergedError
from tests.helpers.toy import ToyMetric, ToyModel, toy_runner

KEEP_ONE = dict(checkpoint=dict(type='mmguided.SafeCheckpointHook', max_keep_ckpts=1))
KEEP_BEST = dict(KEEP_ONE['checkpoint'], save_best='mae', rule='less')
VALIDATION = dict(
    val_dataloader=dict(batch_size=4, dataset=dict(type='ToyData'),
                        sampler=dict(type='DefaultSampler', shuffle=False),
                        collate_fn=dict(type='default_collate')),
    val_cfg=dict(_delete_=True), val_evaluator=dict(type='ToyMetric'))


def epochs(folder):
    return sorted(path.name for path in folder.glob('epoch_*'))


def log_of(folder):
    return next(folder.glob('*/*.log')).read_text()


@pytest.fixture
def found(monkeypatch):
    """Files in the work dir at each save."""
    found, save = [], Runner.save_checkpoint
    monkeypatch.setattr(Runner, 'save_checkpoint', lambda self, *args, **kwargs: (
        found.append(epochs(Path(self.work_dir))), save(self, *args, **kwargs)))
    return found


def test_the_previous_checkpoint_stays_until_the_next_one_is_complete(tmp_path, found):
    toy_runner(tmp_path, KEEP_ONE, train_cfg=dict(max_epochs=3)).train()
    assert found == [[], ['epoch_1.pth'], ['epoch_2.pth']]
    assert epochs(tmp_path) == ['epoch_3.pth']
    state = torch.load(tmp_path / 'epoch_3.pth', weights_only=False)
    assert state['message_hub']['runtime_info']['keep_ckpt_ids'] == [3]


def test_a_failed_save_leaves_the_previous_checkpoint_and_continues(tmp_path, found, monkeypatch):
    fsync = os.fsync

    def fail(file):
        if len(found) == 2:
            raise OSError(errno.ENOSPC, 'No space left on device')
        fsync(file)

    monkeypatch.setattr(os, 'fsync', fail)
    toy_runner(tmp_path, KEEP_ONE, train_cfg=dict(max_epochs=3)).train()
    assert found == [[], ['epoch_1.pth'], ['epoch_1.pth']]
    assert epochs(tmp_path) == ['epoch_3.pth']
    assert 'epoch_2.pth is not saved' in log_of(tmp_path)


def test_weights_with_nan_are_not_saved(tmp_path, monkeypatch):
    """The metric improves in each epoch."""
    forward, maes = ToyModel.forward, iter((3., 2., 1.))
    monkeypatch.setattr(ToyMetric, 'compute_metrics', lambda *args: dict(mae=next(maes)))

    def diverge(self, inputs, targets, mode='tensor'):
        if mode == 'loss' and self.steps > 2:
            self.fc.weight.data.fill_(torch.nan)
        self.steps += 1
        return forward(self, inputs, targets, mode)

    monkeypatch.setattr(ToyModel, 'steps', 0, raising=False)
    monkeypatch.setattr(ToyModel, 'forward', diverge)
    with pytest.raises(DivergedError, match='epoch_3.pth, the last .*fc.weight is NaN or Inf'):
        toy_runner(tmp_path, dict(checkpoint=KEEP_BEST), **VALIDATION,
                   train_cfg=dict(max_epochs=3)).train()  # of two steps each
    assert epochs(tmp_path) == ['epoch_1.pth']
    assert [path.name for path in tmp_path.glob('best_*')] == ['best_mae_epoch_1.pth']
    for name in ('epoch_2.pth', 'The best checkpoint'):
        assert f'{name} is not saved: fc.weight is NaN or Inf' in log_of(tmp_path)


def damage(path, how):
    content = bytearray(path.read_bytes())
    if how == 'flipped bit':
        content[content.index(torch.full((9, ), 3.5).numpy().tobytes())] ^= 1
    path.write_bytes(content if how == 'flipped bit' else content[:len(content) // 2]
                     if how == 'cut' else b'')


@pytest.mark.parametrize('how', ['cut', 'empty', 'flipped bit'])
def test_the_newest_complete_checkpoint_is_found(tmp_path, how):
    for epoch in (1, 2):
        torch.save(dict(weight=torch.full((9, ), 3.5)), tmp_path / f'epoch_{epoch}.pth')
        os.utime(tmp_path / f'epoch_{epoch}.pth', (epoch, epoch))
    assert newest_complete(tmp_path) == tmp_path / 'epoch_2.pth'
    damage(tmp_path / 'epoch_2.pth', how)
    assert find_damage(tmp_path / 'epoch_2.pth')
    assert newest_complete(tmp_path) == tmp_path / 'epoch_1.pth'


def test_a_run_without_its_last_checkpoint_fails(tmp_path, monkeypatch):
    """Its exit code would otherwise be 0, and `last_checkpoint` an earlier epoch."""
    def fail(self, obj, path):
        if path.endswith('epoch_2.pth'):
            raise OSError(errno.ENOSPC, 'No space left on device')
        put(self, obj, path)

    put = AtomicBackend.put
    monkeypatch.setattr(AtomicBackend, 'put', fail)
    with pytest.raises(ConfigError, match='epoch_2.pth.*No space left'):
        toy_runner(tmp_path, KEEP_ONE).train()
    assert epochs(tmp_path) == ['epoch_1.pth']


def test_the_best_checkpoint_stays_until_a_better_one_is_complete(tmp_path, monkeypatch):
    """The second best fails; that of an earlier run, in another folder, is not removed."""
    full, found, put = [False, True, False], [], AtomicBackend.put

    def save(self, obj, path):
        if '/best_' in path:
            found.append(sorted(path.name for path in tmp_path.glob('best_*')))
            if full.pop(0):
                raise OSError(errno.ENOSPC, 'No space left on device')
        put(self, obj, path)

    monkeypatch.setattr(AtomicBackend, 'put', save)
    toy_runner(tmp_path, dict(checkpoint=KEEP_BEST), train_cfg=dict(max_epochs=3),
               **VALIDATION).train()
    assert found == [[], ['best_mae_epoch_1.pth'], ['best_mae_epoch_1.pth']]
    assert [path.name for path in tmp_path.glob('best_*')] == ['best_mae_epoch_3.pth']
    full.append(False)
    toy_runner(tmp_path / 'next', dict(checkpoint=KEEP_BEST), train_cfg=dict(max_epochs=4),
               resume=True, load_from=str(tmp_path / 'epoch_3.pth'), **VALIDATION).train()
    assert (tmp_path / 'next/best_mae_epoch_4.pth').is_file()
    assert (tmp_path / 'best_mae_epoch_3.pth').is_file()


def test_files_of_equal_age_are_ordered_by_number(tmp_path):
    """Some file systems store the time in seconds, and copies may have equal times."""
    for epoch in (9, 10, 8):
        (tmp_path / f'epoch_{epoch}.pth').touch()
        os.utime(tmp_path / f'epoch_{epoch}.pth', (1, 1))
    assert [path.name for path in run_checkpoints(tmp_path)] == [
        'epoch_10.pth', 'epoch_9.pth', 'epoch_8.pth']
