"""Robustness curves of classifiers with known accuracy, and equal to Runner.test."""
import numpy as np
import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from PIL import Image

from mmguided.evaluation import chance_level, robustness_curves, robustness_table, summarize_levels
from mmguided.utils.errors import ConfigError
from tests.helpers.colors import color_folders, small
from tests.helpers.processes import in_processes


class Checksum(BaseModel):
    """A changed or moved pixel changes the prediction in two of three cases."""

    def __init__(self):
        super().__init__(data_preprocessor=dict(type='ClsDataPreprocessor', to_rgb=True))
        self.calls = 0

    def test_step(self, data):
        self.calls += 1
        return super().test_step(data)

    def forward(self, inputs, data_samples, mode):
        weights = torch.arange(1., 1 + inputs[0].numel()).view_as(inputs[0]).square() % 101
        for sample, pixels in zip(data_samples, inputs, strict=True):
            sample.set_pred_label((weights * pixels).sum().long() % 3)
        return data_samples


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    return color_folders(tmp_path_factory.mktemp('colors'), train=3, val=6)


@pytest.fixture
def config(folders, tmp_path):
    cfg = small('folder/vit_finetune.py', folders, tmp_path)
    cfg.model.head.update(num_classes=3, in_channels=32)
    cfg.model.data_preprocessor.num_classes = 3
    return cfg


def curves(loader, model=None, **options):
    """``top1`` by perturbation, level and seed."""
    options = dict(occlusion=(), shuffle=(), patch_size=8) | options
    rows = robustness_curves(model or Checksum(), loader, **options)
    found = {(row['perturbation'], row['level'], row['seed']): row['top1'] for row in rows}
    assert len(found) == len(rows)
    return found


def test_chance_level_is_the_share_of_the_largest_class(config):
    loader = config.test_dataloader
    loader.dataset.indices = [0, 6, 7, 8, 12]  # one blue, three green, one red
    assert chance_level(Runner.build_dataloader(loader).dataset) == pytest.approx(60)
    loader.dataset.update(with_label=False)
    with pytest.raises(ConfigError, match="test_dataloader.dataset: .*'gt_label'"):
        chance_level(Runner.build_dataloader(loader).dataset)


@pytest.fixture
def patterns(config, tmp_path):
    """A dataloader of 45 images of random blocks."""
    for i in range(45):
        blocks = np.random.default_rng(i).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        path = tmp_path / f'patterns/val/{i % 3}/{i}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(blocks.repeat(4, 0).repeat(4, 1)).save(path)
    config.test_dataloader.dataset.data_root = str(tmp_path / 'patterns')
    return config.test_dataloader


def test_curves_equal_transforms_in_a_test_pipeline(patterns, tmp_path):
    found = curves(patterns, occlusion=(0, .25), shuffle=(1, 2, 8), seeds=(1, ))
    assert len(set(found.values())) > 2
    load, resize, crop, pack = patterns.dataset.pipeline
    for transforms, key in (
            ([], ('occlusion', 0, None)), ([], ('shuffle', 1, None)),
            ([dict(type='mmguided.RandomPatchOcclusion', ratio=.25, patch_size=8, seed=1)],
             ('occlusion', .25, 1)),
            ([dict(type='mmguided.PatchShuffle', grid=2, seed=1)], ('shuffle', 2, 1)),
            ([dict(type='mmguided.PatchShuffle', grid=8, seed=1)], ('shuffle', 8, 1))):
        patterns.dataset.pipeline = [load, resize, crop, *transforms, pack]
        runner = Runner(Checksum(), str(tmp_path), test_dataloader=patterns, test_cfg={},
                        test_evaluator=dict(type='Accuracy'), default_scope='mmpretrain')
        assert runner.test() == {'accuracy/top1': found[key]}


def test_workers_batches_order_and_collation_do_not_matter(patterns):
    levels = dict(occlusion=(0, .5), shuffle=(4, ), seeds=(0, 1))
    expected = curves(patterns, **levels)
    assert len(set(expected.values())) > 2
    patterns.update(num_workers=2, batch_size=7)
    assert curves(patterns, **levels) == expected
    patterns.update(num_workers=0, collate_fn=dict(type='pseudo_collate'))
    patterns.sampler.update(shuffle=True)
    assert curves(patterns, **levels) == expected


def test_two_processes_equal_one(patterns, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # MMEngine collects results below the working directory
    monkeypatch.setenv('LOCAL_RANK', '0')
    levels = dict(occlusion=(0, .5), shuffle=(4, ), seeds=(0, ))

    def run():
        model = Checksum()
        return curves(patterns, model, **levels), model.calls

    # 23 of 45 images for each process, in batches of 4, at 3 levels.
    expected = curves(patterns, **levels), 3 * 6
    assert in_processes(run, tmp_path) == [expected, expected]


def test_clean_and_done_rows_are_computed_once(config):
    """18 images are 5 batches."""
    model, loader = Checksum(), config.test_dataloader
    done = robustness_curves(model, loader, (0, .5), (1, ), seeds=(0, 0), patch_size=8)
    assert model.calls == 2 * 5
    done[1]['top1'] = 12.5
    more = robustness_curves(model, loader, (0, .5), (1, 2), (0, 1), 8, done)
    assert model.calls == (2 + 3) * 5
    assert more[:3] == done and [tuple(row.values())[:3] for row in more[3:]] == [
        ('occlusion', .5, 1), ('shuffle', 2, 0), ('shuffle', 2, 1)]
    # Clean images of the other perturbation have the same accuracy.
    clean = robustness_curves(model, loader, (), (1, ), (0, ), 8, done[:1])
    assert clean[1] == dict(done[0], perturbation='shuffle', level=1) and model.calls == 25


@pytest.mark.parametrize('change, options, message', [
    ({}, dict(occlusion=(0, 1.5)), r'ratio=1\.5:'), ({}, dict(shuffle=(1, 3)), 'grid=3:'),
    ({}, dict(occlusion=(.5, ), patch_size=5), 'patch_size=5:'),
    (dict(with_label=False), dict(shuffle=(2, )), "test_dataloader.dataset: .*'gt_label'")])
def test_errors_before_the_first_prediction(config, change, options, message):
    config.test_dataloader.dataset.update(change)
    model = Checksum()
    with pytest.raises(ConfigError, match=message):
        curves(config.test_dataloader, model, **options)
    assert model.calls == 0


def test_mean_and_sample_standard_deviation():
    mae, mine = ([dict(zip(('perturbation', 'level', 'seed', 'top1'), row, strict=True))
                  for row in rows] for rows in (
        [('shuffle', 2, 0, 30.), ('occlusion', .5, 0, 60.), ('occlusion', 0, None, 80.),
         ('occlusion', .5, 1, 62.), ('occlusion', .5, 2, 67.), ('shuffle', 1, None, 80.)],
        [('shuffle', 4, 0, 10.04)]))
    assert list(summarize_levels(mae).items()) == [
        (('occlusion', 0), (80, None)),
        (('occlusion', .5), (63, pytest.approx(13**.5))),  # (9 + 1 + 16) / 2
        (('shuffle', 1), (80, None)),
        (('shuffle', 2), (30, None))]
    assert robustness_table(dict(mae=mae, mine=mine)).splitlines() == [
        '| images | mae | mine |',
        '| --- | --- | --- |',
        '| clean | 80.0 | - |',
        '| 50 % of the patches occluded | 63.0 ± 3.6 | - |',
        '| 2 x 2 cells shuffled | 30.0 | - |',
        '| 4 x 4 cells shuffled | - | 10.0 |']
