"""Device setup on CPUs with gloo."""
import pytest
import torch
import torch.nn.functional as F
from mmengine.model import MMDistributedDataParallel
from mmengine.registry import MODEL_WRAPPERS
from torch import distributed, nn

from mmguided.cli import device
from mmguided.utils.errors import ConfigError
from tests.helpers.tools import merged_config, use_cpu
from tests.helpers.toy import CONFIG


@pytest.fixture(autouse=True)
def _on_cpu(monkeypatch, tmp_path):
    use_cpu(monkeypatch)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize('accelerator', [False, True])
def test_amp_becomes_full_precision_without_accelerator(monkeypatch, accelerator):
    if accelerator:
        monkeypatch.setattr(device, 'get_device', lambda: 'cuda')
    cfg = merged_config(CONFIG)
    expected = cfg.optim_wrapper if accelerator else dict(
        type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1))
    device.prepare_device(cfg)
    assert cfg.optim_wrapper == expected and 'model_wrapper_cfg' not in cfg
    assert cfg.train_dataloader.pin_memory is accelerator
    assert cfg.env_cfg.dist_cfg.timeout == 1800


def test_bfloat16_is_kept_on_cpu():
    cfg = merged_config(CONFIG)
    cfg.optim_wrapper.dtype = 'bfloat16'
    device.prepare_device(cfg)
    assert cfg.optim_wrapper == dict(
        type='mmguided.CPUAmpOptimWrapper', optimizer=dict(type='SGD', lr=0.1))


@pytest.mark.parametrize('capability, dtype, expected', [
    ((9, 0), None, dict(dtype='bfloat16', loss_scale=dict(enabled=False))),
    ((7, 5), None, dict(dtype=None, loss_scale='dynamic')),
    ((9, 0), 'float16', dict(dtype='float16', loss_scale='dynamic')),
])
def test_amp_is_bfloat16_where_it_is_supported(monkeypatch, capability, dtype, expected):
    monkeypatch.setattr(device, 'get_device', lambda: 'cuda')
    monkeypatch.setattr(torch.cuda, 'get_device_capability', lambda: capability)
    cfg = merged_config(CONFIG)
    cfg.optim_wrapper.dtype = dtype
    device.prepare_device(cfg)
    assert cfg.optim_wrapper == dict(
        type='AmpOptimWrapper', optimizer=dict(type='SGD', lr=0.1), **expected)


@pytest.mark.parametrize('capability, dtype', [
    ((9, 0), torch.bfloat16), ((7, 5), torch.float16)])
def test_autocast_of_tests_is_bfloat16_where_it_is_supported(monkeypatch, capability, dtype):
    monkeypatch.setattr(device, 'get_device', lambda: 'cuda')
    monkeypatch.setattr(torch.cuda, 'get_device_capability', lambda: capability)
    before = torch.get_autocast_dtype('cuda')
    device.prefer_bfloat16()
    chosen = torch.get_autocast_dtype('cuda')
    torch.set_autocast_dtype('cuda', before)
    assert chosen == dtype


@pytest.mark.parametrize('text, expected', [
    ('find_unused_parameters = True',
     dict(type='CPUDataParallel', broadcast_buffers=False, find_unused_parameters=True)),
    ("model_wrapper_cfg = dict(type='MMDistributedDataParallel', static_graph=True)",
     dict(type='CPUDataParallel', static_graph=True)),
    ("model_wrapper_cfg = dict(type='MMSeparateDistributedDataParallel')",
     dict(type='MMSeparateDistributedDataParallel')),
])
def test_model_wrapper_selects_no_device_on_cpu(monkeypatch, text, expected):
    monkeypatch.setattr(device, '_start_gloo', lambda cfg: None)
    cfg = merged_config(CONFIG + text, '--launcher', 'pytorch')
    device.prepare_device(cfg)
    assert cfg.model_wrapper_cfg == dict(device_ids=None, **expected)


@pytest.mark.parametrize('is_cpu, options, wrapper', [
    (True, ['find_unused_parameters=True'], dict(
        type='CPUDataParallel', broadcast_buffers=False, find_unused_parameters=True,
        device_ids=None)),
    (False, ['strategy.model_wrapper.static_graph=True'], dict(
        type='MMDistributedDataParallel', static_graph=True)),
    (False, ['strategy.type=mmguided.FSDP2Strategy'], None),
])
def test_flexible_runner_gets_the_model_wrapper(monkeypatch, is_cpu, options, wrapper):
    monkeypatch.setattr(device, '_start_gloo', lambda cfg: None)
    if not is_cpu:
        monkeypatch.setattr(device, 'get_device', lambda: 'cuda')
    cfg = merged_config(CONFIG, '--launcher', 'pytorch', '--cfg-options',
                        'runner_type=FlexibleRunner', *options)
    device.prepare_device(cfg)
    assert cfg.strategy.get('model_wrapper') == wrapper


@pytest.fixture
def process_group():
    """Process group with only this process."""
    distributed.init_process_group('gloo', store=distributed.HashStore(), rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


def test_sync_bn_becomes_bn_on_cpu(process_group, monkeypatch):
    warnings = []
    monkeypatch.setattr(device, 'print_log', lambda text, *_: warnings.append(text))
    model, maps = nn.Sequential(nn.Conv2d(2, 3, 1), nn.SyncBatchNorm(3)), torch.randn(4, 2, 5, 5)
    names, weight = list(model.state_dict()), model[1].weight
    nn.init.uniform_(weight, 1, 2)
    with pytest.raises(ValueError, match='SyncBatchNorm'):
        MMDistributedDataParallel(model)
    wrapped = MODEL_WRAPPERS.build(dict(type='CPUDataParallel', device_ids=None, module=model))
    assert len(warnings) == 1 and 'SyncBN needs GPUs' in warnings[0]
    assert list(wrapped.module.state_dict()) == names and wrapped.module[1].weight is weight
    result = wrapped(maps)
    result.square().sum().backward()
    assert weight.grad.abs().max() > 0
    torch.testing.assert_close(
        result, F.batch_norm(model[0](maps), None, None, weight, training=True))


def test_slurm_without_gpus_is_refused():
    with pytest.raises(ConfigError, match="launcher='slurm'"):
        device.prepare_device(merged_config(CONFIG, '--launcher', 'slurm'))
