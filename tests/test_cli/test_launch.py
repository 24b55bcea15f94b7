"""Processes of a run: lock, torchrun, Slurm, and checks between ranks."""
import datetime
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.dist import get_rank
from torch import distributed

from mmguided.cli.launch import check_ranks, explain_timeouts, is_first_rank, lock_folder
from mmguided.datasets import fingerprint
from mmguided.utils.errors import ConfigError
from tests.helpers.paths import ROOT
from tests.helpers.processes import in_processes
from tests.helpers.tools import error_of_tool, use_cpu
from tests.helpers.toy import CONFIG

FORK = multiprocessing.get_context('fork')


def _hold(folder: Path, ready) -> None:
    lock_folder('work_dir', folder)
    worker = FORK.Process(target=time.sleep, args=(30, ))  # it outlives this process
    worker.start()
    ready.send(worker.pid)
    time.sleep(30)


def test_one_run_per_folder(tmp_path, monkeypatch):
    """The lock ends with its process, even by kill -9 and with a worker that lives on."""
    use_cpu(monkeypatch)
    monkeypatch.chdir(tmp_path)
    Path('toy.py').write_text(CONFIG)
    receiver, sender = FORK.Pipe()
    first = FORK.Process(target=_hold, args=(tmp_path / 'run', sender))
    first.start()
    worker = receiver.recv()
    message = f"='run': in use by process {first.pid} on "
    assert error_of_tool(monkeypatch, 'train.py', 'toy.py', '--work-dir', 'run').startswith(
        f'error: work_dir{message}')
    protocol = ROOT / 'configs/benchmarks/imagenet/vit-b_knn.py'
    assert error_of_tool(monkeypatch, 'evaluate.py', 'toy.py', '--protocols', protocol, '--out',
                         'run').startswith(f'error: --out{message}')
    assert [path.name for path in Path('run').iterdir()] == ['.lock']
    first.kill()
    first.join()
    lock_folder('work_dir', 'run')
    os.kill(worker, signal.SIGKILL)
    Path('other/.lock').mkdir(parents=True)
    with pytest.raises(ConfigError, match="work_dir='other': cannot be written"):
        lock_folder('work_dir', 'other')


@pytest.mark.parametrize('launcher, variable, value, expected', [
    ('none', 'SLURM_PROCID', '1', True), ('slurm', 'SLURM_PROCID', '1', False),
    ('pytorch', 'RANK', '0', True), ('pytorch', 'RANK', '1', False)])
def test_first_rank(monkeypatch, launcher, variable, value, expected):
    monkeypatch.setenv(variable, value)
    assert is_first_rank(launcher) is expected


SCRIPT = '''
import os, signal, sys, time
from pathlib import Path
from mmguided.cli.launch import end_with_launcher
from mmguided.utils.interruption import handle_signals

def read_config():
    pass

def stop(number, frame):
    Path(f'got_{os.environ["RANK"]}').write_text(signal.Signals(number).name)
    sys.exit(75)

if __name__ == '__main__':
    end_with_launcher()
    with handle_signals(stop):
        Path(f'pid_{os.environ["RANK"]}').write_text(str(os.getpid()))
        while not all(Path(f'pid_{rank}').exists() for rank in (0, 1)):
            time.sleep(.05)  # or the end of one rank ends the other before it has started
        time.sleep(int(sys.argv[1]))
        sys.exit(3)
'''


def _wait_for(*paths: Path) -> None:
    deadline = time.monotonic() + 60
    while not all(path.is_file() and path.read_text() for path in paths):
        assert time.monotonic() < deadline, paths
        time.sleep(.05)


def test_signals_to_the_launcher_reach_all_ranks(tmp_path):
    """Ranks end with their launcher, and their exit code is that of the launcher."""
    (tmp_path / 'script.py').write_text(SCRIPT)
    cases = {signal.SIGUSR1: ('SIGUSR1', 75), signal.SIGKILL: ('SIGTERM', -signal.SIGKILL),
             None: (None, 3)}
    launchers = {}
    for port, number in enumerate(cases, 29700):
        (folder := tmp_path / str(number)).mkdir()
        launchers[number] = folder, subprocess.Popen(
            [sys.executable, ROOT / 'tools/torchrun.py', '--nproc_per_node=2',
             f'--master_port={port}', '../script.py', '0' if number is None else '30'],
            cwd=folder, stderr=subprocess.PIPE, text=True,
            env={**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'})
    for number, (folder, launcher) in launchers.items():
        received, code = cases[number]
        _wait_for(folder / 'pid_0', folder / 'pid_1')
        if number is not None:
            launcher.send_signal(number)
        assert launcher.wait(20) == code
        if received:
            _wait_for(folder / 'got_0', folder / 'got_1')
            assert {(folder / f'got_{rank}').read_text() for rank in (0, 1)} == {received}
            assert launcher.stderr.read() == ''
        else:
            assert launcher.stderr.read().startswith('error: process ')


def test_slurm_requeues_an_interrupted_job(tmp_path):
    """The commands of Slurm are replaced by scripts that record their arguments."""
    for name, then in (('sbatch', 'cat >job.sh'), ('srun', 'exit $CODE'), ('scontrol', '')):
        path = tmp_path / name
        path.write_text(f'#!/bin/bash\n(printf {name}; printf "|%s" "$@"; echo) >>calls\n{then}\n')
        path.chmod(0o755)

    def run(*command, **variables):
        env = {**os.environ, 'PATH': f'{tmp_path}:{os.environ["PATH"]}', **variables}
        code = subprocess.run(['bash', *command], cwd=tmp_path, env=env).returncode
        return code, (tmp_path / 'calls').read_text().splitlines()

    code, (submitted, ) = run(ROOT / 'tools/slurm_train.sh', 'part', 'job', 'c.py', 'a dir',
                              '--cfg-options', 'b=[1, 2]', GPUS='2')
    assert code == 0 and '--ntasks=2' in submitted
    for option in ('--requeue', '--signal=USR1@120', '--output=a dir/slurm-%j.log'):
        assert f'|{option}' in submitted
    assert (tmp_path / 'a dir').is_dir()
    train = '/train.py|c.py|--work-dir|a dir|--cfg-options|b=[1, 2]|--launcher|slurm'
    code, calls = run('job.sh', CODE='1', SLURM_JOB_ID='7')
    assert code == 1 and calls[1].endswith(train) and len(calls) == 2
    code, calls = run('job.sh', CODE='75', SLURM_JOB_ID='7', SLURM_RESTART_COUNT='1')
    assert calls[2].endswith(f'{train}|--resume') and calls[3] == 'scontrol|requeue|7'


class _Data(list):
    serialize_data = True

    def __init__(self, *names: str) -> None:
        super().__init__(names)
        self.data_bytes = torch.tensor(bytearray(''.join(names), 'ascii')).numpy()


class _Unreadable:

    @property
    def dataset(self):
        raise FileNotFoundError('a.jpg')


def test_ranks_compare_data_and_config(tmp_path):
    """Each case has the first rank's config and data, and the second rank's."""
    same = dict(lr=.1), SimpleNamespace(dataset=_Data('a', 'b'))
    cases = [(same, same), (same, (dict(lr=.2), same[1])),
             (same, (same[0], SimpleNamespace(dataset=_Data('a', 'c')))),
             (same, (same[0], SimpleNamespace(dataset=_Data('ab')))),
             (same, (same[0], _Unreadable()))]

    def errors():
        found = []
        for case in cases:
            cfg, loader = case[get_rank()]
            runner = SimpleNamespace(world_size=2, cfg=Config(dict(optimizer=cfg)),
                                     train_dataloader=loader)
            try:
                check_ranks(runner)
                found.append('')
            except (ConfigError, FileNotFoundError) as error:
                found.append(str(error))
        return found

    first, second = in_processes(errors, tmp_path)
    assert first[0] == '' and first[:4] == second[:4]
    assert first[1].startswith('optimizer.lr=0.2: process 1 differs from process 0, which has 0.1.')
    assert first[2].startswith('file list of train_dataloader.dataset=hash ')
    assert first[3].startswith('len(train_dataloader.dataset)=1: ')
    assert first[4].startswith('train_dataloader: process 1 cannot read its data')
    assert second[4] == 'a.jpg'


def test_fingerprint_of_wrapped_datasets():
    a, b = _Data('a'), _Data('b')
    both = SimpleNamespace(datasets=[a, b])
    assert fingerprint(SimpleNamespace(dataset=both)) == f'{fingerprint(a)} {fingerprint(b)}'
    assert fingerprint([]) == ''


def test_a_timeout_names_the_absent_process(tmp_path):
    cfg = Config(dict(env_cfg=dict(dist_cfg=dict(timeout=1))))

    def wait():
        group = distributed.new_group(timeout=datetime.timedelta(seconds=1))
        if get_rank() == 1:
            time.sleep(3)
            return ''
        with pytest.raises(ConfigError) as error, explain_timeouts(cfg):
            distributed.all_reduce(torch.ones(1), group=group)
        return str(error.value)

    message, _ = in_processes(wait, tmp_path)
    assert message.startswith('env_cfg.dist_cfg.timeout=1: process 1 did not answer for 1 s.')
