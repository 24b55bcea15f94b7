"""FSDP2Strategy: two gloo processes train, save and resume as with DistributedDataParallel."""
import os
from functools import partial

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.registry import RUNNERS

from mmguided.cli.device import prepare_device
from mmguided.utils.errors import ConfigError
from tests.helpers.colors import color_folders
from tests.helpers.online import assert_equal, checkpoint, config
from tests.helpers.processes import in_processes
from tests.helpers.toy import toy_runner

EPOCHS = 4
FSDP = 'mmguided.FSDP2Strategy'
# The fused optimizer rounds a shard and the whole tensor differently.
UNFUSED = {'optim_wrapper.optimizer.fused': False, 'optim_wrapper.optimizer.foreach': True}
# These hooks run parts of the model outside its forward.
ONLINE = {
    'model.mask_generator.schedule.begin': 1,
    'default_hooks.exploitation.interval': 1,
    'custom_hooks': [dict(type='mmguided.OnlineEvaluationHook', interval=1, ks=(1, ))]}
CLIPPED = {'optim_wrapper.clip_grad': dict(max_norm=10.)}
METHODS = dict(mae=CLIPPED, cmae={}, cmt_mae={}, self_guided_mae=ONLINE)


class LossHook(Hook):
    """Losses and log scalars of all steps."""

    def __init__(self):
        self.losses = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.losses.append({name: float(value) for name, value in outputs.items()})


def _train(method, strategy, folder, name, **options):
    """Run of six steps per epoch: Runner and losses of all steps."""
    cfg = config(method, folder / 'colors', folder / name, epochs=EPOCHS, **{
        'train_dataloader.batch_size': 3, 'launcher': 'pytorch', 'runner_type': 'FlexibleRunner',
        'strategy': dict(type=strategy), 'default_hooks.checkpoint.interval': 2, **UNFUSED,
        'default_hooks.interruption': None, **options})
    cfg.default_hooks = {k: hook for k, hook in cfg.default_hooks.items() if hook}
    prepare_device(cfg)
    runner, hook = RUNNERS.build(cfg), LossHook()
    runner.register_hook(hook)
    runner.train()
    return runner, hook.losses


def _updates(momentum):
    """Shards of a weight of the average: before, and after an update that is skipped or not."""
    copy, shards = momentum.encoder.layers[1].ln1.weight, []
    for skip in (1., 0.):
        shards.append(copy.to_local().clone())
        momentum.update(.5, skip=torch.tensor(skip))
    source = momentum.pairs[0][1].layers[1].ln1.weight
    return *shards, copy.to_local().clone(), source.to_local().detach().clone()


def _both_results(folder):
    os.environ['LOCAL_RANK'] = '0'
    results = {}
    for method, options in METHODS.items():
        for strategy in ('DDPStrategy', FSDP):
            runner, losses = _train(method, strategy, folder, f'{method}_{strategy}', **options)
            results[method, strategy] = losses
        if method == 'cmae':
            results['updates'] = _updates(runner.model.momentum_encoder)
        results[method, 'shards'] = {name: tuple(parameter.to_local().shape)
                                     for name, parameter in runner.model.named_parameters()}
    _, results['resumed'] = _train(
        'cmt_mae', FSDP, folder, 'resumed', resume=True,
        load_from=str(folder / f'cmt_mae_{FSDP}' / 'epoch_2.pth'))
    return results


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('fsdp')
    color_folders(folder / 'colors', train=12, val=1)
    return folder


@pytest.fixture(scope='module')
def two_processes(folder):
    """Results of both processes, by rank."""
    return in_processes(partial(_both_results, folder), folder)


@pytest.mark.parametrize('method', METHODS)
def test_losses_and_weights_equal_ddp(two_processes, folder, method):
    for results in two_processes:
        losses, expected = results[method, FSDP], results[method, 'DDPStrategy']
        assert len(losses) == 6 * EPOCHS
        for ours, ddp in zip(losses, expected, strict=True):
            assert ours == pytest.approx(ddp, rel=1e-5, abs=1e-6)
    ours, ddp = (checkpoint(folder / f'{method}_{strategy}', EPOCHS)
                 for strategy in (FSDP, 'DDPStrategy'))
    assert ours.keys() == ddp.keys()
    assert list(ours['state_dict']) == list(ddp['state_dict'])
    # With the grid of the position embeddings.
    assert ours['state_dict']._metadata == ddp['state_dict']._metadata
    for key in ('state_dict', 'optimizer', 'param_schedulers'):
        torch.testing.assert_close(ours[key], ddp[key], rtol=1e-5, atol=1e-6, msg=key)


def test_each_process_holds_a_shard(two_processes):
    first, second = (results['cmae', 'shards'] for results in two_processes)
    assert first['backbone.layers.0.attn.qkv.weight'] == (24, 16)  # of (48, 16)
    assert first['momentum_encoder.encoder.layers.1.ln1.weight'] == (8, )
    assert first['backbone.cls_token'] == (1, 1, 16) and second['backbone.cls_token'] == (0, 1, 16)


def test_the_average_skips_a_step_that_the_loss_scaler_skips(two_processes):
    for results in two_processes:
        before, skipped, updated, source = results['updates']
        assert torch.equal(skipped, before) and not torch.equal(before, source)
        torch.testing.assert_close(updated, (before + source) / 2)


def test_one_process_is_refused(tmp_path):
    runner = toy_runner(tmp_path, {}, runner_type='FlexibleRunner', strategy=dict(type=FSDP),
                        env_cfg={})
    with pytest.raises(ConfigError, match='^strategy.type=.*: needs a launcher'):
        runner.train()


def test_a_resumed_run_equals_an_uninterrupted_one(two_processes, folder):
    for results in two_processes:
        assert results['resumed'] == results['cmt_mae', FSDP][12:]
    resumed, whole = (checkpoint(folder / name, EPOCHS) for name in ('resumed', f'cmt_mae_{FSDP}'))
    for key in ('state_dict', 'optimizer', 'param_schedulers', 'rng_states'):
        assert_equal(resumed[key], whole[key], key)
