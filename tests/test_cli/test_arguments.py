"""Command-line arguments: names of models, values of options, defaults of loaders and work dirs."""
import argparse
from pathlib import Path

import pytest
import torch
from mmengine.runner import Runner

from mmguided.cli.arguments import (
    OptionAction,
    default_work_dir,
    figure_files,
    fill_encoder,
    load_config,
    named_checkpoints,
    named_configs,
    named_paths,
    split_options,
    tool_parser,
)
from mmguided.utils.errors import ConfigError
from tests.helpers.benchmarks import save_encoder
from tests.helpers.colors import ARCH
from tests.helpers.images import write_image
from tests.helpers.paths import ROOT
from tests.helpers.tools import merged_config
from tests.helpers.toy import CONFIG

SWIN = dict(embed_dims=8, depths=[1, 1, 2, 1], num_heads=[1, 1, 2, 2])
MICRO = ROOT / 'configs/mae/vit-micro_folder-32.py'


OWN = CONFIG + ("train_dataloader.update(collate_fn=dict(type='pseudo_collate'), "
                'pin_memory=False)')
WORKERS = ['--cfg-options', 'train_dataloader.num_workers=2']


@pytest.mark.parametrize('text, options, collate, pin, persistent', [
    (CONFIG, [], 'default_collate', True, False),
    (CONFIG, WORKERS, 'default_collate', True, True),
    (CONFIG, [*WORKERS, '--no-persistent-workers', '--no-pin-memory'], 'default_collate', False,
     False),
    (OWN, WORKERS, 'pseudo_collate', False, True),
    (CONFIG, ['--cfg-options', 'default_scope=mmdet'], None, None, False),
    (CONFIG, ['--cfg-options', 'default_scope=mmseg'], None, None, False)])
def test_loaders(text, options, collate, pin, persistent):
    loader = merged_config(text, *options).train_dataloader
    assert loader.get('collate_fn', {}).get('type') == collate
    assert (loader.get('pin_memory'), loader.persistent_workers) == (pin, persistent)


def test_work_dir_comes_from_option_config_or_name(tmp_path, monkeypatch):
    assert merged_config(CONFIG).work_dir == 'work_dirs/some/toy'
    assert merged_config(CONFIG + "work_dir = 'a'").work_dir == 'a'
    assert merged_config(CONFIG + "work_dir = 'a'", '--work-dir', 'b').work_dir == 'b'
    assert default_work_dir(str(ROOT / 'configs/mae/vit-b_300e.py')) == 'work_dirs/mae/vit-b_300e'
    monkeypatch.chdir(tmp_path)
    assert default_work_dir('/elsewhere/a.py') == 'work_dirs/a'


def test_none_removes_a_default_hook(tmp_path):
    text = CONFIG + "default_hooks['clock'] = dict(type='mmguided.ClockHook')"
    cfg = merged_config(text, '--cfg-options', 'default_hooks.clock=None',
                        'default_hooks.timer=None', f'work_dir={tmp_path}')
    hooks = [type(hook).__name__ for hook in Runner.from_cfg(cfg).hooks]
    assert 'CheckpointHook' in hooks and not {'ClockHook', 'IterTimerHook'} & set(hooks)


def test_data_root_replaces_all_paths_below_it():
    cfg = merged_config('''
train_dataloader = dict(dataset=dict(dataset=dict(
    data_root='data/coco/', ann_file='annotations/train.json')))
val_dataloader = dict(dataset=dict(data_root='data/coco'))
val_evaluator = dict(ann_file='data/coco/annotations/val.json', other='data/coconut/x')
''', '--data-root', '/mine')
    assert cfg.train_dataloader.dataset.dataset == dict(
        data_root='/mine', ann_file='annotations/train.json')
    assert cfg.val_dataloader.dataset.data_root == '/mine'
    assert cfg.val_evaluator == dict(
        ann_file='/mine/annotations/val.json', other='data/coconut/x')
    with pytest.raises(ConfigError, match="--data-root='/mine'"):
        merged_config('model = dict()', '--data-root', '/mine')


def test_data_root_replaces_a_root_below_another():
    """Paths of a dict that two loaders share are replaced once."""
    cfg = merged_config('''
data = dict(data_root='photos', mask='photos/masks')
train_dataloader = dict(dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=dict(data_root='photos/holdout', ann_file='photos/holdout/a.txt'))
''', '--data-root', 'photos/new')
    assert cfg.train_dataloader.dataset == dict(data_root='photos/new', mask='photos/new/masks')
    assert cfg.val_dataloader.dataset == cfg.train_dataloader.dataset
    assert cfg.test_dataloader.dataset == dict(
        data_root='photos/new', ann_file='photos/new/a.txt')


@pytest.mark.parametrize('text, value', [
    ('60000, 80000', [60000, 80000]), ('60000,80000', [60000, 80000]), ('a, b', ['a', 'b']),
    ('My Photos', 'My Photos'), ('a/b, c', 'a/b, c'), ('My Photos, old', 'My Photos, old')])
def test_lists_and_paths_with_blanks(text, value):
    assert OptionAction._parse_iterable(text) == value


def test_num_classes_none_counts_class_folders(tmp_path):
    text = '''
model = dict(head=dict(num_classes=None), data_preprocessor=dict(num_classes=None))
train_dataloader = dict(dataset=dict(data_root='none', data_prefix='train'))
'''
    with pytest.raises(ConfigError, match="data_root='none'.*--data-root FOLDER"):
        merged_config(text)
    for name in ('a', 'b', 'c'):
        write_image(tmp_path / 'train' / name / '1.png')
    (tmp_path / 'train/empty').mkdir()
    cfg = merged_config(text, '--data-root', str(tmp_path))
    assert cfg.model.head.num_classes == cfg.model.data_preprocessor.num_classes == 3


@pytest.mark.parametrize('text, value', [
    ('/data/My Drive', '/data/My Drive'), ('a/lr=1e-3,wd=.05/x.pth', 'a/lr=1e-3,wd=.05/x.pth'),
    ('two words', 'two words'), ('"a b, c"', 'a b, c'), ('["My Drive/a"]', ['My Drive/a']),
    ('1e-3', 1e-3), ('true', True), ('None', None), ('small', 'small'), ('1,2', [1, 2]),
    ('[a,b]', ['a', 'b']), ('[(1,2),(3,4)]', [(1, 2), (3, 4)]), ('(3,)', (3, )),
    ('((0,.75),(10,.1))', ((0, .75), (10, .1)))])
def test_option_values(text, value):
    args = tool_parser('', '--cfg-options').parse_args(['--cfg-options', f'a.b={text}'])
    assert args.cfg_options == {'a.b': value}


@pytest.mark.parametrize('text', ["[dict(type='A',ks=(1,))]", '[1,2'])
def test_unreadable_option_values_are_errors(text, capsys):
    with pytest.raises(SystemExit):
        tool_parser('', '--cfg-options').parse_args(['--cfg-options', f'a.b={text}'])
    assert f"--cfg-options {f'a.b={text}'!r}: cannot be read." in capsys.readouterr().err


def test_home_folder_in_paths(tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    text = "model = dict()\ntrain_dataloader = dict(dataset=dict(data_root='~/data'))\n"
    cfg = merged_config(text, '--work-dir=~/runs', '--data-root=~/mine')
    assert cfg.work_dir == f'{tmp_path}/runs'
    assert cfg.train_dataloader.dataset.data_root == f'{tmp_path}/mine'
    (tmp_path / 'a.py').write_text(text + "work_dir = '~/runs'\nmodel['paths'] = ['~/a', ('~/b',)]")
    cfg = load_config('~/a.py', {'load_from': '~/x.pth'})
    assert (cfg.work_dir, cfg.load_from) == (f'{tmp_path}/runs', f'{tmp_path}/x.pth')
    assert cfg.model.paths == [f'{tmp_path}/a', (f'{tmp_path}/b', )]
    assert cfg.train_dataloader.dataset.data_root == f'{tmp_path}/data'
    parser = tool_parser('', 'config', '--images', '--out')
    args = parser.parse_args(['~/a.py', '--images', '~/b.png', '--out=~/c'])
    assert args == argparse.Namespace(
        config=f'{tmp_path}/a.py', images=[tmp_path / 'b.png'], out=tmp_path / 'c')
    assert named_paths('run', ['a=~/b']) == dict(a=f'{tmp_path}/b')


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'run').mkdir()
    torch.save({}, 'run/epoch_1.pth')
    torch.save({}, 'run/a=b.pth')


def test_names_are_given_or_the_end_of_the_path(files):
    named = named_checkpoints(['run/epoch_1.pth', 'mae=run/epoch_1.pth', 'x=run/a=b.pth',
                               'run/a=b.pth'])
    assert named == {'run/epoch_1': Path('run/epoch_1.pth'), 'mae': Path('run/epoch_1.pth'),
                     'x': Path('run/a=b.pth'), 'run/a=b': Path('run/a=b.pth')}
    assert named_configs([f'x={MICRO}'], named) == {'x': str(MICRO)}
    assert named_paths('run', ['/a/b/ratio_0.75', 'mae_vit-b_800e']) == {
        'b/ratio_0.75': '/a/b/ratio_0.75', 'mae_vit-b_800e': 'mae_vit-b_800e'}


@pytest.mark.parametrize('arguments, message', [
    (['run/epoch_2.pth'], "checkpoint='run/epoch_2.pth'"),
    (['=run/epoch_1.pth'], "checkpoint='=run/epoch_1.pth'"),
    (['a=run/epoch_1.pth', 'a=run/a=b.pth'], "checkpoint='a=run/a=b.pth'")])
def test_unusable_checkpoints(files, arguments, message):
    with pytest.raises(ConfigError, match=message):
        named_checkpoints(arguments)


@pytest.mark.parametrize('argument, message', [
    (str(MICRO), f"--configs='{MICRO}'"), (f'maa={MICRO}', 'one of mae='),
    ('mae=nothing.py', "--configs='nothing.py'")])
def test_unusable_configs(argument, message):
    with pytest.raises(ConfigError, match=message):
        named_configs([argument], dict(mae=Path('x.pth')))


def test_size_of_the_encoder(tmp_path):
    """All sizes of the pipelines follow the size that is set, or the error names the options."""
    path = str(ROOT / 'configs/benchmarks/folder/vit_knn.py')
    with pytest.raises(ConfigError, match=r'^model.backbone.arch=None: .*model.backbone.img_size='):
        fill_encoder(load_config(path), None)
    vit, swin = (save_encoder(dict(type=f'mmguided.{name}', arch=arch, img_size=size, **options),
                              tmp_path / f'{name}.pth') for name, arch, size, options in (
        ('MaskedViT', ARCH, 24, dict(patch_size=8)), ('MaskedSwin', SWIN, 192, {})))
    cfg = load_config(path, {'model.backbone.patch_size': 4})
    fill_encoder(cfg, vit)
    assert cfg.model.backbone == dict(type='mmguided.MaskedViT', arch=ARCH, img_size=24,
                                      patch_size=4, out_type='featmap')
    for loader in (cfg.test_dataloader, cfg.model.bank_dataloader):
        _, resize, crop, _ = loader.dataset.pipeline
        assert (resize.scale, crop.crop_size) == (24, 24)
    bands = save_encoder(dict(type='mmguided.MaskedViT', arch=ARCH, img_size=24, patch_size=8,
                              in_channels=5), tmp_path / 'bands.pth')
    for options, channels in (({}, 5), ({'model.backbone.in_channels': 4}, 4)):
        fill_encoder(cfg := load_config(path, options), bands)
        assert cfg.model.backbone.in_channels == channels
    fill_encoder(cfg := load_config(path, {'model.backbone.img_size': (24, 24)}), vit)
    assert cfg.test_dataloader.dataset.pipeline[1].scale == 24
    fill_encoder(cfg := load_config(path, {'model.backbone.img_size': (24, 48)}), vit)
    _, resize, crop, _ = cfg.test_dataloader.dataset.pipeline
    assert (resize.scale, crop.crop_size) == ((24, 48), (48, 24))
    with pytest.raises(ConfigError, match=r'^model.backbone.img_size=\(24, 48\): .*ResizeEdge of'):
        fill_encoder(load_config(path, {
            'model.backbone.img_size': (24, 48),
            'test_dataloader.dataset.pipeline.1.type': 'ResizeEdge'}), vit)
    with pytest.raises(ConfigError, match='model.backbone.type=mmguided.MaskedViT: .*MaskedSwin'):
        fill_encoder(load_config(path), swin)


def test_figure_formats():
    assert figure_files(Path('a.png')) == [Path('a.png'), Path('a.pdf')]
    assert figure_files(Path('a.svg')) == [Path('a.svg')]
    with pytest.raises(ConfigError, match="--out='a.jpg'"):
        figure_files(Path('a.jpg'))


def test_a_config_with_options_in_one_argument():
    assert split_options('My Configs/x.py a.b-c=[1,2]\n    c=d') == (
        'My Configs/x.py', {'a.b-c': [1, 2], 'c': 'd'})
    assert split_options('My Configs/x.py') == ('My Configs/x.py', {})
    with pytest.raises(SystemExit):  # KEY=VALUE is missing
        split_options('x.py a=1 b')
