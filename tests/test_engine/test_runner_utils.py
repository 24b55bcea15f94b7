"""From the command line to a Runner: options, the way to CPUs and gloo, errors that name fields."""
import argparse
from pathlib import Path
from pickle import UnpicklingError

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.model import BaseModel, MMDistributedDataParallel
from mmengine.registry import MODEL_WRAPPERS
from mmengine.runner import Runner
from torch import distributed, nn

from mmguided.engine import runner_utils
from mmguided.utils.errors import ConfigError
from tests.helpers.tools import use_cpu
from tests.helpers.toy import CONFIG, ToyModel


@pytest.fixture(autouse=True)
def _on_cpu(monkeypatch, tmp_path):
    use_cpu(monkeypatch)
    monkeypatch.chdir(tmp_path)


def _merged(text: str, *options: str) -> Config:
    parser = argparse.ArgumentParser()
    parser.add_argument('config')
    runner_utils.add_common_arguments(parser)
    cfg = Config.fromstring(text, '.py')
    runner_utils.merge_common_args(cfg, parser.parse_args(['some/toy.py', *options]))
    return cfg


# Options -----------------------------------------------------------------------------------------


@pytest.mark.parametrize('scope, collate', [
    ('mmpretrain', dict(type='default_collate')), ('mmdet', None), ('mmseg', None)])
def test_only_mmpretrain_gets_default_collate(scope, collate):
    loader = _merged(CONFIG, '--cfg-options', f'default_scope={scope}').train_dataloader
    assert loader.get('collate_fn') == collate


def test_the_configs_own_loader_settings_stay():
    text = CONFIG + ("train_dataloader.update(collate_fn=dict(type='pseudo_collate'), "
                     'pin_memory=False, num_workers=2)')
    loader = _merged(text).train_dataloader
    assert (loader.collate_fn.type, loader.pin_memory) == ('pseudo_collate', False)
    assert loader.persistent_workers is True


def test_persistent_workers_need_workers():
    assert _merged(CONFIG).train_dataloader.persistent_workers is False
    options = ['--cfg-options', 'train_dataloader.num_workers=2']
    assert _merged(CONFIG, *options).train_dataloader.persistent_workers is True
    loader = _merged(CONFIG, *options, '--no-persistent-workers', '--no-pin-memory')
    assert loader.train_dataloader.persistent_workers is False
    assert loader.train_dataloader.pin_memory is False


def test_work_dir_from_option_then_config_then_name():
    assert _merged(CONFIG).work_dir == 'work_dirs/toy'
    assert _merged(CONFIG + "work_dir = 'a'").work_dir == 'a'
    assert _merged(CONFIG + "work_dir = 'a'", '--work-dir', 'b').work_dir == 'b'


# Devices -----------------------------------------------------------------------------------------


def test_amp_becomes_full_precision_without_accelerator():
    cfg = _merged(CONFIG)
    runner_utils.prepare_device(cfg)
    assert cfg.optim_wrapper == dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1))
    assert cfg.train_dataloader.pin_memory is False


def test_amp_stays_with_an_accelerator(monkeypatch):
    monkeypatch.setattr(runner_utils, 'get_device', lambda: 'cuda')
    cfg = _merged(CONFIG)
    runner_utils.prepare_device(cfg)
    assert cfg.optim_wrapper.type == 'AmpOptimWrapper'
    assert cfg.train_dataloader.pin_memory is True
    assert 'model_wrapper_cfg' not in cfg


def test_more_processes_than_gpus(monkeypatch):
    monkeypatch.setattr(runner_utils, 'get_device', lambda: 'cuda')
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 2)
    monkeypatch.setenv('LOCAL_RANK', '2')
    with pytest.raises(ConfigError, match='process 2 .* has no GPU, only 2 are visible'):
        runner_utils.prepare_device(_merged(CONFIG, '--launcher', 'pytorch'))


@pytest.mark.parametrize('text, expected', [
    ('find_unused_parameters = True',
     dict(type='CPUDataParallel', broadcast_buffers=False, find_unused_parameters=True)),
    ("model_wrapper_cfg = dict(type='MMDistributedDataParallel', static_graph=True)",
     dict(type='CPUDataParallel', static_graph=True)),
    ("model_wrapper_cfg = dict(type='MMSeparateDistributedDataParallel')",
     dict(type='MMSeparateDistributedDataParallel')),
])
def test_model_wrapper_selects_no_device_on_cpu(monkeypatch, text, expected):
    monkeypatch.setattr(runner_utils, '_start_gloo', lambda cfg: None)
    cfg = _merged(CONFIG + text, '--launcher', 'pytorch')
    runner_utils.prepare_device(cfg)
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
    monkeypatch.setattr(runner_utils, 'print_log', lambda text, *_: messages.append(text))
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
    assert len(warnings) == 1 and 'SyncBN needs GPUs and there are none' in warnings[0]
    result = wrapped(maps)
    result.square().sum().backward()
    assert wrapped.module.norm.weight is weight and weight.grad.abs().max() > 0
    assert list(wrapped.module.state_dict()) == names
    expected = F.linear(F.batch_norm(maps, None, None, weight, training=True).mean((2, 3)),
                        model.head[0][0].weight, model.head[0][0].bias)
    torch.testing.assert_close(result, F.batch_norm(expected, None, None, training=True))


def test_a_model_without_sync_bn_gets_no_warning(process_group, warnings):
    MODEL_WRAPPERS.build(dict(type='CPUDataParallel', device_ids=None, module=ToyModel()))
    assert not warnings


def test_slurm_without_gpus_is_refused():
    with pytest.raises(ConfigError, match="launcher='slurm' needs GPUs"):
        runner_utils.prepare_device(_merged(CONFIG, '--launcher', 'slurm'))


# Checkpoints and files ---------------------------------------------------------------------------


@pytest.mark.parametrize('fail, error', [
    (lambda: torch.load('other.pth'), UnpicklingError),  # not by Runner
    (lambda: Runner.load_checkpoint(None, 'whole.pth'), AttributeError),  # not in reading
    (lambda: torch.save(lambda: 1, 'whole.pth'), AttributeError),
    (lambda: exec('raise RuntimeError("from nowhere")', {}), RuntimeError),
])
def test_another_error_beside_a_checkpoint_stays_what_it_is(fail, error):
    torch.save(dict(state_dict={}), 'whole.pth')
    Path('other.pth').write_bytes(b'no checkpoint')
    cfg = Config(dict(load_from='whole.pth', resume=True, work_dir='.'))
    with pytest.raises(error), runner_utils.naming_config_fields(cfg, ('load_from',)):
        fail()


@pytest.mark.parametrize('written, said, dropped', [
    (False, dict(), False),
    (False, dict(resume=True), False),  # nothing to resume from: it starts from pretraining
    (True, dict(), False),
    (True, dict(resume=True), True),
    (False, dict(resume=True, load_from='detector.pth'), True),
    (False, dict(load_from='detector.pth'), False),  # which may hold no more than heads
    (False, dict(load_from='detector.pth', custom_hooks=[dict(type='EMAHook')]), False),
    (False, dict(load_from='detector.pth', custom_hooks=[
        dict(type='mmguided.StrictBackboneHook', test_prefix='')]), True)])
def test_pretraining_is_not_read_where_another_checkpoint_holds_all(
        tmp_path, written, said, dropped):
    if written:
        (tmp_path / 'last_checkpoint').write_text('iter_1.pth')
    named = dict(type='Pretrained', checkpoint='')
    cfg = Config(dict(model=dict(backbone=dict(init_cfg=named)), work_dir=str(tmp_path), **said))
    runner_utils.drop_pretrained(cfg)
    assert cfg.model.backbone.init_cfg == (None if dropped else named)


def test_a_missing_file_that_the_config_does_not_name_keeps_its_stack():
    cfg = Config.fromstring(CONFIG, '.py')
    with pytest.raises(FileNotFoundError), runner_utils.naming_config_fields(cfg, ['model']):
        open('/no/such/file')
