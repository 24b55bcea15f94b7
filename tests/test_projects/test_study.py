"""study.py: finished runs are skipped; the table; options of each config."""
import json
import re
import shutil

import pytest

from tests.helpers.paths import ROOT
from tests.helpers.tools import error_of_tool, import_tool, run_tool

TOOL = '../projects/study/study.py'
CONFIGS = [ROOT / f'configs/ccmim/guidance/{name}.py' for name in ('released', 'mae')]


def finished_run(folder, loss, accuracy):
    """Write the results of a run without COCO."""
    folder.mkdir(parents=True)
    (folder / 'epoch_5.pth').touch()
    (folder / 'features.json').write_text(json.dumps(dict(
        knn_10=1, knn_20=accuracy, linear=accuracy + 5)))
    (folder / '1/vis_data').mkdir(parents=True)
    (folder / '1/vis_data/scalars.json').write_text('\n'.join(json.dumps(row) for row in (
        {'online/knn_top1_k20': 30., 'step': 0},
        dict(loss=9, loss_reconstruction=9, epoch=4, step=32),
        dict(loss=9, loss_reconstruction=loss, epoch=5, step=42),
        dict(loss=9, loss_reconstruction=loss + .2, epoch=5, step=50),
        {'online/knn_top1_k20': 40., 'step': 50})))


def cells(path):
    """Map the first cell of each row of a table to the others."""
    rows = [[cell.strip() for cell in row.split('|')[1:-1]]
            for row in path.read_text().splitlines()[2:]]
    return {row[0].strip('`'): row[1:] for row in rows}


def test_finished_runs_are_tabulated_and_skipped(tmp_path, monkeypatch, capsys):
    """The data are missing, so the test fails if a tool runs."""
    for seed in (0, 1):
        for name, loss, spread in (('released', .5, 4), ('mae', .3, 2)):
            finished_run(tmp_path / name / f'seed_{seed}', loss + .1 * seed, 40 + spread * seed)
    run_tool(monkeypatch, TOOL, *CONFIGS, '--data-root', 'gone', '--out', tmp_path)
    rows = cells(tmp_path / 'study.md')
    assert rows['mae'] == [
        '0, 1', '-', '0.45 ± 0.05', *'------', '41.0 ± 1.0', '-', '-', '46.0 ± 1.0']
    assert rows['released'][2] == '0.65 ± 0.05'
    # Variances over seeds: 8 and 2, mean 5.
    assert rows['standard deviation'] == ['', '-', '0.07', *'------', '2.2', '-', '-', '2.2']
    results = json.loads((tmp_path / 'study.json').read_text())
    assert len(results) == 4
    assert results[1]['log'] == {'online/knn_top1_k20': {'0': 30, '5': 40},
                                 'loss_reconstruction': {'4': 9, '5': pytest.approx(.4)}}
    for figure in ('study.png', 'study_curves.png'):
        assert (tmp_path / figure).stat().st_size > 5000
    assert 'mae, seed 1: k-NN 42.0, linear 47.0' in capsys.readouterr().out


def test_two_configs_of_one_name(monkeypatch, tmp_path):
    message = error_of_tool(monkeypatch, TOOL, CONFIGS[0], f'a/released={CONFIGS[1]}',
                            '--data-root', 'gone', '--out', tmp_path)
    assert 'configs=' in message


def test_numbers_replace_finished_runs(tmp_path, monkeypatch):
    """study.json has one seed, the folders the other. Numbers of other options are not shown."""
    finished_run(tmp_path / 'mae/seed_0', .5, 30)
    command = CONFIGS[1], '--data-root', 'gone', '--out', tmp_path
    run_tool(monkeypatch, TOOL, *command, '--seeds', 0)
    shutil.rmtree(tmp_path / 'mae')
    finished_run(tmp_path / 'mae/seed_1', .1, 40)
    run_tool(monkeypatch, TOOL, *command)
    row = cells(tmp_path / 'study.md')['mae']
    assert (row[0], row[2], row[-4]) == ('0, 1', '0.40 ± 0.20', '35.0 ± 5.0')
    for seed, field in ((0, 'conditions='), (1, 'optim_wrapper.optimizer.lr=')):
        message = error_of_tool(monkeypatch, TOOL, *command, '--seeds', seed, '--cfg-options',
                                'optim_wrapper.optimizer.lr=3.')
        assert f'mae, seed {seed} ' in message and field in message


def test_a_failed_run_does_not_stop_the_others(tmp_path, monkeypatch, capsys):
    finished_run(tmp_path / 'out/released/seed_0', .5, 40)
    message = error_of_tool(monkeypatch, TOOL, CONFIGS[1], CONFIGS[0], '--data-root',
                            tmp_path / 'gone', '--out', tmp_path / 'out', '--seeds', '0')
    log, reason = re.search(r'mae.py, seed 0: train.py failed, see (\S+) \((.*)\)$',
                            message).groups()
    assert 'data_root=' in reason and reason in open(log).read()
    assert cells(tmp_path / 'out/study.md').keys() == {'released'}
    assert reason in capsys.readouterr().err


def test_seeds_may_log_a_value_in_different_epochs(tmp_path, monkeypatch):
    """The trigger of Self-guided MAE fires in one of three seeds, so its curve has other epochs."""
    tool, curves = import_tool(TOOL.removesuffix('.py')), {}
    monkeypatch.setattr(tool, 'draw_loss_curves', lambda found, *args: curves.update(found))
    logs = [dict(loss={'1': 4., '2': 2.}, topk_overlap={'2': .9}), dict(loss={'1': 2., '2': 1.}),
            dict(loss={'1': 3.}, topk_overlap={'2': .7, '10': .5})]
    tool.draw_logs([dict(config='a', seed=seed, log=log) for seed, log in enumerate(logs)],
                   tmp_path / 'curves.png')
    assert curves['a']['loss'].values.tolist() == [3, 1.5]
    overlap = curves['a']['topk_overlap']
    assert overlap.epochs.tolist() == [2, 10] and overlap.values.tolist() == [.8, .5]


@pytest.mark.parametrize('protocols, perturbed', [
    (['vit-micro_knn'], False), (['vit-micro_knn', 'vit-micro_finetune'], True)])
def test_protocols_can_be_added(tmp_path, monkeypatch, protocols, perturbed):
    """Another protocol has run. Only trained classifiers are tested on perturbed images."""
    tool, calls = import_tool(TOOL.removesuffix('.py')), []
    record = tmp_path / 'mae/seed_0/protocols/evaluation.json'
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps([dict(protocol='other', metrics={})]))
    monkeypatch.setattr(tool.Run, '_tool', lambda run, *args: calls.append(args))
    args = tool.argparse.Namespace(
        data_root=tmp_path, out=tmp_path, cfg_options={},
        protocols=[f'{name}={ROOT}/configs/benchmarks/folder/{name}.py a=1' for name in protocols])
    tool.Run('mae', str(CONFIGS[1]), 0, args)._protocols(tmp_path / 'epoch_5.pth')
    assert len(calls) == 1 and ('--occlusion' in calls[0]) == perturbed


def test_protocols_follow_in_the_table(tmp_path, monkeypatch):
    """The numbers of study.json without protocols are not complete."""
    folder = tmp_path / 'mae_7e/seed_0'
    finished_run(folder, .5, 40)
    (folder / 'epoch_7.pth').touch()
    command = (f'mae_7e={CONFIGS[1]} train_cfg.max_epochs=7', '--data-root', 'gone', '--seeds', 0,
               '--out', tmp_path)
    run_tool(monkeypatch, TOOL, *command)
    (folder / 'protocols').mkdir()
    (folder / 'protocols/evaluation.json').write_text(json.dumps([dict(
        protocol='vit_finetune', metrics={'accuracy/top1': 51., 'data_time': .1})]))
    run_tool(monkeypatch, TOOL, *command, '--protocols', 'vit_finetune=folder/vit_finetune.py')
    assert cells(tmp_path / 'study.md')['mae_7e'][-2:] == ['45.0', '51.0']


@pytest.mark.parametrize('name, has_teacher', [('teacher_top-k_hints', True), ('mae', False)])
def test_options_reach_the_configs_that_have_the_field(name, has_teacher, tmp_path):
    tool = import_tool(TOOL.removesuffix('.py'))
    arguments = dict(
        data_root=tmp_path, coco=None, out=tmp_path / 'out',
        cfg_options={'model.teacher.model_name': 'local-dir:clip', 'optim_wrapper.optimizer.lr': 3})
    run = tool.Run(name, f'{ROOT}/configs/ccmim/guidance/{name}.py '
                   'optim_wrapper.optimizer.eps=1 load_from=seed_{seed}/epoch_5.pth',
                   5, tool.argparse.Namespace(**arguments))
    options = run._options()
    assert ('model.teacher.model_name=local-dir:clip' in options) == has_teacher
    assert {'randomness.seed=5', 'optim_wrapper.optimizer.lr=3', 'optim_wrapper.optimizer.eps=1',
            'load_from=seed_5/epoch_5.pth',
            f'train_dataloader.dataset.data_root={tmp_path}/train'} <= set(options)


@pytest.mark.parametrize('config, interval', [
    ('mae/vit-micro_folder-32.py', 1), ('mae/vit-s_images.py', None),
    ('mae/vit-s_images.py custom_hooks.0.interval=7', 7)])
def test_each_run_has_one_online_evaluation(config, interval, tmp_path):
    tool = import_tool(TOOL.removesuffix('.py'))
    args = tool.argparse.Namespace(data_root=tmp_path, out=tmp_path, cfg_options={})
    hook, = tool.Run('mae', f'{ROOT}/configs/{config}', 0, args).cfg.custom_hooks
    assert (hook.type, hook.get('interval')) == ('mmguided.OnlineEvaluationHook', interval)
