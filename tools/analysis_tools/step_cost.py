"""Compare time, FLOPs and memory of a training step between configs.

    python tools/analysis_tools/step_cost.py configs/mae/vit-b_800e.py \
        configs/ccmim/vit-b_800e.py --batch-size 128

The steps of the configs alternate, so that a change of clock speed affects all configs. Report the
ratios of time and of FLOPs to the first config. "saved" is the memory of the tensors that the
forward pass keeps for the backward pass, without parameters; it grows with the batch size. "peak"
is the maximum of the allocated GPU memory.

A step is a forward pass, a backward pass and an optimizer step on random images, in the config's
precision on a GPU and in float32 on a CPU. Cached scores (CachedGuidance) are random, and a
guidance that waits for a trigger (Self-guided MAE) has started.
"""
import itertools
import math
import statistics
import time

import torch
from mmengine.registry import DefaultScope
from mmengine.utils import track_iter_progress
from torch.utils.flop_counter import FlopCounterMode

from mmguided.cli.arguments import load_config, named_paths, tool_parser
from mmguided.registry import MODELS
from mmguided.utils.errors import exit_on_config_error


class _Step:
    """Training step of a config at a given progress of its run."""

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
        """Bytes that a forward pass keeps for the backward pass; shared storage counts once."""
        known = {p.untyped_storage().data_ptr() for p in self.model.parameters()}
        sizes, kept = {}, []

        def pack(tensor: torch.Tensor) -> torch.Tensor:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in known:
                sizes[storage.data_ptr()] = storage.nbytes()
                kept.append(tensor)  # so that no other tensor reuses its address
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            self._loss()
        return sum(sizes.values())

    def _loss(self) -> torch.Tensor:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.autocast):
            losses = self.model.loss(self.inputs, self.data_samples)
        return sum(v for k, v in losses.items() if k.startswith('loss'))

    def __call__(self) -> tuple[float, float]:
        """Run one step; return seconds and peak GiB (nan on a CPU)."""
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
    parser = tool_parser(__doc__, 'configs')
    parser.add_argument('--batch-size', type=int, default=128)
    parser.add_argument('--steps', type=int, default=10)
    parser.add_argument('--progress', nargs='+', type=float, default=[0.], metavar='SHARE',
                        help='completed shares of the run to measure each config at (default: 0)')
    args = parser.parse_args()
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    configs = named_paths('config', args.configs)
    rows = list(itertools.product(configs, args.progress))
    steps = [_Step(configs[name], progress, args.batch_size, device) for name, progress in rows]
    flops, saved = [], [step.saved_bytes() / 2**30 for step in steps]
    # The FLOP counter ignores the fused attention of a teacher.
    torch.backends.mha.set_fastpath_enabled(False)
    for step in steps:  # the first step creates the optimizer state and is not timed
        with FlopCounterMode(display=False) as counter:
            step()
        flops.append(counter.get_total_flops() / args.batch_size / 1e9)
    torch.backends.mha.set_fastpath_enabled(True)
    measured = [[step() for step in steps] for _ in track_iter_progress(list(range(args.steps)))]

    gpu = torch.cuda.get_device_name() if device.type == 'cuda' else 'CPU'
    print(f'\n{gpu}, {torch.get_num_threads()} threads, torch {torch.__version__}, batch '
          f'{args.batch_size}, median of {args.steps} steps')
    print(f'{"config":<48} {"ms/step":>9} {"ratio":>6} {"GFLOP/image":>12} {"ratio":>6} '
          f'{"saved GiB":>10} {"peak GiB":>9}')
    medians = [statistics.median(row[i][0] for row in measured) for i in range(len(steps))]
    for i, (name, progress) in enumerate(rows):
        name += f' at {progress:g}' if len(args.progress) > 1 else ''
        peak = max(row[i][1] for row in measured)
        print(f'{name:<48} {1e3 * medians[i]:>9.1f} {medians[i] / medians[0]:>6.2f} '
              f'{flops[i]:>12.1f} {flops[i] / flops[0]:>6.2f} {saved[i]:>10.2f} {peak:>9.2f}')


if __name__ == '__main__':
    main()
