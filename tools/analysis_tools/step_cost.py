"""Time, arithmetic and memory of a training step, of several configs in one run.

    python tools/analysis_tools/step_cost.py configs/mae/vit-b_800e.py \
        configs/ccmim/vit-b_800e.py --batch-size 128

Steps of the configs take turns, so that a change of the machine's pace meets all of them. The
ratios to the first config are what to quote, beside those of the arithmetic, which no
implementation can undercut. "saved" are the tensors that the forward pass keeps for the backward
pass, parameters apart: the part of the memory that grows with the batch, on any device. "peak" is
what a GPU had allocated at most, everything included.
Random images, the config's precision on a GPU and float32 on a CPU; forward, backward, optimizer.
Scores that come with the images (CachedGuidance) are random, too, and a guidance that waits for a
trigger (Self-guided MAE) has begun.
"""
import argparse
import itertools
import math
import statistics
import time

import torch
from mmengine.registry import DefaultScope
from mmengine.utils import track_iter_progress
from torch.utils.flop_counter import FlopCounterMode

from mmguided.cli.arguments import load_config
from mmguided.registry import MODELS
from mmguided.utils.errors import exit_on_config_error


class _Step:
    """One training step of a config at a time of its run, ready to be called."""

    def __init__(self, path: str, progress: float, batch_size: int, device: torch.device) -> None:
        cfg = load_config(path)
        with DefaultScope.overwrite_default_scope(cfg.default_scope):
            self.model = MODELS.build(cfg.model).to(device).train()
            self.model.clock.set(progress, 1)
            self.model.clock.fire()
            images = torch.randn(batch_size, 3, *self.model.backbone.img_size, device=device)
            self.inputs = images if self.model.num_views == 1 else [images] * self.model.num_views
            num_patches = math.prod(self.model.backbone.patch_resolution)
            self.data_samples = dict(scores=torch.rand(batch_size, num_patches, device=device))
            parameters = [p for p in self.model.parameters() if p.requires_grad]
            self.optimizer = torch.optim.AdamW(parameters, 1e-4)
        self.device = device
        self.autocast = device.type == 'cuda' and cfg.optim_wrapper.type == 'AmpOptimWrapper'

    def saved_bytes(self) -> int:
        """Bytes that a forward pass keeps for the backward pass; storage that is shared counts
        once."""
        known = {p.untyped_storage().data_ptr() for p in self.model.parameters()}
        sizes, kept = {}, []

        def pack(tensor: torch.Tensor) -> torch.Tensor:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in known:
                sizes[storage.data_ptr()] = storage.nbytes()
                kept.append(tensor)  # alive to the end, lest another takes its address
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            self._loss()
        return sum(sizes.values())

    def _loss(self) -> torch.Tensor:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.autocast):
            losses = self.model.loss(self.inputs, self.data_samples)
        return sum(v for k, v in losses.items() if k.startswith('loss'))

    def __call__(self) -> tuple[float, float]:
        """Seconds and peak GiB (nan on a CPU) of one step."""
        cuda = self.device.type == 'cuda'
        if cuda:
            torch.cuda.reset_peak_memory_stats()
            torch.cuda.synchronize()
        start = time.perf_counter()
        self._loss().backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        if self.model.momentum_encoder is not None:
            self.model.momentum_encoder.update(self.model.momentum_encoder.momentum)
        if cuda:
            torch.cuda.synchronize()
        peak = torch.cuda.max_memory_allocated() / 2**30 if cuda else float('nan')
        return time.perf_counter() - start, peak


@exit_on_config_error
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='+')
    parser.add_argument('--batch-size', type=int, default=128)
    parser.add_argument('--steps', type=int, default=10)
    parser.add_argument('--progress', nargs='+', type=float, default=[0.], metavar='SHARE',
                        help='share of the run that is over, for what changes over a run; several '
                        'measure each config at each (default: 0)')
    args = parser.parse_args()
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    rows = list(itertools.product(args.configs, args.progress))
    steps = [_Step(*row, args.batch_size, device) for row in rows]
    flops, saved = [], [step.saved_bytes() / 2**30 for step in steps]
    # A teacher's fused attention does arithmetic that nobody counts.
    torch.backends.mha.set_fastpath_enabled(False)
    for step in steps:  # the first step allocates and fills the optimizer: it is not timed
        with FlopCounterMode(display=False) as counter:
            step()
        flops.append(counter.get_total_flops() / args.batch_size / 1e9)
    torch.backends.mha.set_fastpath_enabled(True)
    measured = [[step() for step in steps] for _ in track_iter_progress(list(range(args.steps)))]

    name = torch.cuda.get_device_name() if device.type == 'cuda' else 'CPU'
    print(f'\n{name}, {torch.get_num_threads()} threads, torch {torch.__version__}, batch '
          f'{args.batch_size}, median of {args.steps} steps')
    print(f'{"config":<48} {"ms/step":>9} {"ratio":>6} {"GFLOP/image":>12} {"ratio":>6} '
          f'{"saved GiB":>10} {"peak GiB":>9}')
    medians = [statistics.median(row[i][0] for row in measured) for i in range(len(steps))]
    for i, (path, progress) in enumerate(rows):
        path += f' at {progress:g}' if len(args.progress) > 1 else ''
        peak = max(row[i][1] for row in measured)
        print(f'{path:<48} {1e3 * medians[i]:>9.1f} {medians[i] / medians[0]:>6.2f} '
              f'{flops[i]:>12.1f} {flops[i] / flops[0]:>6.2f} {saved[i]:>10.2f} {peak:>9.2f}')


if __name__ == '__main__':
    main()
