"""Models by name, and configs from anywhere."""
import copy
import subprocess
import sys
from pathlib import Path

import mmengine.hub
import mmpretrain
import pytest
import torch
from mmengine.config import Config
from mmengine.fileio import load
from mmengine.runner import load_checkpoint

import mmguided
from mmguided.cli.arguments import load_config, tool_parser
from mmguided.hub import config_path
from mmguided.utils.errors import ConfigError
from tests.helpers.colors import color_folders
from tests.helpers.online import train
from tests.helpers.paths import ROOT

MICRO = 'quickstart_ccmim_vit-micro'
ENTRIES = [model for path in load(ROOT / 'model-index.yml')['Import']
           for model in load(ROOT / path)['Models']]


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    """Checkpoint of an untrained ViT-micro."""
    path = tmp_path_factory.mktemp('hub') / 'micro.pth'
    torch.save(dict(state_dict=mmguided.get_model(MICRO).state_dict()), path)
    return str(path)


def test_every_config_is_in_the_index_once_under_the_name_of_its_path():
    configs = [path.relative_to(ROOT) for path in (ROOT / 'configs').rglob('*.py')
               if '_base_' not in path.parts]
    names = {'_'.join(path.with_suffix('').parts[1:]): str(path) for path in configs}
    assert {entry['Name']: entry['Config'] for entry in ENTRIES} == names
    assert len(ENTRIES) == len(configs) == len(mmguided.list_models())


def test_benchmarks_are_initialized_unless_their_classes_depend_on_data():
    model = mmguided.get_model('benchmarks_imagenet_vit-b_linear-90e')
    assert model.backbone.cls_token.isfinite().all()
    mean = mmguided.get_model('mae_vit-micro_folder-32').data_preprocessor.mean
    assert mean.flatten().tolist() == pytest.approx([123.675, 116.28, 103.53])
    with pytest.raises(ConfigError, match=r'^model\.head\.num_classes=None'):
        mmguided.get_model('benchmarks_folder_vit_linear')


def test_names_are_listed_without_torch():
    code = ("import sys, mmguided; print(*mmguided.list_models('c*_vit-micro_folder-32'), "
            "'torch' in sys.modules)")
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=ROOT)
    assert result.stdout.split() == [
        *(f'{method}_vit-micro_folder-32' for method in
          ('ccmim', 'cmae', 'cmt_mae', 'conditional_mae')), 'False']


def test_a_model_from_its_name_has_the_checkpoints_weights(checkpoint):
    model = mmguided.get_model(MICRO, pretrained=checkpoint)
    saved = torch.load(checkpoint)['state_dict']
    assert not model.training
    assert all(torch.equal(value, saved[name]) for name, value in model.state_dict().items())
    path = str(ROOT / 'configs/quickstart/ccmim_vit-micro_knn.py')
    knn = mmguided.get_model(path, pretrained=checkpoint)
    assert torch.equal(knn.backbone.cls_token, saved['backbone.cls_token'])


def test_a_config_that_has_been_read_is_taken_as_it_is():
    cfg = Config.fromfile(ROOT / 'configs/quickstart/ccmim_vit-micro_knn.py')
    cfg.model.ks = (3, )
    before = copy.deepcopy(cfg.model)
    assert mmguided.get_model(cfg).ks == (3, ) and cfg.model == before


@pytest.mark.parametrize('name, message', [
    ('cmae_vit-micro_folder-32', 'width 64'),
    ('quickstart_ccmim_vit-micro_linear', "pretrained='.*Missing"),
    ('quickstart_ccmim_vit-mikro', "Did you mean 'quickstart_ccmim_vit-micro'"),
    ('ccmim_vit-s_300e', 'Use configs/ccmim/vit-b_300e.py --cfg-options model.backbone.arch=small'),
    ('nonsense', "^name='nonsense'.*list_models"),
])
def test_another_model_is_refused(checkpoint, name, message):
    with pytest.raises(ConfigError, match=message):
        mmguided.get_model(name, pretrained=checkpoint)


def test_published_weights(checkpoint, monkeypatch):
    with pytest.raises(ConfigError, match=f'^pretrained=True: .*{MICRO}'):
        mmguided.get_model(MICRO, pretrained=True)
    entry = dict(mmguided.hub._models()[MICRO], Weights=checkpoint)
    monkeypatch.setattr(mmguided.hub, '_models', lambda: {MICRO: entry})
    state = mmguided.get_model(MICRO, pretrained=True).state_dict()
    assert all(state[name].equal(value)
               for name, value in torch.load(checkpoint)['state_dict'].items())


def test_whoever_loads_gets_the_encoder_whole_or_an_error(checkpoint, tmp_path):
    """mmpretrain's get_model and MMEngine's load_checkpoint do not load strictly."""
    config = ROOT / 'configs/cmae/vit-micro_folder-32.py'
    with pytest.raises(ConfigError, match='width 64'):
        mmpretrain.get_model(Config.fromfile(config), pretrained=checkpoint)
    knn = mmguided.get_model('benchmarks_folder_vit-micro_knn')
    with pytest.raises(ConfigError, match='width 64'):
        load_checkpoint(knn, checkpoint)
    state = torch.load(checkpoint)['state_dict']
    del state['backbone.layers.1.ln2.bias']
    torch.save(state, tmp_path / 'part.pth')
    with pytest.raises(ConfigError, match=r'1 missing \(backbone.layers.1.ln2.bias\)'):
        load_checkpoint(mmguided.get_model(MICRO), str(tmp_path / 'part.pth'))


def test_mmengines_hub_finds_configs_and_models():
    cfg = mmengine.hub.get_config('mmguided::ccmim/vit-b_800e.py')
    assert cfg.model == Config.fromfile(ROOT / 'configs/ccmim/vit-b_800e.py').model
    model = mmengine.hub.get_model('mmguided::quickstart/ccmim_vit-micro.py')
    assert type(model).__name__ == 'CCMIM'


@pytest.mark.parametrize('name', [MICRO, 'mmguided::quickstart/ccmim_vit-micro.py',
                                  str(ROOT / 'configs/quickstart/ccmim_vit-micro.py')])
def test_names_of_configs_are_accepted_by_tools_and_get_model(name):
    path = ROOT / 'configs/quickstart/ccmim_vit-micro.py'
    assert Path(config_path(name)).samefile(path)
    assert Path(load_config(name).filename).samefile(path)
    assert Path(tool_parser('', 'config').parse_args([name]).config).samefile(path)
    model = mmguided.get_model(name, device='meta')
    assert type(model).__name__ == 'CCMIM' and model.backbone.cls_token.is_meta


@pytest.mark.parametrize('suffix', ['json', 'yml'])
def test_configs_of_all_formats_of_mmengine(suffix, tmp_path):
    path = tmp_path / f'encoder.{suffix}'
    Config(dict(custom_imports=dict(imports=['mmguided']), model=dict(
        type='mmguided.MaskedViT', img_size=32, patch_size=8, arch='small'))).dump(path)
    assert mmguided.get_model(str(path)).patch_resolution == (4, 4)


def test_unknown_scope_of_a_config():
    with pytest.raises(ConfigError, match=r"no_method\.py'.*no such file"):
        load_config('mmguided::ccmim/no_method.py')


def test_a_checkpoint_of_training_alone_is_enough(tmp_path):
    """Weights, and the time that schedules read."""
    data = color_folders(tmp_path / 'data', 8, 1)
    runner = train('ccmim', data, tmp_path / 'run', epochs=2, **{
        'model.mask_generator.schedule': dict(begin=.25)})
    path = str(tmp_path / 'run/epoch_1.pth')
    model = mmguided.get_model(tmp_path / 'run/epoch_1.pth')
    assert type(model).__name__ == 'CCMIM' and not model.training
    saved = torch.load(path)['state_dict']
    assert all(torch.equal(value, saved[name]) for name, value in model.state_dict().items())
    # Of two steps an epoch, the clock was set before the last.
    assert (runner.model.clock.epoch, runner.model.clock.progress) == (1.5, .75)
    assert (model.clock.epoch, model.clock.progress, model.clock.max_epochs) == (.5, .25, 2)
    assert model.mask_generator.wants(model.clock)
    # As by the config's name; nothing has begun without the checkpoint.
    assert mmguided.get_model(runner.cfg, pretrained=path).clock.progress == .25
    model = mmguided.get_model(runner.cfg)
    assert model.clock.progress == 0 and not model.mask_generator.wants(model.clock)


def test_the_length_of_a_run_of_iterations(checkpoint, tmp_path):
    cfg = Config.fromfile(config_path(MICRO))
    cfg.train_cfg = dict(by_epoch=False, max_iters=100)
    state = torch.load(checkpoint)['state_dict']
    state['clock.epochs'], state['clock.trigger'] = torch.tensor(3.), torch.tensor(2.)
    path = str(tmp_path / 'iter_76.pth')
    torch.save(dict(state_dict=state, meta=dict(cfg=cfg.pretty_text, iter=76)), path)
    clock = mmguided.get_model(path).clock
    assert (clock.epoch, clock.max_epochs, clock.trigger_epoch) == (3, 4, 2)


@pytest.mark.parametrize('meta, pretrained, message', [
    (dict(), None, "^name='micro.pth': .*pretrained='micro.pth'"),
    (dict(cfg="custom_imports = dict(imports=['not_here'], allow_failed_imports=False)"), None,
     "^checkpoint='micro.pth': .*not_here"),
    (dict(), 'other.pth', "^name='micro.pth': .*pretrained='other.pth'"),
])
def test_a_checkpoint_without_a_usable_config_is_refused(
        tmp_path, monkeypatch, meta, pretrained, message):
    monkeypatch.chdir(tmp_path)
    torch.save(dict(state_dict={}, meta=meta), 'micro.pth')
    with pytest.raises(ConfigError, match=message):
        mmguided.get_model('micro.pth', pretrained=pretrained)
