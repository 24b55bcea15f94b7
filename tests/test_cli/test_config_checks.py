"""Mistakes that show before torch and the toolboxes are imported."""
import subprocess
import sys
import time

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from mmguided.cli.arguments import load_config
from mmguided.cli.config_checks import (
    RUNNER_FIELDS,
    check_checkpoint,
    check_data,
    check_pretrained,
    check_teacher,
    check_work_dir,
    drop_pretrained,
)
from mmguided.engine import config_checks
from mmguided.utils.errors import ConfigError
from tests.helpers.paths import ROOT
from tests.helpers.transfer import LAYOUTS

VIT = str(ROOT / 'configs/ccmim/vit-b_800e.py')
KNN = str(ROOT / 'configs/benchmarks/imagenet/vit-b_knn.py')


@pytest.mark.parametrize('path', sorted(
    str(path.relative_to(ROOT)) for path in (ROOT / 'configs').rglob('*.py')
    if '_base_' not in path.parts))
def test_every_shipped_config_passes(path):
    load_config(str(ROOT / path))


def test_every_field_that_runner_reads_is_known():
    read = set(Runner.__init__.__code__.co_varnames[1:Runner.__init__.__code__.co_argcount])
    assert read - RUNNER_FIELDS == {'cfg'}


@pytest.mark.parametrize('option, value, message', [
    ('modle.type', 'x', "--cfg-options modle.type='x': a config has no field 'modle'; did you mean "
     "'model'?"),
    ('data_root', 'x', "--cfg-options data_root='x': nothing reads the variable 'data_root' once "
     'the config file has been read; use `--data-root FOLDER`, or set every `data_root`'),
    ('max_epochs', 3, 'set what has its value: param_scheduler.1.end, train_cfg.max_epochs'),
    ('model.bakbone.depth', 2, "model.bakbone={'depth': 2}: mmguided.CCMIM has no option "
     "'bakbone'; did you mean 'backbone'?"),
    ('model.backbone.imgsize', 2,
     "model.backbone.imgsize=2: mmguided.MaskedViT has no option 'imgsize'; did you mean "
     "'img_size'?"),
    ('train_dataloader.batchsize', 2, "train_dataloader has no 'batchsize'; did you mean "
     "'batch_size'?"),
    ('train_cfg.max_epoch', 3, "EpochBasedTrainLoop has no option 'max_epoch'; did you mean "
     "'max_epochs'?"),
    ('param_scheduler.5.end', 3, "param_scheduler is a list of 2; in place of '5' give a number"),
    ('default_hooks.mine.interval', 3, 'default_hooks.mine has no `type`; set it'),
    ('model.type', 'mmgiuded.MAE', "model.type='mmgiuded.MAE': there is no package 'mmgiuded'; did "
     "you mean 'mmguided'?"),
])
def test_a_misspelled_option_is_named_with_the_nearest(option, value, message):
    with pytest.raises(ConfigError) as error:
        load_config(VIT, {option: value})
    assert message in str(error.value)


@pytest.mark.parametrize('option, value', [
    ('model.backbone.drop_path_rate', 0.1),  # of a base class
    ('optim_wrapper.clip_grad.max_norm', 1.),  # of a dict that is not there yet
    ('optim_wrapper.accumulative_counts', 2), ('model.neck.init_cfg', None),
    ('compile', True), ('find_unused_parameters', True), ('param_scheduler.1.begin', 3)])
def test_what_the_config_leaves_to_defaults_can_be_set(option, value):
    load_config(VIT, {option: value})


@pytest.mark.parametrize('text, message', [
    ("data_root = 'mine'", "data_root='mine' has no effect, for the inherited fields were made "
     'before; use `--data-root FOLDER`, or set every `data_root` of the data sets'),
    ("data_root = 'mine'\ntrain_dataloader = dict(dataset=dict(data_root=data_root))", None),
    ("mine = 'x'", None),
    ("model = dict(backbone=dict(imgsize=3))", "did you mean 'img_size'?"),
    ("default_scope = 'mine'", None),  # perhaps of a package that custom_imports brings
    ("model = dict(type='mmsegg.UPerNet')", "there is no package 'mmsegg'; did you mean 'mmseg'?"),
    ('x = (', 'is not valid Python'),
])
def test_a_users_config(tmp_path, text, message):
    path = tmp_path / 'mine.py'
    path.write_text(f"_base_ = '{VIT}'\n{text}\n")
    if message is None:
        load_config(str(path))
        return
    with pytest.raises(ConfigError) as error:
        load_config(str(path))
    assert message in str(error.value) and '\n' not in str(error.value)


@pytest.mark.parametrize('toolbox', ['mmdet', 'mmseg'])
def test_a_toolbox_that_is_not_installed_is_named(monkeypatch, toolbox, tmp_path):
    monkeypatch.setattr(config_checks, 'find_spec', lambda name: name != toolbox or None)
    path = tmp_path / 'mine.py'
    path.write_text(f"default_scope = '{toolbox}'\nmodel = dict(type='{toolbox}.X')")
    with pytest.raises(ConfigError, match=f"default_scope='{toolbox}': {toolbox} is not installed; "
                                          'run `bash tools/setup_env.sh tests`'):
        load_config(str(path))


def test_missing_data_and_checkpoints_are_named(tmp_path):
    with pytest.raises(ConfigError, match=r"^train_dataloader\.dataset\.data_root='data/none': no "
                                          r'file or folder .*--cfg-options train_dataloader\.'):
        check_data(load_config(VIT, {'train_dataloader.dataset.data_root': 'data/none'}),
                   ['train_dataloader'])
    with pytest.raises(ConfigError, match=r'^model\.bank_dataloader\.dataset\.data_root='):
        check_data(load_config(KNN), ['model', 'test_dataloader'])
    linear = str(ROOT / 'configs/benchmarks/imagenet/vit-b_linear-90e.py')
    with pytest.raises(ConfigError, match=r'model\.backbone\.init_cfg\.checkpoint is empty'):
        check_pretrained(load_config(linear))
    with pytest.raises(ConfigError, match="init_cfg.checkpoint='gone.pth': no such file"):
        check_pretrained(
            load_config(linear, {'model.backbone.init_cfg.checkpoint': 'gone.pth'}))
    page = tmp_path / 'page.pth'
    page.write_text('<html>404</html>')
    with pytest.raises(ConfigError, match='is no checkpoint of torch'):
        check_checkpoint('--resume', str(page), 'give another one')


def test_missing_teachers_are_named():
    cmt = str(ROOT / 'configs/cmt_mae/vit-b_800e.py')
    check_teacher(load_config(cmt))  # a tag, which only open_clip can look for
    check_teacher(load_config(VIT))
    for options, message in (
            ({'pretrained': 'clip/ViT-B-16.pt'}, r"pretrained='clip/ViT-B-16\.pt': no such file"),
            ({'model_name': 'local-dir:gone'}, "model_name='local-dir:gone': no such folder; make "
             r'it by tools/train_clip\.py'),
            ({'type': 'mmguided.CheckpointTeacher', 'checkpoint': 'gone.pth'},
             "checkpoint='gone.pth': no such file")):
        options = {f'model.teacher.{name}': value for name, value in options.items()}
        with pytest.raises(ConfigError, match=rf'^model\.teacher\.{message}'):
            check_teacher(load_config(cmt, options))


def test_a_folder_that_is_no_imagenet_is_named(tmp_path):
    (tmp_path / 'val').mkdir()
    (tmp_path / 'val/1.jpg').touch()
    cfg = load_config(KNN, {'test_dataloader.dataset.data_root': str(tmp_path)})
    with pytest.raises(ConfigError, match=r"test_dataloader\.dataset\.data_root='.*val' has 0 "
                                          'folders and ImageNet one for each of its 1000 classes'):
        check_data(cfg, ['test_dataloader'])
    (tmp_path / 'meta').mkdir()
    (tmp_path / 'meta/val.txt').write_text('1.jpg 0')
    check_data(cfg, ['test_dataloader'])
    cfg.test_dataloader.dataset.update(ann_file='meta/val.txt', split='train')
    with pytest.raises(ConfigError, match=r"data_root='.*' has no folder 'train', which holds the "
                                          'images'):
        check_data(cfg, ['test_dataloader'])


@pytest.mark.parametrize('data, file, kind', [
    ('cifar10', 'cifar-10-batches-py', 'CIFAR10'), ('cifar100', 'cifar-100-python', 'CIFAR100'),
    ('dtd', 'imdb/imdb.mat', 'DTD'), ('flowers102', 'setid.mat', 'Flowers102'),
    ('cub200', 'image_class_labels.txt', 'CUB')])
def test_a_missing_file_of_a_published_data_set_is_named(tmp_path, data, file, kind):
    LAYOUTS[data](tmp_path)
    config = str(ROOT / f'configs/benchmarks/transfer/vit-b_finetune_{data}.py')
    cfg = load_config(config, {
        f'{split}_dataloader.dataset.data_root': str(tmp_path) for split in ('train', 'val')})
    check_data(cfg, ['train_dataloader', 'val_dataloader'])
    (tmp_path / file).rename(tmp_path / 'other')
    with pytest.raises(ConfigError) as error:
        check_data(cfg, ['val_dataloader'])
    assert str(error.value) == (
        f'val_dataloader.dataset.data_root={str(tmp_path)!r}: {kind} needs {file!r} in it; unpack '
        'the published archives there, or set `--data-root FOLDER`')
    if kind.startswith('CIFAR'):
        cfg.val_dataloader.dataset.download = True
        check_data(cfg, ['val_dataloader'])


def test_a_new_run_leaves_the_checkpoints_of_another_one_alone(tmp_path):
    cfg = Config(dict(work_dir=str(tmp_path)))
    check_work_dir(cfg)
    (tmp_path / 'epoch_3.pth').write_bytes(b'\x80')
    with pytest.raises(ConfigError, match="holds 'epoch_3.pth' of an earlier run: go on with it by "
                                          '--resume, or start in another folder by --work-dir'):
        check_work_dir(cfg)
    cfg.resume = True
    check_work_dir(cfg)


@pytest.mark.parametrize('tool, args, code', [
    ('train.py', ['--help'], 0), ('test.py', ['--help'], 0), ('train.py', ['no/such.py'], 1),
    ('train.py', [VIT, '--launch', 'gpu'], 2), ('train.py', [VIT, '--amp2'], 2),
    ('train.py', [VIT, '--cfg-options', 'model.backbone.imgsize=32'], 1),
    ('train.py', [VIT, '--cfg-options', 'nonsense'], 2), ('test.py', [KNN, 'gone.pth'], 1),
    ('train.py', [VIT, '--cfg-options', 'train_dataloader.dataset.data_root=gone'], 1)])
def test_a_mistake_is_answered_without_the_libraries(tool, args, code):
    """torch alone takes longer to import than an answer may take, 2 seconds."""
    command = [sys.executable, '-X', 'importtime', str(ROOT / 'tools' / tool), *args]
    start = time.perf_counter()
    result = subprocess.run(command, env={'PYTHONPATH': str(ROOT), 'PATH': ''}, capture_output=True,
                            text=True, timeout=120)
    assert result.returncode == code
    imported = {line.rpartition('|')[2].strip() for line in result.stderr.splitlines()}
    assert not imported & {'torch', 'mmcv', 'mmpretrain'}
    assert time.perf_counter() - start < 10  # 0.5 to 1.1 seconds on an idle machine


@pytest.mark.parametrize('launcher', ['dist_train.sh', 'dist_test.sh'])
def test_a_launcher_finds_a_mistake_before_it_starts_processes(launcher):
    args = ['configs/nope.py', *(['x.pth'] if 'test' in launcher else []), '2']
    result = subprocess.run(['bash', str(ROOT / 'tools' / launcher), *args], capture_output=True,
                            text=True, timeout=120, cwd=ROOT,
                            env={'PYTHON': sys.executable, 'PATH': '/usr/bin:/bin'})
    assert result.returncode == 1
    assert result.stderr.splitlines() == [
        "error: config='configs/nope.py': no such file; give the path of a .py, .json or .yml "
        'config file']


@pytest.mark.parametrize('written, said, dropped', [
    (False, dict(), False),
    (False, dict(resume=True), False),  # nothing to resume from: it starts from pretraining
    (True, dict(), False),
    (True, dict(resume=True), True),
    (False, dict(resume=True, load_from='detector.pth'), True),
    (False, dict(load_from='detector.pth'), False),  # which may hold no more than heads
    (False, dict(load_from='detector.pth', custom_hooks=[dict(type='EMAHook')]), False),
    (False, dict(load_from='detector.pth', custom_hooks=[
        dict(type='mmguided.StrictBackboneHook', test_prefix='')]), True),
    (False, dict(load_from='detector.pth', default_hooks=dict(
        strict_backbone=dict(type='mmguided.StrictBackboneHook'))), True),
    (False, dict(load_from='detector.pth', default_hooks=dict(strict_backbone=None)), False)])
def test_pretraining_is_not_read_where_another_checkpoint_holds_all(
        tmp_path, written, said, dropped):
    if written:
        (tmp_path / 'last_checkpoint').write_text('iter_1.pth')
    named = dict(type='Pretrained', checkpoint='')
    cfg = Config(dict(model=dict(backbone=dict(init_cfg=named)), work_dir=str(tmp_path), **said))
    drop_pretrained(cfg)
    assert cfg.model.backbone.init_cfg == (None if dropped else named)
