"""Device setup on CPUs with gloo."""
import pytest
import torch
import torch.nn.functional as F
from mmengine.model import BaseModel, MMDistributedDataParallel
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


@pytest.fixture
def process_group():
    """Of this process alone."""
    distributed.init_process_group('gloo', store=distributed.HashStore(), rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


class _Normalized(BaseModel):
    """SyncBN at two depths, on vectors and maps, which a config need not mention."""

    def __init__(self):
        super().__init__()
        self.head = nn.Sequential(nn.Sequential(nn.Linear(2, 3), nn.SyncBatchNorm(3)))
        self.norm = nn.SyncBatchNorm(2)

    def forward(self, maps):
        return self.head(self.norm(maps).mean((2, 3)))


@pytest.fixture
def warnings(monkeypatch):
    messages = []
    monkeypatch.setattr(device, 'print_log', lambda text, *_: messages.append(text))
    return messages


def test_sync_bn_becomes_bn_on_cpu(process_group, warnings):
    model, maps = _Normalized(), torch.randn(4, 2, 5, 5)
    with torch.no_grad():
        model.norm.weight.uniform_(1, 2)
    names = list(model.state_dict())
    with pytest.raises(ValueError, match='SyncBatchNorm'):
        MMDistributedDataParallel(model)
    weight = model.norm.weight
    wrapped = MODEL_WRAPPERS.build(dict(type='CPUDataParallel', device_ids=None, module=model))
    assert len(warnings) == 1 and 'SyncBN needs GPUs' in warnings[0]
    result = wrapped(maps)
    result.square().sum().backward()
    assert wrapped.module.norm.weight is weight and weight.grad.abs().max() > 0
    assert list(wrapped.module.state_dict()) == names
    expected = F.linear(F.batch_norm(maps, None, None, weight, training=True).mean((2, 3)),
                        model.head[0][0].weight, model.head[0][0].bias)
    torch.testing.assert_close(result, F.batch_norm(expected, None, None, training=True))


def test_slurm_without_gpus_is_refused():
    with pytest.raises(ConfigError, match="launcher='slurm'"):
        device.prepare_device(merged_config(CONFIG, '--launcher', 'slurm'))
