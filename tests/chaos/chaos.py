"""Interrupt training runs in every way, resume them, and compare the result with that of an
uninterrupted run, bit for bit.

    python tests/chaos/chaos.py --kills 100

Every run is ``tools/train.py`` in a process of its own. Processes are forked, because importing the
toolboxes takes long.
"""
import argparse
import contextlib
import multiprocessing
import os
import random
import resource
import runpy
import signal
import socket
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
METHODS = ('mae', 'ccmim', 'cmae', 'cmt_mae', 'conditional_mae', 'self_guided_mae')
#: Faults: SIGKILL at a random time, while a checkpoint or score maps are written; SIGTERM; saves
#: that fail; a changed bit in the newest checkpoint, or the second half of it missing.
FAULTS = ('kill', 'kill while saving', 'kill while scoring', 'term', 'full disk', 'flip', 'cut')
LENGTH = dict(epochs=3, iterations=36)

CONFIG = '''
_base_ = ['{root}/configs/{method}/vit-micro_folder-32.py']
model = dict(backbone=dict(arch=dict(num_layers=2), patch_size=8))
train_dataloader = dict(
    batch_size={batch_size}, num_workers=1, drop_last=True, dataset=dict(data_root='{images}'))
param_scheduler = [dict(
    type='CosineAnnealingLR', by_epoch=True, end=3, eta_min=0., convert_to_iter_based=True)]
train_cfg = dict(max_epochs=3)
optim_wrapper = dict(accumulative_counts=2)
default_hooks = dict(
    checkpoint=dict(interval=1), interruption=dict(minutes=0.0005), logger=dict(interval=1),
    finite=dict(interval=1))
visualizer = dict(vis_backends=[dict(type='LocalVisBackend')])
'''
BY_ITERATION = '''
param_scheduler = [dict(type='CosineAnnealingLR', by_epoch=False, end=36, eta_min=0.)]
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=36)
train_dataloader.update(sampler=dict(type='InfiniteSampler'))
default_hooks['checkpoint'].update(by_epoch=False, interval=12)
'''
PARTS = dict(
    cmt_mae='''
model.update(teacher=dict(
    _delete_=True, type='mmguided.CheckpointTeacher', checkpoint='{images}/../teacher.pth',
    backbone=dict(type='mmguided.MaskedViT', img_size=32, patch_size=8, arch={arch})))
''',
    conditional_mae="model.update(mask_generator=dict(shots=((0, 0.75), (1, 0.1))))\n",
    # New score maps in each epoch.
    self_guided_mae='''
model.update(mask_generator=dict(schedule=dict(begin=0), guidance=dict(refresh=1)))
default_hooks.update(exploitation=None)
''')
#: The log contains this line before the first iteration.
STARTED = b'Checkpoints will be saved to'
#: Limit of a file on a full disk: more than a log, less than a checkpoint.
FULL = 2_000_000
ARCH = dict(embed_dims=24, num_layers=2, num_heads=3, feedforward_channels=48)


def make_inputs(folder: Path) -> None:
    """Write images and the weights of CMT-MAE's teacher."""
    import numpy as np
    import torch
    from mmengine.registry import MODELS
    from PIL import Image
    rng = np.random.default_rng(0)
    (folder / 'images').mkdir(parents=True)
    for index in range(96):
        pixels = rng.integers(0, 255, (6, 6, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((40, 40)).save(folder / f'images/{index}.png')
    torch.manual_seed(0)
    encoder = MODELS.build(dict(type='mmguided.MaskedViT', img_size=32, patch_size=8, arch=ARCH))
    torch.save({f'backbone.{name}': value for name, value in encoder.state_dict().items()},
               folder / 'teacher.pth')


class Run:
    """A training run that can be interrupted and resumed.

    Args:
        folder: Folder with the inputs, and of the run.
        name: Name of the run.
        method: One of `METHODS`.
        unit: 'epochs' or 'iterations'.
        ranks: Number of processes.
    """

    def __init__(self, folder: Path, name: str, method: str, unit: str, ranks: int) -> None:
        self.work_dir = folder / name
        self.work_dir.mkdir()
        self.ranks = ranks
        self.log = self.work_dir / 'output.txt'
        text = CONFIG + PARTS.get(method, '') + (BY_ITERATION if unit == 'iterations' else '')
        self.config = self.work_dir / 'config.py'
        # {} also occurs in values of dict.
        for key, value in dict(root=ROOT, method=method, images=folder / 'images',
                               batch_size=8 // ranks, arch=ARCH).items():
            text = text.replace(f'{{{key}}}', str(value))
        self.config.write_text(text)
        self.result = self.work_dir / (
            f'{"epoch" if unit == "epochs" else "iter"}_{LENGTH[unit]}.pth')
        self.processes: list = []

    def start(self, file_size: int = resource.RLIM_INFINITY) -> None:
        """Start or resume the run. Writing files beyond a size fails, as on a full disk."""
        with socket.socket() as free:
            free.bind(('127.0.0.1', 0))
            port = free.getsockname()[1]
        self.log_start = self.log.stat().st_size if self.log.is_file() else 0
        fork = multiprocessing.get_context('fork')
        self.processes = [fork.Process(target=self._train, args=(rank, port, file_size))
                          for rank in range(self.ranks)]
        for process in self.processes:
            process.start()

    def _train(self, rank: int, port: int, file_size: int) -> None:
        os.setsid()
        sys.stdout = sys.stderr = output = open(self.log, 'a', buffering=1)  # pytest captures them
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, resource.RLIM_INFINITY))
        os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(self.ranks),
                          MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
        sys.argv = ['train.py', str(self.config), '--work-dir', str(self.work_dir), '--resume',
                    *['--launcher=pytorch'] * (self.ranks > 1)]
        runpy.run_path(str(ROOT / 'tools/train.py'), run_name='__main__')

    def kill(self) -> None:
        """Kill all processes and their workers."""
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)

    def wait_for_training(self) -> None:
        """Wait until the first iteration, or the end of the processes."""
        while not self.log.is_file() or STARTED not in self.log.read_bytes()[self.log_start:]:
            if not any(process.is_alive() for process in self.processes):
                return
            time.sleep(.01)

    def wait(self, timeout: float = 120) -> list[int]:
        """Exit codes of all processes."""
        end = time.monotonic() + timeout
        for process in self.processes:
            process.join(max(end - time.monotonic(), 0))
        codes = [process.exitcode for process in self.processes]
        self.kill()  # workers, or processes that hang
        for process in self.processes:
            process.join()
        return codes

    def checkpoints(self) -> list[Path]:
        """Checkpoints, from the newest to the oldest."""
        return sorted(self.work_dir.glob('*_*.pth'), key=lambda path: path.stat().st_mtime_ns,
                      reverse=True)

    def suffer(self, fault: str, rng: random.Random, seconds: float) -> bool:
        """Start the run and interrupt it; return False if it ended before, or if there is no second
        checkpoint and the fault damages one.

        Args:
            fault: One of `FAULTS`.
            rng: Random time and place of the fault.
            seconds: Duration of an uninterrupted training.
        """
        if fault in ('flip', 'cut'):
            found = self.checkpoints()
            if len(found) < 2:  # none to resume from
                return False
            damage(found[0], fault, rng)
        self.start(FULL if fault == 'full disk' else resource.RLIM_INFINITY)
        self.wait_for_training()
        end = time.monotonic() + seconds * (2 if 'while' in fault else .6 * rng.random())
        folder = self.work_dir / ('score_maps' if fault == 'kill while scoring' else '')
        while time.monotonic() < end and any(process.is_alive() for process in self.processes):
            if 'while' in fault and any(folder.glob('*.part')):
                time.sleep(rng.random() * .003)
                break
            time.sleep(.001)
        interrupted = any(process.is_alive() for process in self.processes)
        if fault == 'term':
            for process in self.processes:
                process.terminate()
        else:
            self.kill()
        codes = self.wait()
        if None in codes:
            raise AssertionError(f'{fault}: the run does not end, see {self.log}')
        if fault == 'term' and interrupted and not {*codes} <= {0, 75, -signal.SIGTERM}:
            raise AssertionError(f'SIGTERM: exit codes {codes}, see {self.log}')
        return interrupted


def damage(path: Path, fault: str, rng: random.Random) -> None:
    """Change a bit of a file, or cut off its second half. The time of the file stays."""
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    data = bytearray(path.read_bytes())
    if fault == 'flip':
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data if fault == 'flip' else data[:len(data) // 2])
    os.utime(path, ns=times)


def assert_equal_results(straight: Run, resumed: Run) -> None:
    """Compare weights, buffers and optimizer states of the last checkpoints bit for bit."""
    import torch
    expected, found = (torch.load(run.result, weights_only=True) for run in (straight, resumed))
    assert expected['meta']['iter'] == found['meta']['iter'] == 36
    for part in ('state_dict', 'optimizer'):
        states = [dict(tensors(checkpoint[part])) for checkpoint in (expected, found)]
        assert states[0].keys() == states[1].keys()
        different = [name for name, value in states[0].items()
                     if not torch.equal(value, states[1][name])]
        assert not different, f'{len(different)} tensors differ, see {resumed.work_dir}'


def tensors(node: object, name: str = ''):
    """Tensors below a node, by name."""
    import torch
    if isinstance(node, torch.Tensor):
        yield name, node
    elif isinstance(node, (dict, list, tuple)):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from tensors(value, f'{name}.{key}')


def survive(folder: Path, method: str, unit: str, ranks: int, faults: list[str],
            seed: int = 0) -> Counter:
    """Interrupt a run by these faults, finish it and compare; return the number of each fault that
    met a live process."""
    rng = random.Random(seed)
    name = f'{method}_{unit}_{ranks}'
    straight = Run(folder, f'{name}_straight', method, unit, ranks)
    straight.start()
    straight.wait_for_training()
    begin = time.time()
    codes = straight.wait()
    assert codes == [0] * ranks, f'exit codes {codes}, see {straight.log}'
    seconds = straight.result.stat().st_mtime - begin
    resumed = Run(folder, f'{name}_{seed}', method, unit, ranks)
    met = Counter()
    for fault in faults:
        if resumed.result.is_file():
            break
        met[fault] += resumed.suffer(fault, rng, seconds)
    resumed.start()
    codes = resumed.wait()
    assert codes == [0] * ranks, f'exit codes {codes}, see {resumed.log}'
    assert_equal_results(straight, resumed)
    return met


def import_packages() -> None:
    """Import in this process what the forked processes need."""
    import torch
    from mmengine.config import Config

    import mmguided.cli.runner  # noqa: F401
    from mmguided.utils.toolboxes import import_parts
    torch.set_num_threads(1)
    import_parts(Config(dict(default_scope='mmpretrain', custom_imports=dict(
        imports=['mmguided'], allow_failed_imports=False))))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--kills', type=int, default=100, help='number of faults')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/chaos'), help='new folder')
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    os.environ.update(CUDA_VISIBLE_DEVICES='', OMP_NUM_THREADS='1')
    import_packages()
    make_inputs(args.out.resolve())
    rng = random.Random(args.seed)
    met, lost = Counter(), []
    for seed in range(10**6):
        if sum(met.values()) >= args.kills:
            break
        method = METHODS[seed % len(METHODS)]
        # Score maps need epochs.
        unit = 'epochs' if method == 'self_guided_mae' else rng.choice(['epochs', 'iterations'])
        faults = rng.choices(FAULTS, [6, 3, 3 * (method == 'self_guided_mae'), 2, 1, 1, 1], k=6)
        folder = args.out.resolve() / str(seed)
        folder.mkdir()
        for name in ('images', 'teacher.pth'):
            (folder / name).symlink_to(args.out.resolve() / name)
        try:
            met += survive(folder, method, unit, rng.choice([1, 2]), faults, seed)
        except AssertionError as error:
            lost.append(f'{method}, {unit}: {error}')
        print(f'{dict(met)}, lost: {lost}', flush=True)
    sys.exit(bool(lost))


if __name__ == '__main__':
    main()
