"""robustness.py: curves of fine-tuned classifiers, in one call and in several."""
import json

import pytest
import torch
from mmcv import imread
from mmengine.config import Config
from mmengine.runner import Runner

from mmguided import get_model
from mmguided.cli.arguments import fill_encoder
from tests.helpers.colors import ARCH, CONFIGS, color_folders
from tests.helpers.tools import run_tool, use_cpu

TOOL = 'analysis_tools/robustness.py'
CLEAN = 100 * 17 / 18  # one of 18 images has a wrong label
CONFIG = f"""
_base_ = ['{CONFIGS}/folder/vit_finetune.py']
model = dict(
    data_preprocessor=dict(num_classes=3),
    backbone=dict(arch=dict(_delete_=True, **{ARCH}), img_size=32, patch_size=8),
    head=dict(num_classes=3))
test_dataloader = dict(num_workers=0, batch_size=6)
"""


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    return color_folders(tmp_path_factory.mktemp('colors'), train=6, val=6)


@pytest.fixture(scope='module')
def checkpoints(folders, tmp_path_factory):
    """Checkpoints of the config, fine-tuned to classify colors and untrained."""
    work = tmp_path_factory.mktemp('runs')
    (work / 'config.py').write_text(CONFIG)
    cfg = Config.fromfile(work / 'config.py')
    fill_encoder(cfg, None)  # the size of the images
    cfg.train_dataloader.dataset.data_root = str(folders)
    cfg.train_dataloader.update(batch_size=18, num_workers=0, persistent_workers=False)
    torch.manual_seed(0)
    model = get_model(cfg)
    paths = [work / name / 'epoch_1.pth' for name in ('tuned', 'new')]
    for path in paths:
        path.parent.mkdir()
    torch.save(dict(state_dict=model.state_dict()), paths[1])
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    batch, = Runner.build_dataloader(cfg.train_dataloader)
    batch = model.data_preprocessor(batch, training=False)
    for _ in range(30):
        optimizer.zero_grad()
        model(**batch, mode='loss')['loss'].backward()
        optimizer.step()
    torch.save(dict(state_dict=model.state_dict()), paths[0])
    return paths


@pytest.fixture
def run(checkpoints, folders, tmp_path, monkeypatch):
    """Run the tool and read robustness.json."""
    use_cpu(monkeypatch)

    def run(*args):
        run_tool(monkeypatch, TOOL, checkpoints[0].parents[1] / 'config.py', *args, '--data-root',
                 folders, '--out', tmp_path / 'out')
        return json.loads((tmp_path / 'out/robustness.json').read_text())

    return run


def test_curves_of_two_checkpoints(checkpoints, run, tmp_path, capsys):
    tuned, new = 'tuned/epoch_1', 'new'
    record = run(checkpoints[0], f'new={checkpoints[1]}', '--occlusion', 0, .5, 1, '--shuffle', 1,
                 'patches', '--seeds', 0, 1)
    assert record['images'] == 18 and record['chance'] == pytest.approx(100 / 3)
    assert record['patch_grids'] == {tuned: 4, 'new': 4}  # patches of 8 pixels, the config's
    found = {(row['perturbation'], row['level'], row['seed']): row['top1']
             for row in record['results'][tuned]}
    for level in (('occlusion', 0, None), ('shuffle', 1, None)):
        assert found[level] == pytest.approx(CLEAN)
    for seed in (0, 1):  # black images get one answer
        assert found['occlusion', 1, seed] == pytest.approx(100 / 3, abs=100 / 18 + .01)
        assert found['shuffle', 4, seed] > 80
    assert list(record['results']) == [tuned, new] and len(record['results'][new]) == 8

    table = (tmp_path / 'out/robustness.md').read_text()
    assert ' 18 images' in table.splitlines()[0] and '33.3' in table.splitlines()[0]
    header, _, clean, half, full, shuffled = (
        [cell.strip() for cell in line.strip('|').split('|')] for line in table.splitlines()[2:])
    assert header == ['images', tuned, new]
    assert clean[:2] == ['clean', '94.4'] and full[1].endswith(' ± 0.0')
    assert half[0] == '50 % of the patches occluded' and shuffled[0] == '4 x 4 cells shuffled'
    assert table in capsys.readouterr().out
    assert imread(tmp_path / 'out/robustness.png').std() > 0
    assert (tmp_path / 'out/robustness.pdf').read_bytes().startswith(b'%PDF')


def test_more_levels_seeds_and_checkpoints_are_added(checkpoints, run, monkeypatch):
    tuned, new = 'tuned/epoch_1', 'new/epoch_1'
    first = run(checkpoints[0], '--occlusion', 0, .5, '--shuffle')
    assert [row['level'] for row in first['results'][tuned]] == [0, .5]
    again = run(checkpoints[0], '--occlusion', .25, '--shuffle', 2, '--seeds', 3)
    assert again['results'][tuned][:2] == first['results'][tuned]
    assert [tuple(row.values())[:3] for row in again['results'][tuned][2:]] == [
        ('occlusion', .25, 3), ('shuffle', 2, 3)]
    both = run(checkpoints[1], '--occlusion', '--shuffle', 1)
    assert both['results'][tuned] == again['results'][tuned] and len(both['results'][new]) == 1
    monkeypatch.setattr('mmguided.evaluation.robustness._evaluate', None)  # not called
    last = run(*checkpoints, '--occlusion', 0, '--shuffle', 1)
    for name, rows in last['results'].items():  # clean images of the other perturbation
        known = both['results'][name]
        assert rows[:-1] == known and rows[-1]['top1'] == known[0]['top1']


@pytest.mark.parametrize('args, message', [
    (('{tuned}', '--occlusion', 1.5), 'ratio=1.5'), (('{tuned}', '--shuffle', 5), 'grid=5'),
    (('{tuned}', '--patch-size', 5), '--shuffle=patches: patches of 5 pixels'),
    (('{tuned}', '--shuffle', 1, '--patch-size', 5), 'patch_size=5'),
    (('{tuned}', '--occlusion', '--shuffle'), '--occlusion, --shuffle'),
    (('gone.pth', ), "checkpoint='gone.pth'"), (('{encoder}', ), '{encoder}')])
def test_errors_before_anything_is_written(checkpoints, run, tmp_path, args, message):
    torch.save({name: value for name, value in torch.load(checkpoints[0])['state_dict'].items()
                if name.startswith('backbone.')}, tmp_path / 'encoder.pth')
    paths = dict(tuned=checkpoints[0], encoder=tmp_path / 'encoder.pth')
    with pytest.raises(SystemExit, match=message.format(**paths)):
        run(*(str(arg).format(**paths) for arg in args))
    assert not (tmp_path / 'out').exists()


def test_results_of_other_settings_are_not_mixed(checkpoints, run, tmp_path):
    """Also if the content of the config or of the checkpoint changes, and results of a version that
    saved no settings."""
    tuned, new = checkpoints
    config = tuned.parents[1] / 'config.py'
    record = run(tuned, '--occlusion', .5, '--shuffle')
    with pytest.raises(SystemExit, match='patch_size=None, now 4'):
        run(tuned, '--patch-size', 4)
    with pytest.raises(SystemExit, match='results of tuned/epoch_1 .*sha256='):
        run(f'tuned/epoch_1={new}')
    text = config.read_text()
    config.write_text(text + "test_cfg = dict(fp16=True)\n")
    with pytest.raises(SystemExit, match='test_cfg.fp16=not set, now True'):
        run(tuned)
    config.write_text(text)
    del record['settings']
    (tmp_path / 'out/robustness.json').write_text(json.dumps(record))
    with pytest.raises(SystemExit, match='results of earlier calls have other settings'):
        run(tuned)
