"""docs/your_images.md: the commands run, with smaller models and images."""
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from mmguided.registry import TRANSFORMS
from tests.helpers.colors import color_folders
from tests.helpers.paths import ROOT
from tests.helpers.tools import import_tool, run_tool, use_cpu
from tests.test_configs.test_images import METHODS
from tests.test_configs.test_readmes import read

PAGE = (ROOT / 'docs/your_images.md').read_text()
COMMANDS = [shlex.split(command)[1:]
            for block in re.findall(r'```bash\n(.*?)```', PAGE, re.S)
            for command in block.replace('\\\n', ' ').splitlines()]
SMALL = """
_base_ = ['{root}/configs/{method}/vit-s_images.py']
train_pipeline = [_base_.train_pipeline[0], dict(_base_.train_pipeline[1], scale=64),
                  *_base_.train_pipeline[2:]]
model = dict(
    backbone=dict(arch='tiny', img_size=64), neck=dict(embed_dims=32, depth=1, num_heads=2))
train_dataloader = dict(batch_size=12, num_workers=0, dataset=dict(pipeline=train_pipeline))
optim_wrapper = dict(dtype='float32')
train_cfg = dict(max_epochs=1)
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the command of the page with this tool, or with this text, on the images in FOLDER; the
    configs are small, train for an epoch, and evaluate k-NN only."""
    use_cpu(monkeypatch)
    monkeypatch.chdir(tmp_path)
    color_folders(tmp_path / 'FOLDER', train=9, val=4)
    for method in ('mae', 'ccmim'):
        config = tmp_path / f'configs/{method}/vit-s_images.py'
        config.parent.mkdir(parents=True)
        config.write_text(SMALL.format(root=ROOT, method=method))
    for folder in ('benchmarks', '_base_'):
        (tmp_path / 'configs' / folder).symlink_to(ROOT / 'configs' / folder)

    def in_this_process(title, log, python, script, *words, threads):
        run_tool(monkeypatch, Path(script).name, *words)

    def __call__(text, *options, **changes):
        (script, *words), = (words for words in COMMANDS if text in ' '.join(words))
        changes |= {'epoch_400': 'epoch_1', 'vit_{knn,linear}': 'vit_knn'}
        for old, new in changes.items():
            words = [word.replace(old, new) for word in words]
        if 'evaluate' in script:
            tool = import_tool('evaluate')
            monkeypatch.setattr(tool, 'run_logged', in_this_process)
            monkeypatch.setattr('sys.argv', ['evaluate.py', *words, *options])
            tool.main()
        else:
            run_tool(monkeypatch, str(Path(script).relative_to('tools')), *words, *options)

    return __call__


def test_from_a_folder_to_features(run, capsys):
    """One slow test, because each command reads files of the commands before it."""
    run('dataset_stats')
    assert '| images | 27 |' in capsys.readouterr().out
    run('browse_pipeline', '--num-images', '2')
    assert Path('work_dirs/pipeline.png').stat().st_size
    run('train.py configs/ccmim')
    log, = Path('work_dirs/mine').glob('*/vis_data/scalars.json')
    last = json.loads(log.read_text().splitlines()[-1])
    assert {'online/knn_top1_k20', 'online/effective_rank'} <= last.keys()
    run('evaluate.py', '--cfg-options', 'model.ks=(10,20)')
    results = json.loads(Path('work_dirs/evaluation/evaluation.json').read_text())
    assert {result['checkpoint'] for result in results} == {'mine', 'untrained'}
    assert all(result['metrics']['knn/top1_k10'] > 50 for result in results)  # colors
    run('extract_features.py work', '--workers', '0')
    assert np.load('features/features.npy').shape == (27, 192)
    run('analyze.py', '--measures', 'attention_distance')
    assert Path('work_dirs/analysis/report.html').stat().st_size
    run('show_masks')
    assert Path('work_dirs/masks.png').stat().st_size

    run('train.py configs/mae', **{
        'work_dirs/mine': 'work_dirs/again', 'arch=base': 'arch=tiny',
        'timm:vit_base_patch16_224.mae': 'work_dirs/mine/epoch_1.pth'})
    log, = Path('work_dirs/again').glob('*/vis_data/scalars.json')
    first = json.loads(log.read_text().splitlines()[0])
    assert first['online/effective_rank'] == pytest.approx(last['online/effective_rank'])


def test_hours():
    """Images seen x FLOPs / (45 % of 250 TFLOP/s), for ViT-S and ViT-B."""
    lengths = re.findall(r'^\| ([\d,]+) \| (\d+)[^|]* \| (\d+) million \| ([\d,]+) \|$', PAGE, re.M)
    seen = []
    for images, epochs, millions, steps in lengths:
        images = int(images.replace(',', ''))
        seen.append(images * int(epochs))
        assert (int(millions) * 10**6, int(steps.replace(',', ''))) == (
            seen[-1], images // 256 * int(epochs))
    rows = re.findall(r'^\| `\w+`[^|]* \| ([\d.]+) / ([\d.]+) \| (.*) \|$', PAGE, re.M)
    assert len(seen) == 3 and len(rows) == 6
    for small, base, hours in rows:
        stated = [float(number) for cell in hours.split(' | ') for number in cell.split(' / ')]
        assert stated == pytest.approx([float(flops) * 1e9 * images / 112.5e12 / 3600
                                        for images in seen for flops in (small, base)], abs=.06)


@pytest.mark.parametrize('method', METHODS)
def test_options_of_the_augmentation(method):
    """Each option changes the transform that the page names."""
    options = re.findall(r'\| `--cfg-options (train_dataloader\.dataset\.pipeline\.\S+)`', PAGE)
    assert len(options) == 3
    if method == 'self_guided_mae':
        options = [option.replace('pipeline.1', 'pipeline.1.transforms.0').replace(
            'pipeline.2', 'pipeline.1.transforms.1') for option in options]
    none, both, crops = (
        pipeline[1].transforms if method == 'self_guided_mae' else pipeline[1:]
        for pipeline in (read(f'configs/{method}/vit-s_images.py', option)
                         .train_dataloader.dataset.pipeline for option in options))
    assert none[1] == dict(type='RandomFlip', prob=0, direction='horizontal')
    flips = TRANSFORMS.build(both[1])
    assert flips.direction == ['horizontal', 'vertical']
    crop = crops[0]
    assert (crop.type, crop.crop_ratio_range) == ('mmguided.RandomResizedCrop', (.5, 1.))
