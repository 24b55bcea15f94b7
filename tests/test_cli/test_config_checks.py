"""Config checks that need neither torch nor the toolboxes."""
import os
import subprocess
import sys
import zipfile

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from mmguided.cli.arguments import load_config
from mmguided.cli.config_checks import (
    RUNNER_FIELDS,
    check_data,
    check_start,
    check_values,
    check_work_dir,
    resume_newest,
)
from mmguided.utils.errors import ConfigError
from tests.helpers.paths import ROOT

VIT = str(ROOT / 'configs/ccmim/vit-b_800e.py')
KNN = str(ROOT / 'configs/benchmarks/imagenet/vit-b_knn.py')
LINEAR = str(ROOT / 'configs/benchmarks/imagenet/vit-b_linear-90e.py')


@pytest.mark.parametrize('path', sorted(
    str(path.relative_to(ROOT)) for path in (ROOT / 'configs').rglob('*.py')
    if '_base_' not in path.parts))
def test_every_shipped_config_passes(path):
    check_values(load_config(str(ROOT / path)))


def test_every_field_that_runner_reads_is_known():
    read = set(Runner.__init__.__code__.co_varnames[1:Runner.__init__.__code__.co_argcount])
    assert read - RUNNER_FIELDS == {'cfg'}


@pytest.mark.parametrize('options, message', [
    ({'strategy.type': 'DDPStrategy'}, 'strategy: ignored without FlexibleRunner. '),
    ({'runner_type': 'FlexibleRunner', 'strategy.type': 'DeepSpeedStrategy'},
     "strategy.type='DeepSpeedStrategy': "),
    ({'runner_type': 'FlexibleRunner', 'sync_bn': 'torch'}, "sync_bn='torch': "),
])
def test_strategies_that_would_have_no_effect_or_not_resume(options, message):
    with pytest.raises(ConfigError) as error:
        check_values(load_config(VIT, options))
    assert str(error.value).startswith(message)


@pytest.mark.parametrize('option, value, remedy', [
    ('modle.type', 'x', "Did you mean 'model'?"),
    ('data_root', 'x', '--data-root FOLDER'),
    ('max_epochs', 3, 'param_scheduler.1.end, train_cfg.max_epochs'),
    ('model.bakbone.depth', 2, "Did you mean 'backbone'?"),
    ('model.backbone.archh', 'small', "Did you mean 'arch'?"),
    ('train_dataloader.batchsize', 2, "Did you mean 'batch_size'?"),
    ('train_cfg.max_epoch', 3, "Did you mean 'max_epochs'?"),
])
def test_an_option_that_nothing_reads(option, value, remedy):
    with pytest.raises(ConfigError) as error:
        load_config(VIT, {option: value})
    assert str(error.value).startswith(f'--cfg-options {option}={value!r}: ')
    assert remedy in str(error.value)


@pytest.mark.parametrize('option, value', [
    ('model.backbone.drop_path_rate', 0.1),  # argument of a base class
    ('optim_wrapper.clip_grad.max_norm', 1.),  # key of a dict that the config lacks
    ('model.target_mask_generator.type', 'mmguided.MaskGenerator'),
    ('optim_wrapper.accumulative_counts', 2), ('model.neck.init_cfg', None),
    ('compile', True), ('find_unused_parameters', True), ('param_scheduler.1.begin', 3)])
def test_options_may_set_fields_that_the_config_leaves_to_defaults(option, value):
    load_config(VIT, {option: value})


@pytest.mark.parametrize('text, message', [
    ("data_root = 'mine'", "mine.py: data_root='mine'"),
    ("data_root = 'mine'\ntrain_dataloader = dict(dataset=dict(data_root=data_root))", None),
    ("mine = 'x'", None), ("default_scope = 'mine'", None),
    ('x = (', 'mine.py'), ('x = {{_base_.modle}}', 'modle'), ("_base_ = 'gone.py'", 'gone.py'),
    (f"_base_ = ['{VIT}', '{KNN}']", 'Duplicate'), ("model = dict(backbone='x')", None),
])
def test_a_users_config(tmp_path, text, message):
    path = tmp_path / 'mine.py'
    base = '' if text.startswith('_base_') else f"_base_ = '{VIT}'"
    path.write_bytes(f'{base}\n{text}\n'.encode(errors='surrogateescape'))
    if message is None:
        load_config(str(path))
        return
    with pytest.raises(ConfigError) as error:
        load_config(str(path))
    assert message in str(error.value) and '\n' not in str(error.value)


@pytest.mark.parametrize('text', [
    'data_root: str = "mine"', 'data_root, x = "mine", 1', '_base_ = "between.py"'])
def test_a_variable_that_its_base_has_used(tmp_path, text):
    (tmp_path / 'between.py').write_text(f"_base_ = '{VIT}'\ndata_root = 'mine'")
    path = tmp_path / 'mine.py'
    path.write_text(text if text.startswith('_base_') else f"_base_ = '{VIT}'\n{text}")
    with pytest.raises(ConfigError, match="data_root='mine' has no effect"):
        load_config(str(path))


@pytest.mark.parametrize('name, text', [
    ('mine.yml', '_base_: {}\ndata_root: mine'),
    ('mine.json', '{{"_base_": "{}", "data_root": "mine"}}')])
def test_a_variable_in_yaml_or_json(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text.format(VIT))
    with pytest.raises(ConfigError, match="data_root='mine' has no effect"):
        load_config(str(path))


def test_a_base_may_contain_a_variable_of_mmengine(tmp_path):
    (tmp_path / 'base.py').write_text(f"_base_ = '{VIT}'")
    path = tmp_path / 'mine.py'
    path.write_text("_base_ = '{{fileDirname}}/base.py'\nmine = 1")
    assert load_config(str(path)).mine == 1


def test_missing_data(tmp_path):
    field = r'train_dataloader\.dataset\.data_root'
    with pytest.raises(ConfigError, match=f"^{field}='data/none'.*--cfg-options {field}="):
        check_data(load_config(VIT, {'train_dataloader.dataset.data_root': 'data/none'}),
                   ['train_dataloader'])
    with pytest.raises(ConfigError, match=r'^model\.bank_dataloader\.dataset\.data_root='):
        check_data(load_config(KNN), ['model', 'test_dataloader'])
    data = dict(data_root=str(tmp_path), data_prefix='', ann_file='a.txt')
    with pytest.raises(ConfigError, match=r"^test_dataloader\.ann_file='a\.txt'"):
        check_data(dict(test_dataloader=data), ['test_dataloader'])
    remote = dict(data, backend_args=dict(backend='petrel'))
    check_data(dict(test_dataloader=remote), ['test_dataloader'])
    with pytest.raises(ConfigError, match=r"^val_evaluator\.0\.ann_file='gone\.json'"):
        check_data(dict(val_evaluator=[dict(ann_file='gone.json')]), ['val_evaluator'])
    (tmp_path / 'a.txt').touch()
    check_data(dict(test_dataloader=data), ['test_dataloader'])


def test_a_new_run_does_not_overwrite_checkpoints(tmp_path):
    cfg = Config(dict(work_dir=str(tmp_path)))
    check_work_dir(cfg)
    (tmp_path / 'epoch_3.pth').write_bytes(b'\x80')
    with pytest.raises(ConfigError, match=f"^work_dir='{tmp_path}': .*'epoch_3.pth'.*--resume"):
        check_work_dir(cfg)
    check_work_dir(Config(dict(cfg, resume=True)))


@pytest.mark.parametrize('files, newest', [
    ((), None), (('epoch_1', 'epoch_2'), 'epoch_2'), (('epoch_2', 'epoch_1'), 'epoch_1'),
    (('epoch_1', 'iter_5'), 'iter_5'), (('epoch_1', 'epoch_2 cut'), 'epoch_1')])
def test_a_run_resumes_from_the_newest_complete_checkpoint(tmp_path, files, newest):
    """The file last_checkpoint plays no role: a kill may have emptied it."""
    (tmp_path / 'last_checkpoint').touch()
    for second, (name, _, cut) in enumerate(file.partition(' ') for file in files):
        path = tmp_path / f'{name}.pth'
        with zipfile.ZipFile(path, 'w') as archive:
            archive.writestr('a', bytes(99))
        path.write_bytes(path.read_bytes()[:50 if cut else None])
        os.utime(path, (second, second))
    cfg = Config(dict(model={}, work_dir=str(tmp_path), load_from='weights.pth', resume=True))
    resume_newest(cfg)
    # Without a checkpoint, a new run starts.
    assert cfg.resume == bool(newest)
    assert cfg.load_from == (str(tmp_path / f'{newest}.pth') if newest else 'weights.pth')


def test_a_run_does_not_restart_over_damaged_checkpoints(tmp_path):
    (tmp_path / 'epoch_3.pth').touch()
    with pytest.raises(ConfigError, match="^work_dir=.*'epoch_3.pth'.*damaged"):
        check_start(Config(dict(model={}, work_dir=str(tmp_path), resume=True)))


@pytest.mark.parametrize('tool, args, code', [
    ('train.py', ['--help'], 0), ('test.py', ['--help'], 0), ('test.py', [KNN, 'gone.pth'], 1),
    ('train.py', [VIT, '--cfg-options', 'model.backbone.imgsize=32'], 1),
    ('train.py', [VIT, '--cfg-options', 'nonsense'], 2),
    ('train.py', [VIT, '--cfg-options', 'train_dataloader.dataset.data_root=gone'], 1)])
def test_a_mistake_is_reported_before_torch_is_imported(tool, args, code):
    command = [sys.executable, '-X', 'importtime', str(ROOT / 'tools' / tool), *args]
    result = subprocess.run(command, env={'PYTHONPATH': str(ROOT), 'PATH': ''}, capture_output=True,
                            text=True, timeout=120)
    assert result.returncode == code
    imported = {line.rpartition('|')[2].strip() for line in result.stderr.splitlines()}
    assert not imported & {'torch', 'mmcv', 'mmpretrain'}


@pytest.mark.parametrize('args', [
    ['dist_train.sh', 'configs/nope.py', '2'], ['dist_test.sh', 'configs/nope.py', 'x.pth', '2']])
def test_a_launcher_reports_a_mistake_before_it_starts_processes(args):
    result = subprocess.run(['bash', *args], capture_output=True, text=True, cwd=ROOT / 'tools',
                            env={'PYTHON': sys.executable, 'PATH': '/usr/bin:/bin'})
    assert result.returncode == 1
    line, = result.stderr.splitlines()
    assert line.startswith("error: config='configs/nope.py': no such file.")


@pytest.mark.parametrize(
    'base', ['mmguided::ccmim/vit-b_800e.py', 'mmseg::_base_/models/upernet_mae.py'])
def test_a_base_of_another_package_loads_in_a_new_process(tmp_path, base):
    if base.startswith('mmseg'):
        pytest.importorskip('mmseg')
    path = tmp_path / 'child.py'
    path.write_text(f"_base_ = '{base}'")
    result = subprocess.run(
        [sys.executable, str(ROOT / 'tools/train.py'), str(path), '--resume', 'gone.pth'],
        env={**os.environ, 'PYTHONPATH': str(ROOT)}, capture_output=True, text=True, timeout=120)
    assert result.stderr.splitlines()[-1].startswith("error: --resume='gone.pth': no such file")


STRICT = dict(type='mmguided.StrictBackboneHook')


@pytest.mark.parametrize('recorded, settings, error', [
    (False, dict(), 'model.backbone.init_cfg.checkpoint: empty'),
    # Without a checkpoint to resume from, training starts from pretraining.
    (False, dict(resume=True), 'model.backbone.init_cfg.checkpoint: empty'),
    (True, dict(), 'model.backbone.init_cfg.checkpoint: empty'),
    (True, dict(resume=True), None),
    (False, dict(resume=True, load_from='whole.pth'), None),
    (False, dict(load_from='whole.pth'), 'model.backbone'),  # may contain heads only
    (False, dict(load_from='whole.pth', custom_hooks=[dict(type='EMAHook')]), 'model.backbone'),
    (False, dict(load_from='whole.pth', custom_hooks=[STRICT]), None),
    (False, dict(load_from='whole.pth', default_hooks=dict(strict_backbone=STRICT)), None),
    (False, dict(load_from='whole.pth', default_hooks=dict(strict_backbone=None)),
     'model.backbone'),
    (False, dict(load_from='gone.pth'), "load_from='gone.pth'"),
    (False, dict(resume=True, load_from='gone.pth'), "--resume='gone.pth'")])
def test_a_pretrained_encoder_is_required_unless_another_checkpoint_contains_it(
        tmp_path, monkeypatch, recorded, settings, error):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'whole.pth').touch()
    if recorded:
        with zipfile.ZipFile(tmp_path / 'epoch_1.pth', 'w') as archive:
            archive.writestr('a', '')
    named = dict(type='Pretrained', checkpoint='')
    cfg = Config(dict(
        model=dict(backbone=dict(init_cfg=named)), work_dir=str(tmp_path), **settings))
    if error is None:
        check_start(cfg)
        assert cfg.model.backbone.init_cfg is None
        return
    with pytest.raises(ConfigError, match=f'^{error}'):
        check_start(cfg)


def test_a_missing_pretrained_encoder():
    field = 'model.backbone.init_cfg.checkpoint'
    with pytest.raises(ConfigError, match=f"^{field}='gone.pth'"):
        check_start(load_config(LINEAR, {field: 'gone.pth', 'work_dir': 'new'}))
