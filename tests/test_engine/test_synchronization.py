"""Training steps of every method never wait for the device, except in steps that are logged, and
never build an attention map."""
from functools import partial

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from PIL import Image
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tests.helpers.configs import load

NUM_STEPS, LOG_INTERVAL = 21, 10
TOKENS = 65  # 8 x 8 patches and [CLS]; no width of a layer is equal
#: Operations that read values of a device; eigenvalues are checked for errors.
WAITING = ('_local_scalar_dense', 'nonzero', 'masked_select', 'unique', 'equal', '_linalg_eigh',
           '_linalg_svd', '_linalg_check_errors')
NO_SCHEDULE = dict(start=1., end=1., begin=0)
METHODS = {
    'mae': {},
    'mae by pixels': {
        'model.mask_generator.sampling': dict(type='mmguided.TopKSampling'),
        'model.mask_generator.guidance': dict(type='mmguided.ImageEntropy')},
    'mae with a probe': {'custom_hooks': [dict(type='mmguided.OnlineLinearProbeHook')]},
    'ccmim': {},
    'cmae': {},
    # Second stage. The teacher needs no weights.
    'cmt_mae': {'model.alpha': .3, 'model.mask_generator.guidance.weights': [.3],
                'model.teacher': dict(_delete_=True, type='mmguided.LinearTeacher')},
    'conditional_mae': {},
    'self_guided_mae': {'model.mask_generator.schedule': NO_SCHEDULE},  # cached scores
    'self_guided_mae fresh': {
        'model.mask_generator.schedule': NO_SCHEDULE,
        'model.mask_generator.guidance': dict(_delete_=True, type='mmguided.NcutRelevance')},
}


class Watch(TorchDispatchMode):
    """List the operations that wait for a device, and those that return an attention map."""

    def __init__(self) -> None:
        super().__init__()
        self.found, self.maps = [], []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        by_mask = name == 'index' and any(
            isinstance(index, Tensor) and index.dtype == torch.bool for index in args[1])
        if name in WAITING or by_mask:
            self.found.append(name)
        results = function(*args, **(kwargs or {}))
        self.maps += [name for result in tree_leaves(results)
                      if isinstance(result, Tensor) and result.shape[-2:] == (TOKENS, TOKENS)]
        return results


class Steps(Hook):
    """Record the waits of each training step and of the hooks around it."""

    priority = 'LOWEST'

    def __init__(self) -> None:
        self.mode, self.waits = Watch(), []

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        if batch_idx == 0:  # the data loader draws its seed before
            self.mode.__enter__()

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        self.waits.append(self.mode.found)
        self.mode.found = []

    def after_train_epoch(self, runner) -> None:
        self.mode.__exit__(None, None, None)


@pytest.mark.parametrize('row', METHODS)
def test_steps_do_not_wait_and_build_no_attention_map(row, tmp_path, monkeypatch):
    # Without fused kernels, the probe's optimizer reads step counters, which are on the CPU.
    monkeypatch.setattr('torch.optim.Adam', partial(torch.optim.Adam, fused=True))
    (tmp_path / 'class').mkdir()
    for number in range(2 * NUM_STEPS):
        pixels = np.random.randint(0, 256, (40, 40, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f'class/{number}.png')
    cfg = load(f'{row.split()[0]}/vit-micro_folder-32')
    cfg.merge_from_dict(METHODS[row] | {
        'train_dataloader.dataset.data_root': str(tmp_path), 'work_dir': str(tmp_path / 'run'),
        'train_dataloader.dataset.with_label': True, 'train_dataloader.batch_size': 2,
        'train_dataloader.num_workers': 1,
        'train_dataloader.persistent_workers': False, 'default_hooks.logger.interval': LOG_INTERVAL,
        'optim_wrapper.clip_grad': dict(max_norm=1.), 'default_hooks.exploitation': None,
        'visualizer.vis_backends': [dict(type='LocalVisBackend')],
        'experiment_name': row, 'log_level': 'ERROR', 'train_cfg.max_epochs': 1})
    cfg.param_scheduler = dict(type='CosineAnnealingLR', T_max=1, convert_to_iter_based=True)
    cfg.default_hooks = {name: hook for name, hook in cfg.default_hooks.items() if hook}
    runner = Runner.from_cfg(cfg)
    runner.register_hook(steps := Steps())
    runner.train()
    assert len(steps.waits) == NUM_STEPS
    waiting = {step: found for step, found in enumerate(steps.waits, start=1) if found}
    assert waiting.keys() <= {10, 20, NUM_STEPS}, waiting
    assert NUM_STEPS in waiting  # FiniteHook reads the loss
    assert not steps.mode.maps
