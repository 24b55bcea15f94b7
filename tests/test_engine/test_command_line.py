"""From the command line to a config: options, defaults of the loaders, the work dir."""
import pytest
from mmengine.runner import Runner

from mmguided.engine.command_line import default_work_dir
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
