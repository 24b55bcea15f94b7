"""The launchers on toy configs: options, the way to CPUs and gloo, and errors in one line."""
import argparse
import json
import os
import runpy
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from pickle import UnpicklingError

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.config import utils as config_utils
from mmengine.fileio import load
from mmengine.model import BaseModel, MMDistributedDataParallel
from mmengine.registry import MODEL_WRAPPERS
from mmengine.runner import Runner
from torch import distributed, nn
from torch.utils.data import DataLoader

from mmguided.engine import runner_utils
from mmguided.utils import versions
from mmguided.utils.errors import ConfigError, user_message
from tests.helpers.paths import ROOT
from tests.helpers.toy import CONFIG, ToyData, ToyModel


@pytest.fixture(autouse=True)
def _on_cpu(monkeypatch, tmp_path):
    monkeypatch.setattr(runner_utils, 'get_device', lambda: 'cpu')
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '')
    monkeypatch.setenv('LOCAL_RANK', '0')
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def config(tmp_path) -> Path:
    path = tmp_path / 'toy.py'
    path.write_text(CONFIG)
    return path


def _merged(text: str, *options: str) -> Config:
    parser = argparse.ArgumentParser()
    parser.add_argument('config')
    runner_utils.add_common_arguments(parser)
    cfg = Config.fromstring(text, '.py')
    runner_utils.merge_common_args(cfg, parser.parse_args(['some/toy.py', *options]))
    return cfg


def _run_tool(monkeypatch, name: str, *args) -> None:
    """Run a tool in this process, which has the toolboxes imported already."""
    monkeypatch.setattr(sys, 'argv', [name, *map(str, args)])
    runpy.run_path(str(ROOT / 'tools' / name), run_name='__main__')


def _error_of_tool(monkeypatch, name: str, *args) -> str:
    """What the tool prints to stderr on its way out with exit code 1."""
    with pytest.raises(SystemExit) as stop:
        _run_tool(monkeypatch, name, *args)
    assert isinstance(stop.value.code, str)  # Python prints it and exits with 1
    return stop.value.code


def _checkpoint(work_dir: Path) -> dict:
    return torch.load(work_dir / 'epoch_2.pth', map_location='cpu', weights_only=False)


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


@pytest.mark.parametrize('scope, hook, save_dir', [
    ('mmpretrain', dict(enable=True, out_dir='p'), None),
    ('mmdet', dict(draw=True, test_out_dir='p'), None),
    ('mmseg', dict(draw=True), 'p'),
])
def test_show_dir_in_the_words_of_each_toolbox(scope, hook, save_dir):
    cfg = Config(dict(default_scope=scope, visualizer=dict(),
                      default_hooks=dict(visualization=dict(type='V'))))
    tool = runpy.run_path(str(ROOT / 'tools/test.py'))
    tool['draw_predictions'](cfg, argparse.Namespace(show=False, show_dir='p', wait_time=2))
    assert cfg.default_hooks.visualization == dict(type='V', show=False, wait_time=2, **hook)
    assert cfg.visualizer.get('save_dir') == save_dir


@pytest.mark.parametrize('distribution, module, name', [
    (None, object(), 'mmseg'),  # the maintained fork
    ('1.2.2', object(), 'mmsegmentation'),
    (None, None, 'mmsegmentation'),  # not there: MMEngine says what to install
])
def test_configs_of_mmseg_are_found_in_either_family(monkeypatch, distribution, module, name):
    monkeypatch.setitem(config_utils.MODULE2PACKAGE, 'mmseg', 'mmsegmentation')
    monkeypatch.setattr(versions, 'find_spec', lambda name: module)
    monkeypatch.setattr(versions, 'installed_version',
                        lambda names: distribution and (names[0], distribution))
    versions.find_mmseg_configs()
    assert config_utils.MODULE2PACKAGE['mmseg'] == name


def test_a_base_of_mmseg_loads_in_a_fresh_process(tmp_path):
    """The config is read before --resume is checked."""
    pytest.importorskip('mmseg')
    path = tmp_path / 'child.py'
    path.write_text("_base_ = 'mmseg::_base_/models/upernet_mae.py'")
    result = subprocess.run(
        [sys.executable, str(ROOT / 'tools/train.py'), str(path), '--resume', 'gone.pth'],
        env={**os.environ, 'PYTHONPATH': str(ROOT)}, capture_output=True, text=True, timeout=120)
    assert result.stderr.splitlines()[-1].startswith("error: --resume='gone.pth': no such file")


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


# Whole runs --------------------------------------------------------------------------------------


def test_two_gloo_processes_train_as_one(monkeypatch, config, tmp_path):
    """Two processes with batch 2 see the same four points per step as one with batch 4."""
    _run_tool(monkeypatch, 'train.py', config, '--work-dir', tmp_path / 'one')
    result = subprocess.run(
        ['bash', str(ROOT / 'tools/dist_train.sh'), str(config), '2', '--work-dir',
         str(tmp_path / 'two dirs'), '--cfg-options', 'train_dataloader.batch_size=2'],
        env={**os.environ, 'PYTHON': sys.executable, 'OMP_NUM_THREADS': '1'},
        capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    one, two = (_checkpoint(tmp_path / name)['state_dict'] for name in ('one', 'two dirs'))
    assert one['fc.weight'].abs().min() > 0.01  # it has learned
    torch.testing.assert_close(two, one)


def _gloo_threads():
    """The system's numbers of those that run collectives."""
    found = set()
    for task in Path('/proc/self/task').iterdir():
        with suppress(OSError):  # it has ended meanwhile
            if (task / 'comm').read_text().startswith('pt_gloo'):
                found.add(task.name)
    return found


@pytest.mark.skipif(not Path('/proc/self/task').is_dir(), reason='counts threads as Linux does')
@pytest.mark.parametrize('tool', ['train.py', 'test.py'])
def test_a_tool_ends_the_threads_of_its_process_group(monkeypatch, config, tmp_path, tool):
    """One that outlives the tool now and then aborts a process whose work is done."""
    checkpoint = tmp_path / 'checkpoint.pth'
    torch.save(dict(state_dict=ToyModel().state_dict()), checkpoint)
    launched = dict(RANK='0', WORLD_SIZE='1', MASTER_ADDR='127.0.0.1', MASTER_PORT='0',
                    OMP_NUM_THREADS='1', MKL_NUM_THREADS='1')  # which MMEngine would set for good
    for name, value in launched.items():
        monkeypatch.setenv(name, value)
    before, during = _gloo_threads(), set()
    wrap = runner_utils.CPUDataParallel.__init__

    def wrap_and_count(*args, **kwargs):
        during.update(_gloo_threads())
        wrap(*args, **kwargs)

    monkeypatch.setattr(runner_utils.CPUDataParallel, '__init__', wrap_and_count)
    options = [checkpoint] if tool == 'test.py' else []
    _run_tool(monkeypatch, tool, config, *options, '--launcher', 'pytorch')
    assert during - before
    deadline = time.monotonic() + 5  # the system lists a thread for a moment after its end
    while _gloo_threads() - before:
        assert time.monotonic() < deadline


def test_test_writes_metrics_and_predictions(monkeypatch, config, tmp_path):
    _run_tool(monkeypatch, 'train.py', config, '--work-dir', tmp_path)
    checkpoint = tmp_path / 'epoch_2.pth'
    _run_tool(monkeypatch, 'test.py', config, checkpoint, '--out', tmp_path / 'm.json',
              '--out-item', 'metrics')
    _run_tool(monkeypatch, 'test.py', config, checkpoint, '--out', tmp_path / 'p.pkl')

    weights = _checkpoint(tmp_path)['state_dict']
    data = ToyData().inputs
    errors = data @ weights['fc.weight'][0] + weights['fc.bias'] - data.sum(1)
    metrics = json.loads((tmp_path / 'm.json').read_text())
    assert metrics['mae'] == pytest.approx(errors.abs().mean().item(), rel=1e-5)
    predictions = torch.stack([sample['error'] for sample in load(tmp_path / 'p.pkl')])
    torch.testing.assert_close(predictions, errors)


def test_resume_goes_on(monkeypatch, config, tmp_path):
    _run_tool(monkeypatch, 'train.py', config, '--work-dir', tmp_path / 'a')
    _run_tool(monkeypatch, 'train.py', config, '--work-dir', tmp_path / 'b',
              '--resume', tmp_path / 'a/epoch_1.pth')
    assert not (tmp_path / 'b/epoch_1.pth').exists()
    through, resumed = (_checkpoint(tmp_path / name)['state_dict'] for name in 'ab')
    torch.testing.assert_close(resumed, through, rtol=0, atol=0)


# Errors ------------------------------------------------------------------------------------------


def test_missing_config_prints_one_line():
    result = subprocess.run([sys.executable, str(ROOT / 'tools/train.py'), 'no/such.py'],
                            env={**os.environ, 'PYTHONPATH': str(ROOT)},
                            capture_output=True, text=True, timeout=120)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == (
        "error: config='no/such.py': no such file; give the path of a .py, .json or .yml config "
        'file')
    assert 'Traceback' not in result.stderr


def test_error_in_one_of_two_processes_shows_no_stack(config):
    result = subprocess.run(
        ['bash', str(ROOT / 'tools/dist_train.sh'), str(config), '2', '--cfg-options',
         'model.depth=0'],
        env={**os.environ, 'PYTHON': sys.executable, 'OMP_NUM_THREADS': '1'},
        capture_output=True, text=True, timeout=300)
    assert result.returncode == 1
    assert 'model.depth=0: set it to 1 or more' in result.stderr
    assert 'Traceback' not in result.stderr


@pytest.mark.parametrize('tool, args, message', [
    ('train.py', ['--resume', 'gone.pth'],
     "error: --resume='gone.pth': no such file; give a checkpoint, or --resume alone"),
    ('train.py', ['--auto-scale-lr'],
     'error: auto_scale_lr.base_batch_size is not set'),
    ('train.py', ['--cfg-options', 'model.depth=0'],
     'error: model.depth=0: set it to 1 or more'),
    ('train.py', ['--cfg-options', 'load_from=gone.pth'],
     "error: load_from='gone.pth': no file or folder 'gone.pth'; put it there or set"),
    ('test.py', ['gone.pth'],
     "error: checkpoint='gone.pth': no such file; give the path of a .pth file"),
    ('test.py', ['toy.py', '--out-item', 'pred'],
     'error: --out-item=pred needs --out FILE'),
    ('test.py', ['toy.py', '--out', 'x.json'],
     "error: --out='x.json' must end in .pkl"),
    ('test.py', ['toy.py', '--show'],
     'error: default_hooks.visualization is not set'),
    ('test.py', ['toy.py', '--cfg-options', 'test_dataloader=None'],
     'has no `test_dataloader`: a pretraining config cannot be tested'),
])
def test_mistakes_are_one_line(monkeypatch, config, tool, args, message):
    error = _error_of_tool(monkeypatch, tool, config, *args)
    assert message in error and '\n' not in error


@pytest.mark.parametrize('tool, args', [
    ('train.py', ['--resume']),  # the latest of the work dir
    ('train.py', ['--resume', 'cut.pth']),
    ('train.py', ['--cfg-options', 'load_from=cut.pth']),
    ('test.py', ['cut.pth']),
])
def test_a_checkpoint_cut_short_is_named(monkeypatch, config, tool, args):
    torch.save(dict(state_dict=ToyModel().state_dict()), 'whole.pth')
    Path('cut.pth').write_bytes(Path('whole.pth').read_bytes()[:400])
    Path('last_checkpoint').write_text('cut.pth')
    error = _error_of_tool(monkeypatch, tool, config, *args, '--work-dir', '.')
    assert "error: 'cut.pth' cannot be read as a checkpoint (" in error and '\n' not in error
    assert 'is the file whole? If not, give another one' in error


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


def test_a_moved_work_dir_says_how_to_resume(monkeypatch, config):
    Path('last_checkpoint').write_text('/old/place/epoch_3.pth')
    error = _error_of_tool(monkeypatch, 'train.py', config, '--resume', '--work-dir', '.')
    assert error == ("error: './last_checkpoint' names '/old/place/epoch_3.pth', which is not "
                     'there; give the one to resume from: --resume CKPT')


@pytest.mark.parametrize('dataset, message', [
    ("type='CustomDataset', data_root='no/images', data_prefix='train', with_label=False",
     "train_dataloader.dataset.data_root='no/images': no file or folder 'no/images/train"),
    ("type='CustomDataset', data_root='.', data_prefix='gone', with_label=False",
     "train_dataloader.dataset.data_prefix='gone': no file or folder './gone"),
    ("type='CustomDataset', data_root='.', ann_file='meta/gone.txt', with_label=False",
     "train_dataloader.dataset.ann_file='meta/gone.txt': no file or folder './meta/gone.txt'"),
    ("type='CustomDataset', data_root='gone', ann_file='a/long/name.txt', with_label=False",
     "train_dataloader.dataset.data_root='gone': no file or folder 'gone/a/long/name.txt'"),
])
def test_missing_data_names_the_field(monkeypatch, config, dataset, message):
    config.write_text(f'{CONFIG}\ndata_root = "no/images"\n'  # a variable that nothing reads
                      f'train_dataloader["dataset"] = dict({dataset})')
    error = _error_of_tool(monkeypatch, 'train.py', config)
    assert message in error and '\n' not in error
    assert '--cfg-options train_dataloader.dataset.' in error


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


def test_message_survives_a_registry_that_wraps():
    def build():
        try:
            raise ConfigError('model.depth=0: set it')
        except Exception as error:
            raise type(error)(f'class `ToyModel` in toy.py: {error}') from error

    with pytest.raises(ConfigError) as error:
        build()
    assert user_message(error.value) == 'model.depth=0: set it'


def test_message_survives_a_worker_process():
    with pytest.raises(ConfigError) as error:
        list(DataLoader(ToyData(bad=5), num_workers=1))
    assert 'Traceback' in str(error.value)
    assert user_message(error.value) == 'dataset.bad=5: leave it out'
