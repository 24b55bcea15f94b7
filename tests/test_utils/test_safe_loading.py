"""A checkpoint never runs code, whichever way it is opened."""
import hashlib
import os
import pickle
import shutil
import sys
import zipfile
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from threading import Thread

import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseModule
from mmengine.runner import CheckpointLoader
from torch import hub

import mmguided
from mmguided.cli.arguments import fill_encoder
from mmguided.models import CheckpointTeacher, MaskedViT, OpenCLIPTeacher
from mmguided.utils import checkpoints
from mmguided.utils.errors import ConfigError, user_message
from tests.helpers.colors import ARCH, color_folders
from tests.helpers.paths import ROOT
from tests.helpers.tools import run_tool
from tests.helpers.toy import toy_runner

MICRO = ROOT / 'configs/mae/vit-micro_folder-32.py'
KNN = ROOT / 'configs/benchmarks/folder/vit_knn.py'
TINY = dict(arch=ARCH, img_size=32, patch_size=4)
NORM = dict(patch_size=4, pixel_mean=(0., 0., 0.), pixel_std=(1., 1., 1.))


class Canary:
    """Unpickling creates a folder."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path, )


def write_object(path, canary):
    torch.save(dict(state_dict={}, meta=dict(note=Canary(canary))), path)


def write_old_object(path, canary):
    torch.save(dict(state_dict={}, meta=dict(note=Canary(canary))), path,
               _use_new_zipfile_serialization=False)


def write_pickle(path, canary):
    path.write_bytes(pickle.dumps(Canary(canary)))


def write_false_script(path, canary):
    """An archive that looks like TorchScript, but contains a pickle."""
    write_object(path, canary)
    with zipfile.ZipFile(path, 'a') as archive:
        for name in ('xconstants.pkl', 'a/constants.pkl'):
            archive.writestr(f'{path.stem}/{name}', b'')


def write_config(text, field='cfg'):
    def write(path, canary):
        config = f"default_scope = 'mmpretrain'\n{text.format(repr(str(canary)))}"
        torch.save(dict(state_dict=dict(weight=torch.ones(1)), message_hub={}, meta={
            'epoch': 1, 'iter': 1, field: config}), path)
    return write


FILES = dict(
    object=write_object, old_object=write_old_object, pickle=write_pickle,
    false_script=write_false_script,
    config_code=write_config("import os\nos.mkdir({})\nmodel = dict(type='MAE')"),
    config_of_mmcv=write_config("import os\nos.mkdir({})", 'config'),
    config_call=write_config("model = dict(type='MAE', a=__import__('os').mkdir({}))"),
    config_type=write_config("model = dict(type='os.mkdir', path={})"),
    config_nested=write_config("model = dict(type='mmguided.MAE', backbone=dict("
                               "type='os.mkdir', path={}))"),
    config_preprocessor=write_config("data_preprocessor = dict(type='os.mkdir', path={})\n"
                                     "model = dict(type='mmguided.MAE')"))


def tool(name, *args):
    return lambda path, tmp_path, monkeypatch: run_tool(monkeypatch, name, *(
        str(arg).format(path=path, out=tmp_path / 'out', data=path.parent / 'data')
        for arg in args))


ENTRIES = {
    'loader': lambda path, *_: CheckpointLoader.load_checkpoint(str(path)),
    'resume': lambda path, tmp_path, _: toy_runner(
        tmp_path / 'run', {}, load_from=str(path), resume=True).train(),
    'load_from': lambda path, tmp_path, _: toy_runner(
        tmp_path / 'run', {}, load_from=str(path)).train(),
    'init_cfg': lambda path, *_: BaseModule(
        init_cfg=dict(type='Pretrained', checkpoint=str(path))).init_weights(),
    'backbone': lambda path, *_: MaskedViT(**TINY, init_cfg=dict(
        type='Pretrained', checkpoint=str(path), prefix='backbone.')).init_weights(),
    'CheckpointTeacher': lambda path, *_: CheckpointTeacher(
        backbone=dict(type='mmguided.MaskedViT', **TINY), checkpoint=str(path), **NORM),
    'OpenCLIPTeacher': lambda path, *_: OpenCLIPTeacher(
        model_name='ViT-B-16', pretrained=str(path), quick_gelu=True, **NORM),
    'get_model': lambda path, *_: mmguided.get_model(path),
    'pretrained': lambda path, *_: mmguided.get_model(str(MICRO), pretrained=str(path)),
    'train.py': tool('train.py', MICRO, '--resume', '{path}', '--work-dir', '{out}',
                     '--data-root', '{data}/train', '--cfg-options',
                     'train_dataloader.batch_size=4'),
    'test.py': tool('test.py', KNN, '{path}', '--work-dir', '{out}', '--data-root', '{data}'),
    'evaluate.py': tool('evaluate.py', 'a={path}', '--protocols', KNN, '--data-root', '{data}',
                        '--out', '{out}'),
    'evaluate.py --untrained': tool(
        'evaluate.py', 'a={path}', '--untrained', '--protocols', KNN, '--data-root', '{data}',
        '--out', '{out}'),
    'robustness.py': tool('analysis_tools/robustness.py', KNN, 'a={path}', '--data-root',
                          '{data}', '--shuffle', '2', '--out', '{out}'),
    'analyze.py': tool('analysis_tools/analyze.py', 'a={path}', '--images', '{data}/val',
                       '--out', '{out}'),
    'show_masks.py': tool('visualization/show_masks.py', 'a={path}', '--images', '{data}/val',
                          '--out', '{out}/a.png'),
    'show_figure.py': tool('visualization/show_figure.py', 'attention', 'a={path}', '--images',
                           '{data}/val', '--out', '{out}/a.png'),
    'export.py': tool('export.py', '{path}', '{out}'),
    'extract_features.py': tool('extract_features.py', '{path}', '{data}/val', '{out}'),
    'released_to_mmguided.py': tool('model_converters/released_to_mmguided.py', 'ccmim', '{path}',
                                    '{out}.pth'),
}


#: These do not read the config, and ignore other weights.
READS_WEIGHTS_ONLY = ('loader', 'load_from', 'init_cfg')


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Folder of the checkpoint, with images in ``data``."""
    folder = tmp_path_factory.mktemp('files')
    color_folders(folder / 'data', 6, 2)
    return folder


# The tools open files by the functions of the other entries.
@pytest.mark.parametrize('entry, kind', [
    (entry, kind) for entry in ENTRIES for kind in FILES
    if '.py' not in entry or kind in ('object', 'config_type')])
def test_no_file_runs_code(folder, tmp_path, monkeypatch, entry, kind):
    path, canary = folder / 'epoch_1.pth', tmp_path / 'canary'
    FILES[kind](path, canary)
    try:
        ENTRIES[entry](path, tmp_path, monkeypatch)
    except (ConfigError, SystemExit) as error:
        message = str(error) if isinstance(error, SystemExit) else user_message(error)
        assert 'epoch_1.pth' in message or kind.startswith('config')
    except Exception:
        assert kind.startswith('config')  # a checkpoint of no run
    else:
        assert kind.startswith('config') and entry in READS_WEIGHTS_ONLY
    assert not canary.exists()


def test_a_trusted_file_may_contain_objects(tmp_path, monkeypatch):
    write_object(tmp_path / 'a.pth', tmp_path / 'canary')
    with pytest.raises(ConfigError, match='a.pth.*posix.mkdir.*--trust-checkpoint'):
        checkpoints.read_file(str(tmp_path / 'a.pth'))
    monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '1')
    checkpoints.read_file(str(tmp_path / 'a.pth'))
    assert (tmp_path / 'canary').exists()


def test_downloads_are_read_alike(tmp_path, monkeypatch):
    write_object(tmp_path / 'a.pth', tmp_path / 'canary')
    monkeypatch.setattr(hub, 'download_url_to_file', lambda url, file, *args, **kwargs: (
        write_object(file, tmp_path / 'canary')))
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    with pytest.raises(ConfigError, match="checkpoint='https://a/a.pth'"):
        CheckpointLoader.load_checkpoint('https://a/a.pth')
    assert not (tmp_path / 'canary').exists()


def test_the_hash_in_a_name_is_compared_with_the_download(tmp_path, monkeypatch):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'cache'))
    torch.save(dict(state_dict={}), tmp_path / 'vit-b.pth')
    sha256 = hashlib.sha256((tmp_path / 'vit-b.pth').read_bytes()).hexdigest()
    for end in (sha256[:8], '0' * 8):
        shutil.copy(tmp_path / 'vit-b.pth', tmp_path / f'vit-b-{end}.pth')
    with HTTPServer(('127.0.0.1', 0), partial(SimpleHTTPRequestHandler, directory=tmp_path)) as s:
        Thread(target=s.serve_forever, daemon=True).start()
        address = f'http://127.0.0.1:{s.server_port}/vit-b'
        for name in ('', f'-{sha256[:8]}'):
            assert CheckpointLoader.load_checkpoint(f'{address}{name}.pth') == dict(state_dict={})
        with pytest.raises(ConfigError, match='checkpoint=.*invalid hash value'):
            CheckpointLoader.load_checkpoint(f'{address}-00000000.pth')
        s.shutdown()


def test_safetensors(tmp_path):
    from safetensors.torch import save_file
    model = mmguided.get_model(str(MICRO))
    save_file(model.state_dict(), tmp_path / 'a.safetensors')
    loaded = mmguided.get_model(str(MICRO), pretrained=str(tmp_path / 'a.safetensors'))
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value)
    (tmp_path / 'a.safetensors').write_bytes(b'not a file')
    with pytest.raises(ConfigError, match='a.safetensors.*cannot be read'):
        checkpoints.read_file(str(tmp_path / 'a.safetensors'))


@pytest.mark.parametrize('text', ["custom_imports = dict(imports=['evil'])",
                                  "default_scope = 'evil'",
                                  "model = dict(type='evil.MAE')",
                                  "model = dict(type='MAE', _scope_='evil')"])
def test_no_module_beside_the_checkpoint_is_imported(tmp_path, monkeypatch, text):
    (tmp_path / 'evil').mkdir()
    for name in ('__init__', 'registry', 'datasets', 'models'):
        (tmp_path / f'evil/{name}.py').write_text(f'import os; os.mkdir({str(tmp_path / "no")!r})')
    monkeypatch.syspath_prepend(tmp_path)
    write_config(f"model = dict(type='MAE')\n{text}")(tmp_path / 'a.pth', '')
    with pytest.raises(ConfigError, match='evil'):
        mmguided.get_model(tmp_path / 'a.pth')
    assert not (tmp_path / 'no').exists() and 'evil' not in sys.modules


@pytest.mark.parametrize('text', [
    "model = dict(type='mmseg.CrossEntropyLoss', class_weight='{}.pkl')",
    "model = dict(type='mmseg.CrossEntropyLoss', class_weight='{}.yml')",
    "model = dict(type='mmpretrain.HuggingFaceClassifier', model_name='{}')",
    "model = dict(type='HuggingFaceClassifier', model_name='{}')",
    "model = dict(type='mmdet.StrongSORT', cmc=dict("
    "type='CameraMotionCompensation', warp_mode='{}'))",
    # mmcv evaluates the name of the operator.
    "model = dict(type='mmdet.FasterRCNN', test_cfg=dict(nms=dict(type='exec(\"{}\")')))"])
def test_registered_classes_that_run_code_are_refused(tmp_path, text):
    scope = text.partition("'")[2].partition('.')[0]
    scope = scope if scope in ('mmseg', 'mmdet') else 'mmpretrain'
    pytest.importorskip(scope)
    path = tmp_path / 'a.pth'
    torch.save(dict(state_dict={}, meta=dict(
        cfg=f"default_scope = '{scope}'\n" + text.format(tmp_path / 'no'))), path)
    write_pickle(tmp_path / 'no.pkl', tmp_path / 'canary')
    (tmp_path / 'no.yml').write_text(f'!!python/object/apply:os.mkdir ["{tmp_path}/canary"]')
    with pytest.raises(ConfigError, match="a.pth': the config in this checkpoint has"):
        mmguided.get_model(path)
    assert not (tmp_path / 'canary').exists()


def test_no_key_of_a_config_becomes_code(tmp_path):
    """MMEngine writes the keys of the config in the work dir without escapes."""
    key = f"a': __import__('os').mkdir({str(tmp_path / 'canary')!r}), 'b"
    torch.save(dict(state_dict={}, meta=dict(
        cfg=f'model = dict(backbone=dict(type="MaskedViT", arch={{{key!r}: 1}}))')),
        tmp_path / 'a.pth')
    cfg = Config(dict(model=dict(backbone=dict(type='MaskedViT', arch=None))))
    with pytest.raises(ConfigError, match="a.pth': the config in this checkpoint cannot be read"):
        fill_encoder(cfg, str(tmp_path / 'a.pth'))


@pytest.mark.parametrize('text', ['a = 1', 'model = 1'])
def test_a_config_without_a_model(tmp_path, text):
    torch.save(dict(state_dict={}, meta=dict(cfg=text)), tmp_path / 'a.pth')
    with pytest.raises(ConfigError, match='a.pth.*has no model'):
        mmguided.get_model(tmp_path / 'a.pth')
