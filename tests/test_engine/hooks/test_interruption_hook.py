"""InterruptionHook: signals in one and two processes, and checkpoints between epochs."""
import multiprocessing
import os
import signal
import subprocess
from pathlib import Path

import pytest
import torch
from mmengine.dist import get_rank, get_world_size
from mmengine.hooks import CheckpointHook, Hook
from mmengine.registry import HOOKS

from mmguided.engine.hooks.checkpoint_hook import AtomicBackend
from mmguided.engine.hooks.interruption_hook import InterruptionHook
from mmguided.utils.interruption import EXIT_CODE, exit_before_training, handle_signals
from tests.helpers.processes import in_processes
from tests.helpers.toy import toy_runner

HOOK = dict(type='mmguided.InterruptionHook')
LOADER = dict(batch_size=4, collate_fn=dict(type='default_collate'))


@HOOKS.register_module()
class SignalHook(Hook):
    """Send a signal to the last rank and to its data loader workers."""

    def __init__(self, number: int, step: int | None = None) -> None:
        self.number = number
        self.step = step  # None: in validation

    def _send(self, runner) -> None:
        if get_rank() == runner.world_size - 1:
            # Workers obey their parent, so that another process must send the signal.
            subprocess.run(['kill', f'-{self.number}', '--', f'-{os.getpgrp()}'])

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        if runner.iter + 1 == self.step:
            self._send(runner)

    def before_val_iter(self, runner, batch_idx, data_batch=None) -> None:
        if self.step is None and batch_idx == 0:
            self._send(runner)


class ValidationsHook(Hook):
    """Record the step of each complete validation."""

    def __init__(self) -> None:
        self.seen = []

    def after_val_epoch(self, runner, metrics=None) -> None:
        self.seen.append(runner.iter)


def _runner(folder: Path, by_epoch: bool = True, resume: bool = False, **settings):
    """Two epochs of 12 steps, with a checkpoint after the last one."""
    loader = LOADER | dict(
        num_workers=int(not resume), persistent_workers=not resume,
        dataset=dict(type='ToyData', num=48 * get_world_size()),
        sampler=dict(type='DefaultSampler' if by_epoch else 'InfiniteSampler', shuffle=False))
    train_cfg = dict(by_epoch=True, max_epochs=2) if by_epoch else dict(
        by_epoch=False, max_iters=24, val_interval=12)
    return toy_runner(
        folder, dict(interruption=HOOK, rng_state=dict(type='mmguided.RNGStateHook'),
                     checkpoint=dict(by_epoch=by_epoch, interval=100, save_last=True)),
        train_dataloader=dict(loader, _delete_=True), val_dataloader=loader | dict(
            sampler=dict(type='DefaultSampler', shuffle=False)), val_cfg=dict(_delete_=True),
        val_evaluator=dict(type='ToyMetric'), resume=resume,
        **dict(train_cfg=dict(train_cfg, _delete_=True)) | settings)


def _files(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob('*.pth')}


@pytest.mark.parametrize('ranks, by_epoch, steps, signalled, saved', [
    (1, True, 1, (signal.SIGINT, 3), 'iter_3'),
    (1, False, 2, (signal.SIGUSR1, 3), 'iter_4'),  # after a complete step of the optimizer
    (2, True, 1, (signal.SIGTERM, 3), 'iter_10'),
    (2, False, 1, (signal.SIGTERM, None), 'iter_12'),
    (1, True, 1, (signal.SIGTERM, 12), 'iter_12'),
])
def test_a_signal_saves_and_the_run_resumes(ranks, by_epoch, steps, signalled, saved, tmp_path):
    folder = tmp_path / 'run'
    hooks = [dict(type='SignalHook', number=int(signalled[0]), step=signalled[1])]

    def run():
        os.setsid()
        multiprocessing.current_process()._config['daemon'] = False  # it starts workers
        signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs ignore it
        runner = _runner(folder, by_epoch, custom_hooks=hooks, optim_wrapper=dict(
            accumulative_counts=steps))
        with pytest.raises(SystemExit) as stop:
            runner.train()
        log, = Path(runner._log_dir).glob('*.log')
        return stop.value.code, log.read_text().splitlines()[-1]

    for rank, (code, line) in enumerate(in_processes(run, tmp_path, ranks)):
        assert code == EXIT_CODE
        if rank == 0:
            assert f'Stopped by {signalled[0].name} after iteration {saved[5:]}. Resume' in line
            assert line.endswith(f'/{saved}.pth')
    assert _files(folder) == {saved}
    checkpoint = torch.load(folder / f'{saved}.pth', weights_only=False)
    assert len(checkpoint['rng_states']) == ranks
    runner = _runner(folder, by_epoch, resume=True)
    runner.register_hook(validations := ValidationsHook())
    runner.load_or_resume()
    assert (runner.iter, runner.epoch) == (
        int(saved[5:]), int(by_epoch and signalled[1] == 12))
    runner.train()
    assert validations.seen == [12, 24], 'also a validation that the signal has stopped'
    assert (runner.epoch == 2) if by_epoch else (runner.iter == 24)


@pytest.mark.parametrize('checkpoint, validated', [
    ('epoch_2', [24, 36]), ('epoch_1', [24, 36]), ('iter_4', [24, 36]), ('iter_24', [24, 36]),
    ('epoch_3', [36]), ('best', [36])])
def test_a_resumed_run_validates_first_if_it_is_due(tmp_path, checkpoint, validated):
    """Validations are due after epoch 2 of 3, and after the last. CheckpointHook saves epoch_2.pth
    again if the validation has a new best score."""
    settings = dict(train_cfg=dict(by_epoch=True, max_epochs=3, val_interval=2, _delete_=True))
    runner = _runner(tmp_path / 'run', **settings)
    best = dict(save_best='auto', rule='greater') if checkpoint == 'best' else {}
    for hook in (CheckpointHook(1, **best), CheckpointHook(4, by_epoch=False)):
        runner.register_hook(hook)
    runner.train()
    if best:
        checkpoint = 'epoch_2'
    resumed = _runner(tmp_path / 'resumed', **settings, resume=True,
                      load_from=str(tmp_path / f'run/{checkpoint}.pth'))
    resumed.register_hook(hook := ValidationsHook())
    resumed.train()
    assert hook.seen == validated
    for name, value in runner.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[name], value)


class ListFilesHook(Hook):
    priority = 'LOWEST'

    def __init__(self) -> None:
        self.seen = []

    def after_train_iter(self, runner, *args, **kwargs) -> None:
        self.seen.append(_files(Path(runner.work_dir)))

    def after_train_epoch(self, runner) -> None:
        self.seen.append(_files(Path(runner.work_dir)))


def test_checkpoints_between_epochs(tmp_path):
    """The hook keeps one, until CheckpointHook saves."""
    runner = toy_runner(
        tmp_path, dict(interruption=dict(HOOK, minutes=0), checkpoint=dict(interval=2)),
        train_dataloader=dict(dataset=dict(num=12)))
    runner.register_hook(hook := ListFilesHook())
    runner.train()
    assert hook.seen == [{'iter_1'}, {'iter_2'}, {'iter_2'}, {'iter_3'},
                         {'iter_4'}, {'iter_5'}, {'iter_5'}, {'epoch_2', 'iter_5'}]


def test_at_most_15_minutes_are_lost(tmp_path, monkeypatch):
    """Each of 12 steps takes 4 minutes. CheckpointHook saves after the last."""
    seconds, saved = [0.], []
    monkeypatch.setattr('mmguided.engine.hooks.interruption_hook.time.monotonic',
                        lambda: seconds[0])
    runner = toy_runner(
        tmp_path, dict(interruption=HOOK, checkpoint=dict(interval=9)),
        train_dataloader=dict(dataset=dict(num=24)))

    class StepHook(Hook):

        def before_train_iter(self, runner, *args, **kwargs) -> None:
            seconds[0] += 240

        def before_save_checkpoint(self, runner, checkpoint) -> None:
            saved.append(checkpoint['meta']['iter'])

    runner.register_hook(StepHook())
    runner.train()
    assert saved == [4, 8, 12]


class ProgressHook(Hook):
    priority = 'LOWEST'

    def __init__(self) -> None:
        self.saved = []

    def before_save_checkpoint(self, runner, checkpoint) -> None:
        self.saved.append((checkpoint['meta']['epoch'], checkpoint['meta']['iter']))


@pytest.mark.parametrize('kind', ['Runner', 'FlexibleRunner'])
def test_checkpoints_contain_the_progress(tmp_path, kind):
    runner = toy_runner(
        tmp_path, dict(interruption=dict(HOOK, minutes=0), checkpoint=dict(interval=2)),
        runner_type=kind, env_cfg={})
    runner.register_hook(hook := ProgressHook())
    runner.train()
    assert hook.saved == [(0, 1), (1, 2), (1, 3), (2, 4)]


class SignalSelfHook(Hook):

    def before_train_iter(self, runner, *args, **kwargs) -> None:
        os.kill(os.getpid(), signal.SIGTERM)


def test_a_full_disk_does_not_delay_the_end(tmp_path, monkeypatch):
    def put(*args):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(AtomicBackend, 'put', put)
    runner = toy_runner(tmp_path, dict(
        interruption=HOOK, checkpoint=dict(_delete_=True, type='mmguided.SafeCheckpointHook')))
    runner.register_hook(SignalSelfHook())
    warnings = []
    monkeypatch.setattr(runner.logger, 'warning', warnings.append)
    with pytest.raises(SystemExit):
        runner.train()
    assert warnings[-2].startswith('iter_1.pth is not saved: [Errno 28]')
    assert warnings[-1].endswith('Last checkpoint: none')


def test_signals_before_training_and_ignored_signals(capsys):
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    with pytest.raises(SystemExit) as stop, handle_signals(exit_before_training):
        os.kill(os.getpid(), signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGTERM)
    assert stop.value.code == EXIT_CODE
    assert capsys.readouterr().err.startswith('Stopped by SIGTERM before training')


def test_only_its_own_files_are_removed():
    """The names come from a checkpoint, whose origin may be unknown."""
    hook = InterruptionHook()
    names = ['iter_5.pth', '/etc/iter_5.pth', '../iter_5.pth', 'epoch_5.pth']
    for state in (names, dict(files=names, validated=0)):  # a list in earlier commits
        hook.load_state_dict(state)
        assert hook.state_dict() == dict(files=['iter_5.pth'], validated=0)
