"""guidance_study.py: what it runs, what it does not run again, and its table."""
import json
import re

import pytest

from tests.helpers.paths import ROOT
from tests.helpers.tools import error_of_tool, import_tool, run_tool

CONFIGS = [ROOT / 'configs/ccmim' / name for name in (
    'vit-micro_folder-32.py', 'guidance/mae.py')]


def finished_run(folder, loss, accuracy):
    """What the tools leave of a run without COCO."""
    folder.mkdir(parents=True)
    (folder / 'epoch_15.pth').touch()
    logs = {
        '1/vis_data/scalars.json': [
            dict(loss_reconstruction=9, epoch=14), dict(loss_reconstruction=loss, epoch=15),
            dict(loss_reconstruction=loss + .2, epoch=15)],
        'knn/1/1.json': [{'knn/top1_k10': 1, 'knn/top1_k20': accuracy}],
        'linear/1/vis_data/scalars.json': [dict(loss=3), {'accuracy/top1': accuracy + 5}]}
    for name, rows in logs.items():
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text('\n'.join(json.dumps(row) for row in rows))


def test_what_is_done_is_tabulated_and_not_done_again(tmp_path, monkeypatch, capsys):
    """No tool could run: there is no such data."""
    for seed in (0, 1):
        for name, loss in (('vit-micro_folder-32', .5), ('mae', .3)):
            finished_run(tmp_path / name / f'seed_{seed}', loss + .1 * seed, 40 + 2 * seed)
    run_tool(monkeypatch, 'guidance_study.py', *CONFIGS, '--data-root', 'gone', '--out', tmp_path)
    rows = (tmp_path / 'study.md').read_text().splitlines()
    cells = {row.split('|')[1].strip(): [cell.strip() for cell in row.split('|')[2:-1]]
             for row in rows[2:]}
    assert cells['`mae`'] == [
        '0, 1', '-', '0.45 ± 0.05', '-', '-', '-', '-', '41.0 ± 1.0', '46.0 ± 1.0']
    assert cells['`vit-micro_folder-32`'][2] == '0.65 ± 0.05'
    assert len(json.loads((tmp_path / 'study.json').read_text())) == 4
    assert 'mae, seed 1: k-NN 42.0, linear 47.0' in capsys.readouterr().out


def test_a_tool_that_stops_is_named_with_its_log(tmp_path, monkeypatch):
    message = error_of_tool(monkeypatch, 'guidance_study.py', CONFIGS[1], '--data-root',
                            tmp_path / 'gone', '--out', tmp_path / 'out', '--seeds', '0')
    log, = re.findall(r'mae.py, seed 0: train.py stopped, see (.*)$', message)
    assert 'no file or folder' in open(log).read()


@pytest.mark.parametrize('name, has_teacher', [('teacher_top-k_hints', True), ('mae', False)])
def test_options_reach_the_configs_that_have_the_field(name, has_teacher, tmp_path):
    tool = import_tool('guidance_study')
    arguments = dict(
        data_root=tmp_path, coco=None, out=tmp_path / 'out',
        cfg_options={'model.teacher.model_name': 'local-dir:clip', 'optim_wrapper.optimizer.lr': 3})
    run = tool.Run(str(ROOT / f'configs/ccmim/guidance/{name}.py'), 5,
                   tool.argparse.Namespace(**arguments))
    options = run._options()
    assert ('model.teacher.model_name=local-dir:clip' in options) == has_teacher
    assert {'randomness.seed=5', 'optim_wrapper.optimizer.lr=3',
            f'train_dataloader.dataset.data_root={tmp_path}/train'} <= set(options)
