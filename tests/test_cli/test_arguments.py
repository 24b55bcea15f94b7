"""From the command line to a config: options, defaults of the loaders, the work dir."""
import pytest
from mmengine.runner import Runner

from mmguided.cli.arguments import default_work_dir
from mmguided.utils.errors import ConfigError
from tests.helpers.paths import ROOT
from tests.helpers.tools import merged_config
from tests.helpers.toy import CONFIG


@pytest.mark.parametrize('scope, collate', [
    ('mmpretrain', dict(type='default_collate')), ('mmdet', None), ('mmseg', None)])
def test_only_mmpretrain_gets_default_collate(scope, collate):
    loader = merged_config(CONFIG, '--cfg-options', f'default_scope={scope}').train_dataloader
    assert loader.get('collate_fn') == collate


def test_the_configs_own_loader_settings_stay():
    text = CONFIG + ("train_dataloader.update(collate_fn=dict(type='pseudo_collate'), "
                     'pin_memory=False, num_workers=2)')
    loader = merged_config(text).train_dataloader
    assert (loader.collate_fn.type, loader.pin_memory) == ('pseudo_collate', False)
    assert loader.persistent_workers is True


def test_persistent_workers_need_workers():
    assert merged_config(CONFIG).train_dataloader.persistent_workers is False
    options = ['--cfg-options', 'train_dataloader.num_workers=2']
    assert merged_config(CONFIG, *options).train_dataloader.persistent_workers is True
    loader = merged_config(CONFIG, *options, '--no-persistent-workers', '--no-pin-memory')
    assert loader.train_dataloader.persistent_workers is False
    assert loader.train_dataloader.pin_memory is False


def test_work_dir_from_option_then_config_then_name():
    assert merged_config(CONFIG).work_dir == 'work_dirs/some/toy'
    assert merged_config(CONFIG + "work_dir = 'a'").work_dir == 'a'
    assert merged_config(CONFIG + "work_dir = 'a'", '--work-dir', 'b').work_dir == 'b'


def test_two_configs_never_share_the_default_work_dir(tmp_path, monkeypatch):
    """Of the shipped ones a third has a name that another method has too."""
    configs = [path for path in (ROOT / 'configs').rglob('*.py') if '_base_' not in path.parts]
    folders = {default_work_dir(str(path)) for path in configs}
    assert len(folders) == len(configs) > len({path.name for path in configs})
    assert default_work_dir(str(ROOT / 'configs/mae/vit-b_300e.py')) == 'work_dirs/mae/vit-b_300e'
    monkeypatch.chdir(tmp_path)
    assert default_work_dir('mine/a.py') == 'work_dirs/mine/a'
    assert default_work_dir('/elsewhere/a.py') == 'work_dirs/a'


def test_none_takes_a_default_hook_away(tmp_path):
    text = CONFIG + "default_hooks['clock'] = dict(type='mmguided.ClockHook')"
    cfg = merged_config(text, '--cfg-options', 'default_hooks.clock=None',
                        'default_hooks.timer=None', f'work_dir={tmp_path}')
    hooks = [type(hook).__name__ for hook in Runner.from_cfg(cfg).hooks]
    assert 'CheckpointHook' in hooks and not {'ClockHook', 'IterTimerHook'} & set(hooks)


COCO = '''
train_dataloader = dict(dataset=dict(dataset=dict(
    data_root='data/coco/', ann_file='annotations/train.json')))
val_dataloader = dict(dataset=dict(data_root='data/coco/'))
val_evaluator = dict(ann_file='data/coco/annotations/val.json', other='data/coconut/x')
'''


def test_one_option_moves_the_data_everywhere():
    cfg = merged_config(COCO, '--data-root', '/mine')
    assert cfg.train_dataloader.dataset.dataset == dict(
        data_root='/mine', ann_file='annotations/train.json')
    assert cfg.val_dataloader.dataset.data_root == '/mine'
    assert cfg.val_evaluator == dict(
        ann_file='/mine/annotations/val.json', other='data/coconut/x')
    with pytest.raises(ConfigError, match="--data-root='/mine': no data set of this config has"):
        merged_config('model = dict()', '--data-root', '/mine')


def test_as_many_classes_as_folders(tmp_path):
    text = '''
model = dict(head=dict(num_classes=None), data_preprocessor=dict(num_classes=None))
train_dataloader = dict(dataset=dict(data_root='none', data_prefix='train'))
'''
    with pytest.raises(ConfigError, match="'none/train' has no folders of classes; set `--data-ro"):
        merged_config(text)
    for name in ('a', 'b', 'c'):
        (tmp_path / 'train' / name).mkdir(parents=True)
    cfg = merged_config(text, '--data-root', str(tmp_path))
    assert cfg.model.head.num_classes == cfg.model.data_preprocessor.num_classes == 3
