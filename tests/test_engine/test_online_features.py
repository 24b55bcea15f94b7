"""Online evaluation and linear probe: training is unaffected; two ranks equal one."""
import json
import re

import pytest
import torch
from torch import nn

from mmguided.evaluation import image_features
from mmguided.utils.modules import eval_mode
from tests.helpers.colors import color_folders
from tests.helpers.online import METHODS, assert_equal, assert_trained_alike, train, values
from tests.helpers.paths import ROOT
from tests.helpers.processes import in_processes, kill_workers

KNN, RANK, TRAIN, VAL = (f'online/{name}' for name in (
    'knn_top1_k3', 'effective_rank', 'linear_train_top1', 'linear_val_top1'))


@pytest.fixture(scope='module')
def colors(tmp_path_factory):
    """8 images of each of three colors; 4 for validation, one of them with a wrong label."""
    return color_folders(tmp_path_factory.mktemp('colors'), train=8, val=4)


def hooks(colors, **options):
    val = dict(type='mmguided.ImageFolder', data_root=str(colors / 'val'))
    return [dict(type='mmguided.OnlineLinearProbeHook', interval=1, val_dataset=val),
            dict(type='mmguided.OnlineEvaluationHook', interval=1, val_dataset=val, ks=(3, ),
                 **options)]


@pytest.mark.parametrize('method, workers', [*((name, 0) for name in METHODS), ('cmae', 1)])
def test_training_is_unaffected(colors, tmp_path, method, workers):
    """Weights, statistics, losses and RNG states are equal bit for bit. k-NN is right except for
    the image with the wrong label."""
    loader = {'train_dataloader.num_workers': workers}
    watched = train(method, colors, tmp_path / 'a', hooks(colors), **loader)
    assert_trained_alike(watched, train(method, colors, tmp_path / 'b', **loader))
    assert watched.model.latent_readers == []
    assert [step for step, _ in values(watched, TRAIN)] == [1, 2, 3, 4]
    assert [step for step, _ in values(watched, VAL)] == [2, 4]
    knn, rank = values(watched, KNN), values(watched, RANK)
    assert [step for step, _ in knn] == [step for step, _ in rank] == [0, 2, 4]
    assert [value for _, value in knn] == pytest.approx([100 * 11 / 12] * 3, rel=1e-4)
    assert all(1 < value < 16 for _, value in rank) and len({value for _, value in rank}) == 3


def test_a_signal_to_the_workers_does_not_end_the_pass(colors, tmp_path, monkeypatch):
    """Slurm and torchrun signal the workers, too."""

    def signalled(*args):
        kill_workers()
        return image_features(*args)

    monkeypatch.setattr('mmguided.engine.online_features.image_features', signalled)
    runner = train('mae', colors, tmp_path / 'run', hooks(colors)[1:], epochs=1, **{
        'train_dataloader.num_workers': 1})
    assert [step for step, _ in values(runner, KNN)] == [0, 2]


def test_the_documented_hooks_run(tmp_path):
    folder = color_folders(tmp_path / 'colors', train=10, val=1)
    page = (ROOT / 'docs/variants.md').read_text()
    lines, = re.findall(r'```python\n(custom_hooks = .*?)```', page, re.DOTALL)
    names = {}
    exec(lines, names)
    runner = train('ccmim', folder, tmp_path / 'run', names['custom_hooks'], epochs=1)
    for name in ('online/knn_top1_k20', RANK):
        assert f'`{name}`' in page and [step for step, _ in values(runner, name)] == [0, 2]
    for name in (TRAIN, VAL):
        assert f'`{name}`' in page and [step for step, _ in values(runner, name)] == (
            [1, 2] if name == TRAIN else [])


def test_two_ranks_equal_one(colors, tmp_path):
    """Before the first epoch, on 11 images, one of which is extracted twice. Both ranks train the
    same probe, although the encoders differ without DistributedDataParallel."""

    def run():
        runner = train('ccmim', colors, tmp_path / 'two', hooks(colors, num_images=11), epochs=1,
                       experiment_name='two', **{'train_dataloader.batch_size': 6})
        probe = next(hook for hook in runner.hooks if hasattr(hook, '_probe'))._probe
        return dict(probe=probe.state_dict(), optimizer=probe.optimizer.state_dict(),
                    weights=runner.model.backbone.state_dict())

    first, second = in_processes(run, tmp_path)
    alone = train('ccmim', colors, tmp_path / 'one', hooks(colors, num_images=11), epochs=1)
    weights = first.pop('weights')['layers.1.attn.qkv.weight']
    assert not torch.equal(weights, second.pop('weights')['layers.1.attn.qkv.weight'])
    assert_equal(first, second)
    assert first['probe']['norm.num_batches_tracked'] == 2
    path, = (tmp_path / 'two').glob('*/vis_data/scalars.json')
    points = [row for row in map(json.loads, path.read_text().splitlines()) if RANK in row]
    assert [row['step'] for row in points] == [0, 2]
    assert points[0][KNN] == pytest.approx(values(alone, KNN)[0][1])
    assert points[0][RANK] == pytest.approx(values(alone, RANK)[0][1], rel=1e-4)


def test_eval_mode_restores_the_mode_of_each_module():
    module = nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1))
    module[1].eval()  # frozen
    with pytest.raises(KeyError), eval_mode(module):
        assert not any(part.training for part in module.modules())
        raise KeyError
    assert [part.training for part in module.modules()] == [True, True, False]
