r"""Measure the training steps of configs: time of each part, launches, FLOPs, memory, and the hours
of a run.

    python tools/benchmark.py configs/mae/vit-b_800e.py configs/ccmim/vit-b_800e.py \
        mmpretrain::mae/mae_vit-base-p16_8xb512-amp-coslr-800e_in1k.py --batch-size 128

A step is an iteration of the Runner that tools/train.py builds: preprocessor, precision, optimizer
wrapper and hooks of the config. Its images come from the config's pipeline, in this process, which
gives the rate of one loader worker. The images are --batch-size files of --data-root, by default
random JPEGs of 500 x 375 pixels. A guidance that waits for a trigger (Self-guided MAE) has started,
and CLIP has random weights unless it is a local folder.

The steps of all configs alternate, because clock speeds change. The first config is measured again
as an independent model at the end: its ratio to itself is the noise. Times are CPU times on a CPU,
and wall-clock times on a GPU. There, the times of the parts come from separate steps, which wait
for the GPU after each part.

Operations are those that PyTorch dispatches in a step without compile, except views; in brackets,
those of the optimizer. On a GPU, launches are the kernels of a step. Synchronizations are
operations that make the host wait for the GPU. "saved" is the memory of the tensors kept for the
backward pass, without parameters, and "peak" the GPU memory that a step adds to models and
optimizers. Utilization is the counted FLOP/s divided by the rate of large matrix products in the
same precision.

The hours of a run have three lower bounds: the arithmetic at the utilization, the loader workers,
and the launches of the host (8 us each). The largest bound is listed. --matmul-tflops and
--utilization set the values of another device.

--gpu-suite measures all methods and mmpretrain's, with full and narrow models, in float32, bfloat16
and compiled, in about ten minutes. On a CPU, it measures narrow models only.
"""
import argparse
import contextlib
import functools
import itertools
import json
import shlex
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.hooks import Hook
from mmengine.hub import get_config
from mmengine.utils import track_iter_progress
from PIL import Image

from mmguided.analysis.cost import OperationCounter, SavedTensors, flop_counter, matmul_rate
from mmguided.cli.arguments import (
    add_shared,
    figure_files,
    load_config,
    named_paths,
    positive,
    tool_parser,
)
from mmguided.cli.data_checks import check_training_data
from mmguided.cli.device import prepare_device
from mmguided.cli.runner import build_runner
from mmguided.utils.configs import walk
from mmguided.utils.error_messages import explain_config_errors
from mmguided.utils.errors import ConfigError, exit_on_config_error, imports_of_extra
from mmguided.utils.tables import markdown_table

with imports_of_extra('analysis'):
    from mmguided.visualization import draw_stacked_bars

DEVICE = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
OURS = [f'configs/{name}.py' for name in (
    'mae/vit-b_800e', 'ccmim/vit-b_800e', 'ccmim/vit-b_800e_cached', 'cmae/vit-b_800e',
    'cmt_mae/vit-b_800e', 'conditional_mae/vit-b_800e', 'self_guided_mae/vit-b_400e',
    'self_guided_mae/vit-b_400e_fresh')]
MAE = 'mmpretrain::mae/mae_vit-base-p16_8xb512-amp-coslr-800e_in1k.py'
SIMMIM = 'mmpretrain::simmim/simmim_swin-base-w6_16xb128-amp-coslr-800e_in1k-192px.py'
#: Configs, modes and width (True: narrow) of the measurements of --gpu-suite.
SUITE = (([*OURS, MAE, SIMMIM], ['bf16'], False),
         ([*OURS[:2], MAE], ['config', 'fp32', 'bf16-compiled'], False),
         ([*OURS, MAE], ['config'], True))
MODES = ('config', 'fp32', 'bf16', 'config-compiled', 'fp32-compiled', 'bf16-compiled')
PARTS = ('preprocess', 'forward', 'backward', 'optimizer', 'EMA', 'hooks', 'other')
#: Operations that make the host wait for the GPU.
SYNCHRONIZATIONS = ('_local_scalar_dense', 'nonzero', '_linalg_check_errors')
#: Number of training images of ImageNet-1K.
NUM_IMAGES = 1_281_167
#: Host time of a launch in eager mode.
LAUNCH_SECONDS = 8e-6
#: Sizes of ``--narrow``: arithmetic takes no time, and the host's time remains.
NARROW = dict.fromkeys(
    ('embed_dims', 'embed_dim', 'decoder_embed_dim', 'hid_channels', 'in_channels', 'out_channels'),
    48) | dict(num_heads=4, decoder_num_heads=4)


class Ready(Exception):
    """The Runner is ready for its first step."""


class ReadyHook(Hook):
    """Move the run to a progress, fire the trigger, and raise :class:`Ready` before the first step.
    """

    priority = 'LOWEST'

    def __init__(self, progress: float) -> None:
        self.progress = progress

    def before_train(self, runner) -> None:
        runner.train_loop._epoch = int(self.progress * runner.max_epochs)
        runner.train_loop._iter = int(self.progress * runner.max_iters)
        if hasattr(runner.model, 'clock'):
            runner.model.clock.fire()

    def before_train_epoch(self, runner) -> None:
        raise Ready


class Step:
    """Training step of a config.

    Args:
        cfg: Config with the data and the work dir of :func:`prepare_config`.
        mode: One of :data:`MODES`.
        progress: Completed share of the run.
    """

    def __init__(self, cfg: Config, mode: str, progress: float) -> None:
        self.precision, _, compiled = mode.partition('-')
        if self.precision != 'config':
            cfg.optim_wrapper.type = 'OptimWrapper'
            for key in ('loss_scale', 'dtype'):
                cfg.optim_wrapper.pop(key, None)
        cfg.compile = bool(compiled)
        prepare_device(cfg)
        teacher = cfg.model.get('teacher') or {}
        if teacher.get('type') == 'mmguided.OpenCLIPTeacher' and teacher.pretrained:
            use_random_clip(teacher, cfg.work_dir)
        with explain_config_errors(cfg):
            self.runner = runner = build_runner(cfg)
            check_training_data(runner)
            runner.register_hook(ReadyHook(progress))
            with contextlib.suppress(Ready):
                runner.train()
        self.batch_size = runner.train_dataloader.batch_size
        self.batches = itertools.chain.from_iterable(itertools.repeat(runner.train_dataloader))
        self.operations = OperationCounter()
        self.clock = time.perf_counter if DEVICE.type == 'cuda' else time.process_time
        model, optim_wrapper = runner.model, runner.optim_wrapper
        if self.precision == 'bf16':
            model._run_forward = torch.autocast(DEVICE.type, torch.bfloat16)(model._run_forward)
        for owner, method, part in (
                (model.data_preprocessor, 'forward', 'preprocess'),
                (model, '_run_forward', 'forward'),
                (optim_wrapper, 'backward', 'backward'), (optim_wrapper, 'step', 'optimizer'),
                (optim_wrapper, 'zero_grad', 'optimizer'), (runner, 'call_hook', 'hooks'),
                (getattr(model, 'momentum_encoder', None), 'update', 'EMA')):
            if owner is not None:
                self._measure_part(owner, method, part)

    def _measure_part(self, owner: object, method: str, part: str) -> None:
        function = getattr(owner, method)

        @functools.wraps(function)
        def measured(*args, **kwargs):
            outer = self._part
            self._switch(part)
            try:
                return function(*args, **kwargs)
            finally:
                self._switch(outer)

        setattr(owner, method, measured)

    def _switch(self, part: str) -> None:
        """End a part and start another one. The time of inner parts is not part of outer parts."""
        if self._wait:
            torch.cuda.synchronize()
        now = self.clock()
        self._seconds[self._part] += now - self._since
        self._part, self._since = part, now
        self.operations.part = part

    def __call__(self, wait_for_parts: bool = False) -> dict[str, float]:
        """Run a step; return the seconds of :data:`PARTS` and of loading the batch."""
        self._seconds, self._part, self._wait = Counter(), 'loader', DEVICE.type == 'cuda'
        self.operations.part, self._since = 'loader', self.clock()
        batch = next(self.batches)
        self._switch('other')
        self._wait &= wait_for_parts
        # An epoch has one batch; with the index 0, every step would write the log of an epoch.
        self.runner.train_loop.run_iter(1, batch)
        self._wait = DEVICE.type == 'cuda'
        self._switch('other')
        return {part: self._seconds[part] for part in ('loader', *PARTS)}

    def count(self) -> dict:
        """FLOPs of an image; saved bytes, operations and synchronizations of an eager step; on a
        GPU, launches and peak memory of a step."""
        saved = SavedTensors(self.runner.model)
        with torch.compiler.set_stance('force_eager'):
            # Without the fast path, because FlopCounterMode ignores a teacher's fused attention.
            torch.backends.mha.set_fastpath_enabled(False)
            with flop_counter() as flops, saved:
                self()  # also creates the optimizer state
            torch.backends.mha.set_fastpath_enabled(True)
            with self.operations:
                self()
        counts = Counter({key: number for key, number in self.operations.counts.items()
                          if key[0] != 'loader'})  # a run loads images in other processes
        costs = dict(
            flops=flops.get_total_flops() / self.batch_size, saved_bytes=saved.bytes,
            operations=counts.total(),
            optimizer_operations=sum(
                number for (part, _), number in counts.items() if part == 'optimizer'),
            # AdamW reads the numbers of its steps, which are on the CPU.
            synchronizations=sum(number for (part, name), number in counts.items()
                                 if part != 'optimizer' and name in SYNCHRONIZATIONS))
        self()  # compiles
        if DEVICE.type == 'cuda':
            torch.cuda.reset_peak_memory_stats()
            allocated = torch.cuda.memory_allocated()
            with torch.profiler.profile() as profile:
                self()
            costs.update(
                launches=sum(event.count for event in profile.key_averages()
                             if 'LaunchKernel' in event.key),
                peak_bytes=torch.cuda.max_memory_allocated() - allocated)
        return costs

    @property
    def dtype(self) -> torch.dtype:
        """Type of the matrix products."""
        if self.precision == 'bf16':
            return torch.bfloat16
        with self.runner.optim_wrapper.optim_context(self.runner.model):
            autocast = torch.is_autocast_enabled(DEVICE.type)
            return torch.get_autocast_dtype(DEVICE.type) if autocast else torch.float32


def use_random_clip(teacher: dict, folder: str) -> None:
    """Give CLIP random weights in a folder."""
    import open_clip
    path = f'{folder}/clip.pt'
    torch.save(open_clip.create_model(teacher['model_name']).state_dict(), path)
    teacher.update(pretrained=path, quick_gelu=True)


def write_images(folder: Path, number: int) -> Path:
    """Write random JPEGs of ImageNet's usual size; return the folder."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    for index in range(number):
        coarse = Image.fromarray(rng.integers(0, 256, (15, 20, 3), np.uint8))
        pixels = np.asarray(coarse.resize((500, 375), Image.Resampling.BICUBIC))
        noise = rng.normal(0, 12, pixels.shape)
        Image.fromarray((pixels + noise).clip(0, 255).astype(np.uint8)).save(
            folder / f'{index}.jpg', quality=90)
    return folder


def prepare_config(path: str, args: argparse.Namespace, data_root: str | Path,
                   narrow: bool) -> tuple[Config, int]:
    """Read a config; set its images and its batch size, and remove validation. Also return the
    batch size of the file."""
    if path.startswith('mmpretrain::'):
        cfg = get_config(path)
        cfg.merge_from_dict(args.cfg_options)
    else:
        cfg = load_config(path, args.cfg_options)
    cfg.launcher, cfg.resume, cfg.load_from, cfg.log_level = 'none', False, None, 'ERROR'
    for kind, part in itertools.product(('val', 'test'), ('cfg', 'dataloader', 'evaluator')):
        cfg[f'{kind}_{part}'] = None
    loader = cfg.train_dataloader
    batch_size = loader.batch_size
    loader.update(batch_size=args.batch_size, num_workers=0, persistent_workers=False)
    loader.dataset = ConfigDict(
        type='mmguided.ImageFolder', data_root=str(data_root), with_label=False,
        indices=args.batch_size, pipeline=loader.dataset.pipeline)
    if narrow:
        make_narrow(cfg)
    return cfg, batch_size


def make_narrow(cfg: Config) -> None:
    """Set all widths of a ViT-B to those of :data:`NARROW`."""
    backbone = cfg.model.backbone
    if not backbone.type.endswith('ViT') or backbone.arch not in ('b', 'base'):
        raise ConfigError(f'model.backbone.type={backbone.type}: --narrow supports only ViT-B. '
                          'Leave out this config.')
    for _, node in walk(cfg.model, 'model'):
        if isinstance(node, dict):
            node.update({key: size for key, size in NARROW.items()
                         if isinstance(node.get(key), int)})
    backbone.arch = dict(embed_dims=48, num_layers=12, num_heads=4, feedforward_channels=192)


def measure(args: argparse.Namespace, configs: Sequence[str], modes: Sequence[str],
            narrow: bool) -> list[dict]:
    """Measure configs at each progress and in each mode; return a row of the table for each."""
    paths = named_paths('config', configs)
    cases = list(itertools.product(paths, args.progress, modes))
    with tempfile.TemporaryDirectory() as temporary:
        data_root = args.data_root or write_images(Path(temporary, 'images'), args.batch_size)
        steps, rows = [], []
        for number, (name, progress, mode) in enumerate([*cases, cases[0]]):
            cfg, batch_size = prepare_config(paths[name], args, data_root, narrow)
            cfg.work_dir = tempfile.mkdtemp(dir=temporary)
            cfg.experiment_name = str(number)  # Runners of the same name share their loggers
            steps.append(Step(cfg, mode, progress))
            label = ', '.join([
                name, *([mode] if mode != 'config' else []), *(['narrow'] if narrow else []),
                *([f'at {progress:g}'] if progress else []),
                *(['again'] if number == len(cases) else [])])
            rows.append(dict(config=label, batch_size=batch_size, **steps[-1].count()))
        rounds = [[step() for step in steps] for _ in track_iter_progress(range(args.rounds))]
        parts = rounds if DEVICE.type == 'cpu' else [
            [step(wait_for_parts=True) for step in steps] for _ in rounds]
        for step in reversed(steps):
            step.runner.call_hook('after_train')  # restores the signal handlers
    seconds = np.array([[sum(step[part] for part in PARTS) for step in row] for row in rounds])
    ratios = seconds / seconds[:, :1]
    rates = {dtype: matmul_rate(DEVICE, dtype) for dtype in {step.dtype for step in steps}}
    for i, (step, row) in enumerate(zip(steps, rows, strict=True)):
        medians = {part: float(np.median([row[i][part] for row in parts])) for part in parts[0][i]}
        row.update(
            seconds=float(np.median(seconds[:, i])), ratio=float(np.median(ratios[:, i])),
            ratio_range=[float(ratios[:, i].min()), float(ratios[:, i].max())],
            loader_rate=args.batch_size / medians.pop('loader'), parts=medians,
            matmul_rate=rates[step.dtype])
        row['utilization'] = args.batch_size * row['flops'] / (row['seconds'] * row['matmul_rate'])
        row.update(estimate_hours(row, args))
    return rows


def estimate_hours(row: Mapping, args: argparse.Namespace) -> dict:
    """Lower bounds of the hours of a run, and what limits it."""
    images = NUM_IMAGES * args.epochs / args.gpus  # of each process
    rate = 1e12 * args.matmul_tflops if args.matmul_tflops else row['matmul_rate']
    seconds = dict(
        arithmetic=images * row['flops'] / (rate * (args.utilization or row['utilization'])),
        loader=images / (args.workers * row['loader_rate']),
        launches=images / row['batch_size'] * row.get('launches', row['operations'])
        * LAUNCH_SECONDS)
    return dict(hours={name: value / 3600 for name, value in seconds.items()},
                limit=max(seconds, key=seconds.get))


def table(rows: Sequence[Mapping], columns: Mapping[str, Callable[[Mapping], str]]) -> str:
    """Markdown table of some columns."""
    return markdown_table(['config', *columns], (
        [row['config'], *(cell(row) for cell in columns.values())] for row in rows))


TIMES = {
    'ms/step': lambda row: f'{1e3 * row["seconds"]:.1f}',
    'ratio': lambda row: f'{row["ratio"]:.2f}',
    'range': lambda row: '{:.2f} to {:.2f}'.format(*row['ratio_range']),
    **{part: lambda row, part=part: f'{1e3 * row["parts"][part]:.1f}' for part in PARTS}}
COSTS = {
    'operations': lambda row: f'{row["operations"]} ({row["optimizer_operations"]})',
    'launches': lambda row: str(row.get('launches', '')),
    'synchronizations': lambda row: str(row['synchronizations']),
    'GFLOP/image': lambda row: f'{row["flops"] / 1e9:.3g}',
    'saved GiB': lambda row: f'{row["saved_bytes"] / 2**30:.2f}',
    'peak GiB': lambda row: f'{row["peak_bytes"] / 2**30:.2f}' if 'peak_bytes' in row else '',
    'utilization': lambda row: f'{row["utilization"]:.2f}'}
RUNS = {
    'loader images/s': lambda row: f'{row["loader_rate"]:.0f}',
    **{name: lambda row, name=name: f'{row["hours"][name]:.1f}'
       for name in ('arithmetic', 'loader', 'launches')},
    'limit': lambda row: row['limit']}


def parse_args() -> argparse.Namespace:
    parser = tool_parser(__doc__)
    add_shared(parser, 'configs', nargs='*')
    parser.add_argument('--gpu-suite', action='store_true', help='measure the methods of this '
                        'project and those of mmpretrain')
    parser.add_argument('--modes', nargs='+', choices=MODES, default=['config'],
                        help="precision: the config's, float32 or bfloat16; eager or compiled")
    parser.add_argument('--narrow', action='store_true', help='set all widths to 48, to measure '
                        "the host's time")
    parser.add_argument('--progress', nargs='+', type=float, default=[0.], metavar='SHARE',
                        help='completed shares of the run to measure each config at (default: 0)')
    parser.add_argument('--batch-size', type=positive, default=128)
    parser.add_argument('--rounds', type=positive, default=9)
    parser.add_argument('--epochs', type=positive, default=800)
    parser.add_argument('--gpus', type=positive, default=8)
    parser.add_argument('--workers', type=positive, default=8, help='loader workers of each GPU')
    parser.add_argument('--matmul-tflops', type=float, help='rate of the device of the run')
    parser.add_argument('--utilization', type=float, help='utilization of the device of the run')
    add_shared(parser, '--data-root', help='folder of images for all configs')
    add_shared(parser, '--cfg-options')
    add_shared(parser, '--out', help='JSON file of the measurements; with a chart (.png, .pdf) of '
               'the parts of a step')
    args = parser.parse_args()
    if bool(args.configs) == args.gpu_suite:
        parser.error('Give configs or --gpu-suite.')
    return args


@exit_on_config_error
def main() -> None:
    args = parse_args()
    if DEVICE.type == 'cpu':
        torch.set_num_threads(1)  # several threads would add up to more CPU time
    passes = [(args.configs, args.modes, args.narrow)]
    if args.gpu_suite:
        passes = [suite for suite in SUITE if DEVICE.type == 'cuda' or suite[2]]
    name = torch.cuda.get_device_name() if DEVICE.type == 'cuda' else 'CPU, one thread'
    setup = f'{name}, torch {torch.__version__}, batch {args.batch_size}, {args.rounds} rounds'
    rows = list(itertools.chain.from_iterable(measure(args, *case) for case in passes))
    print(f'\n{setup}')
    for title, columns in (
            ('Times in ms, and ratios to the first config', TIMES), ('Costs of a step', COSTS),
            (f'Hours of {args.epochs} epochs on {args.gpus} GPUs with {args.workers} workers each',
             RUNS)):
        print(f'\n{title}\n\n{table(rows, columns)}')
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        facts = dict(setup=setup, command=shlex.join(sys.argv), date=str(date.today()), rows=rows)
        args.out.write_text(json.dumps(facts, indent=1))
        draw_stacked_bars(
            {row['config']: {part: 1e3 * time for part, time in row['parts'].items()}
             for row in rows}, 'ms per step', figure_files(args.out.with_suffix('.png')))


if __name__ == '__main__':
    main()
