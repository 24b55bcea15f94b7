"""analyze.py: its files, and its errors."""
import csv

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

import mmguided
from mmguided.datasets.analysis_images import DatasetImages
from tests.helpers.paths import ROOT
from tests.helpers.tools import error_of_tool, import_tool, run_tool

CONFIG = 'quickstart_ccmim_vit-micro'
HOSTILE = '<script>alert("x")</script>\n$'
CONFIG_PATH = ROOT / 'configs/quickstart/ccmim_vit-micro.py'
TOOL = 'analysis_tools/analyze.py'
# One measure of each kind; tests of mmguided.analysis cover all.
MEASURES = ['attention_distance', 'similarity_gap', 'relative_log_amplitude', 'exploitation',
            'reversed_attention_distance', 'attention_kl']


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('analyze')
    rng = np.random.default_rng(0)
    for kind in ('images/<b>', 'labels/<b>'):
        (folder / kind).mkdir(parents=True)
    for i in range(8):
        Image.fromarray(rng.integers(0, 256, (48, 56, 3), dtype=np.uint8)).save(
            folder / f'images/<b>/{i}.png')
        Image.fromarray(np.kron(rng.integers(0, 3, (6, 7), dtype=np.uint8),
                                np.ones((8, 8), np.uint8))).save(folder / f'labels/<b>/{i}.png')
    (folder / 'images/broken.png').write_bytes(b'no image')
    for epoch in (1, 2):
        torch.manual_seed(epoch)
        model = mmguided.get_model(CONFIG)
        torch.save(dict(state_dict=model.state_dict()), folder / f'epoch_{epoch}.pth')
    return folder


def test_a_run_against_its_last_epoch(folder, tmp_path, monkeypatch):
    run_tool(monkeypatch, TOOL, f'{HOSTILE}={folder / "epoch_1.pth"}',
             f'last={folder / "epoch_2.pth"}', '--configs', f'{HOSTILE}={CONFIG_PATH}',
             f'last={CONFIG_PATH}', '--images', folder / 'images', '--labels', folder / 'labels',
             '--ignore-label', 0, '--measures', *MEASURES, 'cka', '--workers', 0,
             '--batch-size', 4, '--out', tmp_path)

    rows = list(csv.DictReader((tmp_path / 'analysis.csv').open(newline='')))
    assert {row['measure'] for row in rows} == {*MEASURES, 'cka'}
    assert {row['model'] for row in rows} == {HOSTILE, 'last'}
    assert {row['images'] for row in rows if row['measure'] == 'exploitation'} == {'8'}
    arrays = np.load(tmp_path / 'analysis.npz')
    assert arrays['models'].tolist() == [HOSTILE, 'last']
    for row in rows:
        if row['measure'] != 'cka':
            number = arrays['models'].tolist().index(row['model'])
            values = arrays[f'{number}/{row["measure"]}/{row["part"]}'][int(row['layer'])]
            entry = dict(intra=0, inter=1, visible=0, mask=1).get(
                row['entry'], int(row['entry'].split()[-1] or 0) if ' ' in row['entry'] else ())
            assert values[entry] == pytest.approx(float(row['mean']), rel=1e-4)
    # The last epoch is the reference.
    assert np.abs(arrays['1/attention_kl/encoder']).max() < 1e-6
    assert arrays['0/attention_kl/encoder'].max() > 1e-6
    np.testing.assert_allclose(np.diag(arrays['1/cka']), 1, rtol=1e-5)

    names = {path.stem for path in tmp_path.glob('*.png')}
    assert names == {path.stem for path in tmp_path.glob('*.pdf')}
    assert names == {*MEASURES, *(f'{name}_over_epochs' for name in MEASURES), 'cka', 'spectrum',
                     'tsne'}
    points = np.load(tmp_path / 'tsne.npz')
    assert points['points'].shape == (2, len(points['labels']), 2)
    assert set(points['labels']) == {1, 2}

    report = (tmp_path / 'report.html').read_text()
    assert '<script' not in report and '&lt;script&gt;' in report
    assert '\\' not in report.replace(HOSTILE, '') and '_{' not in report  # no TeX
    assert 'uniform attention' in report and ' ± ' in report
    assert report.count('data:image/png;base64,') == len(names)
    assert '8 images of' in report and '1 more could not be read' in report


BGR = dict(data_preprocessor=dict(to_rgb=True))


def write_config(path, images, *transforms, **settings):
    """Write a config whose test dataset loads a folder of images as BGR."""
    Config(dict(settings, default_scope='mmpretrain', test_dataloader=dict(dataset=dict(
        type='mmguided.ImageFolder', data_root=str(images), test_mode=True, pipeline=[
            dict(type='LoadImageFromFile'), *transforms, dict(type='PackInputs')])))).dump(path)


def test_config_from_the_checkpoint_and_images_from_a_config(
        folder, tmp_path, monkeypatch):
    cfg = Config.fromfile(CONFIG_PATH)
    state = torch.load(folder / 'epoch_1.pth', weights_only=True)
    torch.save(state | dict(meta=dict(cfg=cfg.pretty_text)), tmp_path / 'ours.pth')
    write_config(tmp_path / 'data.py', folder / 'images/<b>',
                 dict(type='CenterCrop', crop_size=42), model=BGR)
    run_tool(monkeypatch, TOOL, tmp_path / 'ours.pth', '--images', tmp_path / 'data.py',
             '--measures', 'feature_variance', '--num-images', 5, '--workers', 0,
             '--out', tmp_path / 'out')
    rows = list(csv.DictReader((tmp_path / 'out/analysis.csv').open(newline='')))
    assert {(row['measure'], row['images']) for row in rows} == {('feature_variance', '5')}


@pytest.mark.parametrize('more, message', [
    (['--measures', 'nmi'], '--measures=nmi'), (['--reference', 'c'], "--reference='c'"),
    (['--mask-ratio', '1'], '--mask-ratio=1.0'),
    (['--batch-size', '2', '--measures', 'cka'], '--batch-size=2'),
    (['--out', __file__], f"--out='{__file__}'"), (['--num-images', '0'], '--num-images=0'),
    (['--labels', 'nowhere'], "--labels='nowhere'"), (['--images', '.'], "--images='.'")])
def test_errors_name_the_option(folder, tmp_path, monkeypatch, more, message):
    monkeypatch.chdir(tmp_path)
    error = error_of_tool(
        monkeypatch, TOOL, f'a={folder / "epoch_1.pth"}', f'b={folder / "epoch_2.pth"}',
        '--configs', f'a={CONFIG_PATH}', f'b={CONFIG_PATH}', '--images', folder / 'images', *more)
    assert message in error


def test_red_stays_red(tmp_path):
    tool = import_tool('analysis_tools/analyze')
    (tmp_path / 'a').mkdir()
    Image.new('RGB', (8, 8), (255, 0, 0)).save(tmp_path / 'a/red.png')
    for where in (BGR, dict(model=BGR), {}):
        write_config(tmp_path / 'data.py', tmp_path, **where)
        images = DatasetImages(*tool.read_dataset(str(tmp_path / 'data.py')), most=1)
        assert images[0][8, 8][:, 0, 0].tolist() == [255, 0, 0]
