"""evaluate.py: numbers equal to those of the tools, finished runs are skipped, and the table."""
import json
import shutil
from pathlib import Path

import pytest
import torch

from mmguided.utils.errors import ConfigError
from tests.helpers.benchmarks import save_encoder
from tests.helpers.colors import ARCH, CONFIGS, color_folders
from tests.helpers.paths import ROOT
from tests.helpers.tools import error_of_tool, import_tool, run_tool, use_cpu

LOADER = 'batch_size=4, num_workers=0'


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Colors in data/, two encoders of different size, and two protocols that fit both."""
    root = tmp_path_factory.mktemp('evaluate')
    color_folders(root / 'data', train=8, val=6)
    torch.manual_seed(0)
    for name, size, patch in (('a', 32, 8), ('b', 48, 16)):
        save_encoder(dict(type='mmguided.MaskedViT', arch=ARCH, img_size=size, patch_size=patch),
                     root / f'{name}.pth')
    (root / 'colors').mkdir()
    (root / 'colors/knn.py').write_text(
        f"_base_ = ['{CONFIGS}/folder/vit_knn.py']\n"
        f'model = dict(ks=(3, ), bank_dataloader=dict({LOADER}))\n'
        f'test_dataloader = dict({LOADER})\n')
    (root / 'colors/linear.py').write_text(
        f"_base_ = ['{CONFIGS}/folder/vit_linear.py']\n"
        f'train_dataloader = val_dataloader = test_dataloader = dict({LOADER})\n'
        'train_cfg = dict(max_epochs=2, val_interval=2)\n')
    return root


@pytest.fixture
def evaluate(folder, tmp_path, monkeypatch):
    """Run the tool and its sub-tools in this process; return the names of the latter and the
    results."""
    use_cpu(monkeypatch)
    tool = import_tool('evaluate')

    def __call__(*args, protocols=('knn', 'linear'), data='data'):
        done = []

        def in_this_process(title, log, python, script, *arguments, threads):
            done.append(f'{Path(script).stem}: {title}')
            run_tool(monkeypatch, str(Path(script).relative_to(ROOT / 'tools')), *arguments)

        monkeypatch.setattr(tool, 'run_logged', in_this_process)
        monkeypatch.setattr('sys.argv', ['evaluate.py', *args, '--data-root', f'{folder}/{data}',
                                         '--out', str(tmp_path / 'out'), '--protocols',
                                         *(f'{folder}/colors/{name}.py' for name in protocols)])
        tool.main()
        return sorted(done), json.loads((tmp_path / 'out/evaluation.json').read_text())

    return __call__


def cells(path):
    return [[cell.strip() for cell in line.split('|')[1:-1]]
            for line in path.read_text().splitlines()]


def test_its_numbers_are_those_of_the_tools(evaluate, folder, tmp_path, monkeypatch):
    """A protocol that is added later runs alone."""
    a = f'a={folder}/a.pth'
    done, results = evaluate(a, protocols=['knn'])
    assert done == ['test: a, colors/knn, seed 0']
    run_tool(monkeypatch, 'test.py', f'{folder}/colors/knn.py', f'{folder}/a.pth', '--data-root',
             folder / 'data', '--work-dir', tmp_path / 'own', '--out-item', 'metrics', '--out',
             tmp_path / 'own.json')
    own = dict(samples=18, chance=pytest.approx(100 / 3))
    assert results[0]['metrics'] | own == json.loads((tmp_path / 'own.json').read_text())

    done, results = evaluate(a)
    assert done == ['test: a, colors/linear, seed 0', 'train: a, colors/linear, seed 0']
    trained = tmp_path / 'out/a/colors/linear/seed_0/epoch_2.pth'
    run_tool(monkeypatch, 'test.py', f'{folder}/colors/linear.py', trained, '--data-root',
             folder / 'data', '--work-dir', tmp_path / 'own', '--out-item', 'metrics', '--out',
             tmp_path / 'own.json')
    assert results[1]['metrics'] | own == json.loads((tmp_path / 'own.json').read_text())
    # The probe started from this encoder and did not change it.
    weights = torch.load(trained, weights_only=False)['state_dict']
    for name, value in torch.load(folder / 'a.pth')['state_dict'].items():
        assert name == 'neck.mask_token' or torch.equal(weights[name], value), name
    assert evaluate(a) == ([], results)


def test_a_trained_classifier_on_perturbed_images(evaluate, folder, tmp_path, monkeypatch):
    """Fully occluded images give chance. Levels that are added later use the same classifier."""
    a = f'a={folder}/a.pth'
    _, results = evaluate(a, '--occlusion', '0', '1')
    knn, linear = (result['metrics'] for result in results)
    assert not any('occlusion' in metric for metric in knn)
    assert linear['occlusion 0'] == linear['accuracy/top1'] > 60
    assert linear['occlusion 1'] == pytest.approx(100 / 3)
    assert results[1]['samples'] == 18 and results[1]['chance'] == pytest.approx(100 / 3)
    done, results = evaluate(a, '--occlusion', '0', '1', '--shuffle', '2', 'patches')
    assert done == ['robustness: a, colors/linear, seed 0']
    assert results[1]['metrics'].items() > linear.items()
    assert results[1]['metrics']['shuffle 2'] > 60
    assert 'shuffle 4' not in results[1]['metrics']  # 4 x 4 patches
    _, results = evaluate(a, '--shuffle', '4')
    assert results[1]['metrics']['shuffle patches'] == results[1]['metrics']['shuffle 4']
    # Without a class, the labels of the later classes would be smaller.
    shutil.copytree(folder / 'data', tmp_path / 'fewer')
    shutil.rmtree(tmp_path / 'fewer/val/blue')
    linear = folder / 'colors/linear.py', tmp_path / 'out/a/colors/linear/seed_0/epoch_2.pth'
    for tool, args in (('test.py', ()), ('analysis_tools/robustness.py', ('--occlusion', '0'))):
        error = error_of_tool(monkeypatch, tool, *linear, *args, '--data-root', tmp_path / 'fewer')
        assert "the checkpoint was trained on (blue)" in error


def test_the_table(tmp_path):
    """Means over seeds and half of the range; only the main metrics of COCO. The standard error of
    51 % on 400 images is sqrt(51 * 49 / 400) = 2.50."""
    about = dict(samples=400, chance=25.)
    results = [
        dict(checkpoint=name, protocol=protocol, seed=seed, metrics=metrics, **about)
        for name, protocol, seed, metrics, about in (
            ('a', 'x/ft', 0, {'accuracy/top1': 50., 'accuracy/top5': 90.}, about),
            ('a', 'x/ft', 1, {'accuracy/top1': 52., 'accuracy/top5': 91.}, about),
            ('untrained', 'x/ft', 0, {'accuracy/top1': 60., 'accuracy/top5': 92.}, about),
            ('untrained', 'x/coco', 0, {
                'coco/bbox_mAP': .5, 'coco/bbox_mAP_50': .6, 'coco/segm_mAP': .4},
             dict(samples=9, chance=None)),
            ('a', 'x/own', 0, {'own': 1.}, {}),
            # 100 % in float32, as mmpretrain computes it
            ('a', 'x/all', 0, {'accuracy/top1': 100.00000762939453}, about))]
    (tmp_path / 'table.md').write_text(import_tool('evaluate').table(results))
    assert cells(tmp_path / 'table.md')[0][3:] == [
        'test samples', 'chance', 'standard error', 'untrained', 'a']
    assert cells(tmp_path / 'table.md')[2:] == [
        ['`x/ft`', 'accuracy/top1', '0, 1', '400', '25.00', '2.50', '60.00', '51.00 ± 1.00'],
        ['`x/coco`', 'coco/bbox_mAP', '0', '9', '-', '-', '0.50', '-'],
        ['`x/coco`', 'coco/segm_mAP', '0', '9', '-', '-', '0.40', '-'],
        ['`x/own`', 'own', '0', '-', '-', '-', '-', '1.00'],
        ['`x/all`', 'accuracy/top1', '0', '400', '25.00', '0.00', '-', '100.00']]


def test_the_untrained_encoder_is_a_column(evaluate, folder, tmp_path):
    """Its size is that of the first checkpoint. A second call does not repeat it."""
    b = f'b={folder}/b.pth'
    done, results = evaluate(b, '--untrained', protocols=['knn'])
    assert done == ['test: b, colors/knn, seed 0', 'test: untrained, colors/knn, seed 0']
    trained, untrained = (torch.load(path)['state_dict'] for path in (
        folder / 'b.pth', tmp_path / 'out/untrained.pth'))
    names = [name for name in trained if name.startswith('backbone.')]
    assert [untrained[name].shape for name in names] == [trained[name].shape for name in names]
    assert not torch.equal(untrained['backbone.cls_token'], trained['backbone.cls_token'])
    assert cells(tmp_path / 'out/evaluation.md')[0][6:] == ['untrained', 'b']
    assert evaluate(b, '--untrained', protocols=['knn'], data='./data/') == ([], results)


def test_a_run_that_fails_does_not_stop_the_others(evaluate, folder, tmp_path):
    """Its error is raised at the end."""
    torch.save({'state_dict': {'backbone.ln1.weight': torch.ones(3)}}, tmp_path / 'broken.pth')
    with pytest.raises((ConfigError, SystemExit), match='contains no config'):
        evaluate(f'broken={tmp_path}/broken.pth', f'b={folder}/b.pth', protocols=['knn'])
    assert cells(tmp_path / 'out/evaluation.md')[0][6:] == ['b']


def test_results_of_other_settings_are_refused(evaluate, folder, tmp_path):
    """Also if the folder of the run has been deleted, and if the content of the protocol or the
    files of the data change."""
    a = f'a={folder}/a.pth'
    protocol = folder / 'colors/mine.py'
    protocol.write_text((folder / 'colors/knn.py').read_text())
    evaluate(a, protocols=['mine'])
    with pytest.raises(SystemExit, match='a, colors/mine, seed 0 .*sha256='):
        evaluate(f'a={folder}/b.pth', protocols=['mine'])
    with pytest.raises(SystemExit, match=r'model.temperature=0.07, now 1.0'):
        evaluate(a, '--cfg-options', 'model.temperature=1.', protocols=['mine'])
    protocol.write_text(protocol.read_text().replace('(3, )', '(5, )'))
    with pytest.raises(SystemExit, match=r'model.ks.0=3, now 5'):
        evaluate(a, protocols=['mine'])
    protocol.write_text((folder / 'colors/knn.py').read_text())
    evaluate(a, protocols=['mine'])
    added = folder / 'data/val/red/added.png'
    shutil.copy(folder / 'data/val/red/0.png', added)
    with pytest.raises(SystemExit, match='a, colors/mine, seed 0 .*files='):
        evaluate(a, protocols=['mine'])
    shutil.rmtree(tmp_path / 'out/a')
    with pytest.raises(SystemExit, match='a, colors/mine, seed 0 .*conditions='):
        evaluate(a, protocols=['mine'])
    added.unlink()


def test_results_that_a_table_would_compare_have_equal_settings(evaluate, folder):
    """Another checkpoint with other options, and other seeds of another checkpoint of this name."""
    evaluate(f'a={folder}/a.pth', protocols=['knn'])
    with pytest.raises(SystemExit, match='results of a, .*knn, seed 0 have another protocol'):
        evaluate(f'b={folder}/b.pth', '--cfg-options', 'model.temperature=1.', protocols=['knn'])
    with pytest.raises(SystemExit, match='results of a, .*knn, seed 0 have another checkpoint'):
        evaluate(f'a={folder}/b.pth', protocols=['linear'])


def test_options_of_one_protocol(folder):
    tool = import_tool('evaluate')
    args = tool.argparse.Namespace(
        cfg_options={'model.temperature': 1.}, data_root=None, occlusion=[], shuffle=[])
    for options, ks in (('', '3'), (' model.ks=(1,)', '1')):
        protocol = tool.Protocol('knn', f'{folder}/colors/knn.py{options}', args)
        assert protocol.config == f'{folder}/colors/knn.py'
        assert (protocol.settings['model.ks.0'], protocol.settings['model.temperature']) == (
            ks, '1.0')


def test_a_run_that_failed_starts_again_with_other_settings(evaluate, folder, tmp_path):
    for protocol in ('knn', 'linear'):
        with pytest.raises(SystemExit, match='missing'):
            evaluate(f'a={folder}/a.pth', protocols=[protocol], data='missing')
        done, results = evaluate(f'a={folder}/a.pth', protocols=[protocol])
        assert done and results[-1]['data_root'] == str(folder / 'data')


def test_a_file_that_was_cut_off_is_named(evaluate, folder, tmp_path):
    a = f'a={folder}/a.pth'
    done, results = evaluate(a, protocols=['knn'])
    record = tmp_path / 'out/evaluation.json'
    record.write_text(record.read_text()[:-9])
    with pytest.raises(SystemExit, match=f"^error: file='{record}': not a complete JSON file"):
        evaluate(a, protocols=['knn'])
    record.unlink()
    assert evaluate(a, protocols=['knn']) == ([], results)  # the folder has the metrics


@pytest.mark.parametrize('args, message', [
    (['{a}', '--protocols', '{knn}', '{knn}'], "'colors/knn'"),
    (['{a}', '--protocols', '{mae}'], "--protocols='{mae}'"),
    (['a b={b}', 'a_b={a}', '--protocols', '{knn}'], "NAME='a_b'"),
    (['..={a}', '--protocols', '{knn}'], "NAME='..'"),
    (['{a}', '--protocols', 'x/../y={knn}'], "NAME='x/../y'"),
    (['{a}', '--protocols', '/tmp/x={knn}'], "NAME='/tmp/x'"),
    (['untrained={a}', '--untrained', '--protocols', '{knn}'], '--untrained'),
    (['{a}', '--protocols', '{knn}', '--occlusion', '.5'], '--occlusion'),
    (['{a}', '--protocols', '{knn}', '--cfg-options', 'model.head.num_classes=3'],
     '--cfg-options model.head.num_classes'),
])
def test_errors_in_one_line_before_anything_runs(args, message, folder, tmp_path, monkeypatch):
    names = dict(knn=f'{folder}/colors/knn.py', mae=ROOT / 'configs/mae/vit-b_300e.py',
                 a=f'{folder}/a.pth', b=f'{folder}/b.pth')
    args, message = [arg.format(**names) for arg in args], message.format(**names)
    assert message in error_of_tool(monkeypatch, 'evaluate.py', *args, '--out', tmp_path / 'out')
