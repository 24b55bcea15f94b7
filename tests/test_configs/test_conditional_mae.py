"""Conditional MAE's configs say what the paper says, and its study is the paper's grid."""
import argparse
import copy
import importlib.util
import re
import runpy
import shlex
import sys
from fractions import Fraction
from math import floor
from types import SimpleNamespace

import pytest
import torch
import yaml
from mmengine.config import Config
from PIL import Image

from mmguided.engine.runner_utils import add_common_arguments
from mmguided.registry import DATASETS, MODELS
from tests.helpers.paths import ROOT

FOLDER = ROOT / 'configs' / 'conditional_mae'
BEST = ((0, .75), (10, .1))
IN1K, IN100 = None, 'data/imagenet/subsets/imagenet100.txt'
# A.1: encoder, epochs, batch, warm-up, base lr per 256, classes; then shots and their weights.
RECIPES = {
    'vit-b_300e': ('base', 300, 4096, 40, 1.5e-4, IN1K, BEST, 'equal'),
    'vit-b_800e': ('base', 800, 4096, 40, 1e-5, IN1K, BEST, 'equal'),
    'vit-b_1600e': ('base', 1600, 4096, 40, 5e-6, IN1K, BEST, 'equal'),
    'vit-l_300e': ('large', 300, 1024, 30, 5e-6, IN1K, BEST, 'equal'),
    'vit-b_in100_300e': ('base', 300, 256, 40, 1.5e-4, IN100, BEST, 'equal'),
    'vit-s_in100_300e': ('small', 300, 256, 40, 1.5e-4, IN100, BEST, 'equal'),
    'vit-s_in100_three-shot_300e':
    ('small', 300, 256, 40, 1.5e-4, IN100, (*BEST, (11, .1)), 'equal'),
    'vit-s_in100_ratio-weights_300e':
    ('small', 300, 256, 40, 1.5e-4, IN100, ((0, .75), (10, .15)), 'ratio'),
}
README = (FOLDER / 'README.md').read_text()


def load(name):
    return Config.fromfile(str(FOLDER / f'{name}.py'))


def build_without_memory(cfg):
    with torch.device('meta'):
        return MODELS.build(cfg.model)


def differences(before, after):
    """Paths and new values of the fields in which two configs differ."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return {} if before == after else {'': after}
    return {
        f'{key}.{path}'.rstrip('.'): value
        for key in before.keys() | after.keys()
        for path, value in differences(before.get(key), after.get(key)).items()
    }


@pytest.fixture(scope='module')
def study():
    spec = importlib.util.spec_from_file_location('study', ROOT / 'tools/conditional_mae_study.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run(study, monkeypatch, capsys):
    """Runs the tool; gives the lines that it printed."""

    def call(*args):
        monkeypatch.setattr(sys, 'argv', ['conditional_mae_study.py', *map(str, args)])
        study.main()
        return capsys.readouterr().out.splitlines()

    return call


@pytest.mark.parametrize('name', RECIPES)
def test_recipe(name):
    arch, epochs, batch, warm, base_lr, classes, shots, weights = RECIPES[name]
    cfg = load(name)
    warmup, cosine = cfg.param_scheduler
    assert cfg.train_cfg.max_epochs == cosine.end == epochs
    assert (warmup.begin, warmup.end, cosine.begin, cosine.T_max) == (0, warm, warm, epochs - warm)
    assert (warmup.type, cosine.type, cosine.eta_min) == ('LinearLR', 'CosineAnnealingLR', 0.)
    assert cfg.train_dataloader.batch_size * 8 == cfg.auto_scale_lr.base_batch_size == batch
    adamw = cfg.optim_wrapper.optimizer
    assert adamw.lr == pytest.approx(base_lr * batch / 256)
    assert (adamw.type, adamw.betas, adamw.weight_decay) == ('AdamW', (.9, .95), .05)
    assert 'clip_grad' not in cfg.optim_wrapper
    assert cfg.train_dataloader.dataset.get('classes') == classes
    steps = [(t.type, t.get('scale')) for t in cfg.train_dataloader.dataset.pipeline]
    assert steps == [
        ('LoadImageFromFile', None), ('RandomResizedCrop', 224), ('PackInputs', None)]
    model = cfg.model
    assert model.backbone.arch == arch
    assert model.mask_generator == dict(type='mmguided.MultiShotMaskGenerator', shots=shots)
    assert model.get('shot_weights', 'equal') == weights
    assert (model.neck.embed_dims, model.neck.depth, model.neck.num_heads) == (512, 8, 16)
    assert model.target_generator.norm_pix


@pytest.mark.parametrize('name', RECIPES)
def test_docstring_holds_the_command_hardware_and_the_papers_number(name):
    doc = (FOLDER / f'{name}.py').read_text().split('"""')[1]
    assert f'tools/dist_train.sh configs/conditional_mae/{name}.py 8' in doc
    assert f'Hardware: 8 GPUs, {RECIPES[name][2] // 8} images each' in doc
    assert f'total batch {RECIPES[name][2]};' in doc
    assert 'The paper\'s number' in doc and 'Ours: not measured' in doc


@pytest.mark.parametrize('name', RECIPES)
def test_model_builds_with_fitting_widths(name):
    model = build_without_memory(load(name))
    width, depth = dict(small=(384, 12), base=(768, 12), large=(1024, 24))[RECIPES[name][0]]
    assert (model.backbone.embed_dims, model.backbone.num_layers) == (width, depth)
    assert model.neck.decoder_embed.in_features == width
    assert model.neck.decoder_pred.out_features == model.target_generator.dims == 768
    assert model.mask_generator.layers == [layer for layer, _ in RECIPES[name][-2]]


def test_every_config_is_checked_and_in_readme_and_metafile():
    names = {path.stem for path in FOLDER.glob('*.py')}
    assert names - set(RECIPES) == {
        'vit-micro_folder-32', 'swin-b_one-shot_100e', 'swin-b_two-shot_100e',
        'convnextv2-b_one-shot_800e', 'convnextv2-b_two-shot_800e'}
    assert [name for name in names if f'({name}.py)' not in README] == []
    models = yaml.safe_load((FOLDER / 'metafile.yml').read_text())['Models']
    assert {model['Config'] for model in models} == {
        f'configs/conditional_mae/{name}.py' for name in names - {'vit-micro_folder-32'}}
    for model in models:
        cfg = Config.fromfile(str(ROOT / model['Config']))
        assert model['Metadata']['Epochs'] == cfg.train_cfg.max_epochs
        batch = cfg.auto_scale_lr.base_batch_size * cfg.optim_wrapper.get('accumulative_counts', 1)
        assert model['Metadata']['Batch Size'] == batch
        subset = 'classes' in cfg.train_dataloader.dataset
        assert (model['Metadata']['Training Data'] == 'ImageNet-100') == subset


def test_the_micro_config_steps():
    """64 patches: 48 masked before the first block, 2 of 16 before the last."""
    cfg = load('vit-micro_folder-32')
    model = MODELS.build(cfg.model)
    model.init_weights()
    losses = model.loss(torch.randn(2, 3, 32, 32))
    first, second = losses['error_shot_1'], losses['error_shot_2']
    loss = losses['loss_reconstruction'].detach()
    torch.testing.assert_close(loss, (48 * first + 2 * second) / 50)
    # An untrained decoder predicts about 0 for targets of mean 0 and variance 1 (norm_pix).
    assert .5 < loss < 2
    knn = Config.fromfile(str(ROOT / 'configs/benchmarks/folder/vit-micro_knn.py')).model.backbone
    assert all(model.state_dict()[f'backbone.{key}'].shape == value.shape
               for key, value in MODELS.build(knn).state_dict().items())


def test_the_study_is_the_papers_grid(study):
    """Sec. 3.1.1, 3.1.2 and A.3.1, Tables 1, 3, 4 and 7, footnote 6, each setting once."""
    cells = list(study.cells())
    assert len({cell.name for cell in cells}) == len(cells)
    grid = {(c.encoder, c.shots) for c in cells if c.shot_weights == 'equal'}

    def shots(count, encoder='vit-s'):
        return {found for name, found in grid if name == encoder and len(found) == count}

    assert shots(1) == {((layer, ratio), ) for layer in (0, 3, 6, 9) for ratio in (.75, .9)} | {
        ((0, .775), ), ((0, .905), )}
    assert shots(1, 'vit-b') == {((0, .75), ), ((0, .9), )}
    assert shots(2) == {
        ((0, first), (layer, second)) for first in (.75, .9) for layer in (3, 6, 9, 10, 11)
        for second in (.5, .25, .15, .1, .05) if first == .9 or second != .05}
    assert shots(2, 'vit-b') == {BEST, ((0, .75), (10, .15)), ((0, .75), (11, .1))}
    assert len(shots(3)) == 20 and not shots(3, 'vit-b')
    weighted = {(c.encoder, c.shots) for c in cells if c.shot_weights == 'ratio'}
    assert weighted == {
        ('vit-s', ((0, .75), (10, .15))), ('vit-s', ((0, .9), (10, .1)))}


def test_the_papers_numbers(study):
    """As printed: one row for each number of the tables and of the text."""
    told = {}
    for cell in study.cells():
        if (cell.linear, cell.fine_tuned) != (None, None):
            key = cell.encoder[-1], cell.notation, cell.shot_weights
            told[key] = (cell.linear, cell.fine_tuned)
    three_shots = {
        'L(0,4,8;.5,.5,.5)': 66.42,
        'L(0,5,10;.5,.5,.5)': 67.2,
        'L(0,5,10;.75,.25,.25)': 73.5,
        'L(0,5,10;.75,.25,.1)': 77.7,
        'L(0,5,10;.75,.1,.1)': 80.9,
        'L(0,6,11;.75,.25,.1)': 77.7,
        'L(0,6,11;.75,.1,.1)': 80.9,
        'L(0,3,6;.5,.5,.5)': 64.1,
        'L(0,3,6;.75,.25,.1)': 77.1,
        'L(0,3,6;.75,.1,.1)': 80.5,
        'L(0,2,4;.75,.1,.1)': 80.3,
        'L(0,1,2;.75,.1,.1)': 81.4,
        'L(0,3,10;.5,.5,.5)': 64.7,
        'L(0,3,10;.75,.25,.1)': 78.1,
        'L(0,3,10;.75,.1,.1)': 81.3,
        'L(0,2,10;.75,.1,.1)': 81.4,
        'L(0,9,10;.75,.1,.1)': 81.7,
        'L(0,8,10;.75,.1,.1)': 81.6,
    }
    assert told == {
        ('s', 'L(0;.75)', 'equal'): (45., 82.5),
        ('s', 'L(0;.9)', 'equal'): (44.9, 81.3),
        ('s', 'L(0;.775)', 'equal'): (None, 83.2),
        ('s', 'L(0;.905)', 'equal'): (None, 81.1),
        ('b', 'L(0;.75)', 'equal'): (62.9, 86.88),
        ('b', 'L(0;.9)', 'equal'): (57.9, 85.6),
        ('s', 'L(0,10;.75,.1)', 'equal'): (None, 84.6),
        ('s', 'L(0,10;.75,.15)', 'equal'): (31., 83.9),
        ('s', 'L(0,10;.75,.15)', 'ratio'): (35.2, 83.9),
        ('s', 'L(0,10;.9,.1)', 'equal'): (35.5, 81.9),
        ('s', 'L(0,10;.9,.1)', 'ratio'): (36.3, 82.),
        ('s', 'L(0,10;.9,.05)', 'equal'): (None, 82.1),
        ('b', 'L(0,10;.75,.1)', 'equal'): (None, 87.66),
        ('b', 'L(0,10;.75,.15)', 'equal'): (None, 87.46),
        ('b', 'L(0,11;.75,.1)', 'equal'): (None, 87.26),
        ('s', 'L(0,1,10;.75,.1,.1)', 'equal'): (31., 81.8),
        ('s', 'L(0,10,11;.75,.1,.1)', 'equal'): (29.6, 81.9),
        **{('s', notation, 'equal'): (None, number) for notation, number in three_shots.items()},
    }


def test_every_cell_masks_as_many_patches_as_its_ratios_say(study):
    encoder, left = SimpleNamespace(num_layers=12), {}
    for cell in study.cells():
        masks = MODELS.build(dict(type='mmguided.MultiShotMaskGenerator', shots=cell.shots))
        masks.check(dict(student=encoder), (14, 14))
        mask, _ = masks(torch.zeros(2, 3, 8, 8), (14, 14))
        tokens, expected = 196, []
        for _, ratio in cell.shots:
            before, tokens = tokens, floor(tokens * (1 - Fraction(str(ratio))))
            expected.append([before - tokens] * 2)
        assert [mask.num_present(layer) for layer, _ in cell.shots][-1] == tokens
        assert [(mask.shot == i).sum(1).tolist()
                for i in range(1, 1 + len(cell.shots))] == expected, cell
        left[cell.notation] = [mask.num_present(layer) for layer in (0, 9, 10, 11)]
    assert left['L(0,10;.75,.1)'] == [49, 49, 44, 44]
    assert left['L(0,10,11;.75,.1,.1)'] == [49, 49, 44, 39]
    assert left['L(9;.9)'] == [196, 19, 19, 19]
    # Footnote 6: these pairs retain the same number of tokens.
    assert left['L(0;.775)'][-1] == 44
    assert left['L(0;.905)'][-1] == left['L(0,10;.9,.05)'][-1] == 18


def test_the_printed_commands_are_those_cells_and_change_nothing_else(study, run):
    parser = argparse.ArgumentParser()
    parser.add_argument('config')
    parser.add_argument('gpus')
    add_common_arguments(parser)
    paths = [f'configs/conditional_mae/{size}_in100_300e.py' for size in ('vit-s', 'vit-b')]
    configs = {path: Config.fromfile(str(ROOT / path)) for path in paths}
    cells, (_, *lines) = list(study.cells()), run()
    assert len(lines) == len(cells)
    for cell, line in zip(cells, lines, strict=True):
        script, *words = shlex.split(line[line.index('tools/'):])
        args = parser.parse_args(words)
        assert (script, args.gpus) == ('tools/dist_train.sh', '8')
        assert args.config == f'configs/conditional_mae/{cell.encoder}_in100_300e.py'
        assert args.work_dir == f'work_dirs/conditional_mae/{cell.name}'
        before = configs[args.config]
        after = copy.deepcopy(before)
        after.merge_from_dict(args.cfg_options)
        assert after.model.mask_generator.shots == cell.shots
        assert after.model.get('shot_weights', 'equal') == cell.shot_weights
        assert differences(before.to_dict(), after.to_dict()).keys() <= {
            'model.mask_generator.shots', 'model.shot_weights'}
        numbers = [number for number in (cell.linear, cell.fine_tuned) if number]
        assert all(f' {number} ' in line for number in numbers)
        assert cell.notation in line.split()


def test_written_configs_are_those_cells_and_change_nothing_else(study, run, tmp_path):
    folder = tmp_path / 'new' / 'folder'
    assert run('--write', folder) == [f'82 configs written to {folder}']
    for cell in study.cells():
        written = runpy.run_path(str(folder / f'{cell.name}.py'))
        base, = written['_base_']
        assert (folder / base).samefile(FOLDER / f'{cell.encoder}_in100_300e.py')
        weights = {} if cell.shot_weights == 'equal' else dict(shot_weights='ratio')
        assert written['model'] == dict(mask_generator=dict(shots=cell.shots), **weights)
    assert len(list(folder.iterdir())) == 82

    for name, shots in (('vit-b_0_0.9', ((0, .9), )),
                        ('vit-s_0-10_0.9-0.1_ratio-weights', ((0, .9), (10, .1)))):
        cfg = Config.fromfile(str(folder / f'{name}.py'))
        changed = {'model.mask_generator.shots': shots}
        if 'ratio' in name:
            changed['model.shot_weights'] = 'ratio'
        base = load(f'{name[:5]}_in100_300e')
        assert differences(base.to_dict(), cfg.to_dict()) == changed
        assert build_without_memory(cfg).mask_generator.mask_ratios == [r for _, r in shots]


def test_cells_by_name(run, capsys):
    _, *lines = run('--only', 'vit-b_0-*')
    assert [line.split()[0] for line in lines] == [
        'vit-b_0-10_0.75-0.1', 'vit-b_0-10_0.75-0.15', 'vit-b_0-11_0.75-0.1']
    with pytest.raises(SystemExit):
        run('--only', 'vit-l_*')
    assert '--only vit-l_*: no such name' in capsys.readouterr().err


def test_the_readmes_fine_tuning_on_imagenet_100(tmp_path):
    """A.1: batch 256, 100 epochs, 5 of warm-up, drop path .1, layer decay .65; a class that is not
    in the list is in neither split."""
    block, = re.findall(r'```python\n(.*?)```', README, re.S)
    path = tmp_path / 'finetune.py'
    path.write_text(block.replace("'configs/", f"'{ROOT}/configs/"))
    cfg = Config.fromfile(str(path))
    assert cfg.train_dataloader.batch_size * 8 == cfg.auto_scale_lr.base_batch_size == 256
    assert cfg.optim_wrapper.optimizer.lr == 5e-4
    assert cfg.optim_wrapper.optimizer.weight_decay == .05
    assert cfg.optim_wrapper.paramwise_cfg.layer_decay_rate == .65
    assert cfg.model.backbone.drop_path_rate == .1
    assert (cfg.train_cfg.max_epochs, cfg.param_scheduler[0].end) == (100, 5)
    model = build_without_memory(cfg)
    assert model.head.fc.out_features == model.data_preprocessor.num_classes == 100
    assert model.head.fc.in_features == model.backbone.embed_dims == 384

    for split in ('train', 'val'):
        for name in 'abc':
            image = tmp_path / split / name / 'x.png'
            image.parent.mkdir(parents=True)
            Image.new('RGB', (40, 40)).save(image)
    (tmp_path / 'classes.txt').write_text('a\nc\n')
    sizes = []
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.dataset.update(data_root=str(tmp_path), classes=str(tmp_path / 'classes.txt'))
        dataset = DATASETS.build(loader.dataset)
        samples = [dataset[i] for i in range(len(dataset))]
        assert [sample['data_samples'].gt_label.item() for sample in samples] == [0, 1]
        sizes += [sample['inputs'].shape for sample in samples]
        assert dataset.test_mode == (loader is not cfg.train_dataloader)
    assert sizes == [(3, 224, 224)] * 6


def test_the_readmes_guided_shot():
    """Of the tokens present, those that [CLS] attends to most are masked."""
    shot = eval(re.search(r'`(dict\(layer=10.*?)`', ' '.join(README.split()))[1])
    cfg = load('vit-s_in100_300e')
    cfg.model.mask_generator.shots = ((0, .75), shot)
    mask, log_vars = MODELS.build(cfg.model).make_mask(torch.randn(1, 3, 224, 224))
    assert [mask.num_present(layer) for layer in (0, 9, 10)] == [49, 49, 44]
    assert log_vars['topk_overlap_shot_2'] == log_vars['guided_share_shot_2'] == 1
