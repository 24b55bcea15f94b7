"""The vit-s_images configs: two steps on a folder, rates, schedules and labels."""
import json

import pytest

import tests.helpers.cmt_mae  # noqa: F401
from mmguided.structures import Clock, Schedule
from tests.helpers.colors import COLORS, paint
from tests.helpers.configs import load
from tests.helpers.paths import ROOT
from tests.helpers.tools import run_tool, use_cpu

METHODS = 'mae', 'ccmim', 'cmae', 'cmt_mae', 'conditional_mae', 'self_guided_mae'
SMALL = ['model.backbone.arch=tiny', 'model.neck.embed_dims=32', 'model.neck.depth=1',
         'model.neck.num_heads=2', 'optim_wrapper.dtype=float32', 'train_dataloader.num_workers=0',
         'default_hooks.logger.interval=1']
TEACHER = ['model.teacher._delete_=True', 'model.teacher.type=mmguided.LinearTeacher']


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    """27 images, the fewest for k-NN with k = 20: in class folders, and without."""
    folder = tmp_path_factory.mktemp('images')
    for i in range(27):
        color = [*COLORS][i % 3]
        paint(folder / f'labeled/{color}/{i}.png', color, seed=i, size=40)
        paint(folder / f'unlabeled/{i}.png', color, seed=i, size=40)
    return folder


@pytest.mark.parametrize('method, kind', [
    *((method, 'labeled') for method in METHODS), ('mae', 'unlabeled')])
def test_two_steps(method, kind, folders, tmp_path, monkeypatch):
    use_cpu(monkeypatch)
    options = SMALL + TEACHER if method == 'cmt_mae' else SMALL
    run_tool(monkeypatch, 'train.py', ROOT / f'configs/{method}/vit-s_images.py', '--data-root',
             folders / kind, '--work-dir', tmp_path / method, '--epochs', 1, '--batch-size', 12,
             '--img-size', 64, '--cfg-options', *options)
    log, = tmp_path.glob('*/*/vis_data/scalars.json')
    before, *steps, after = map(json.loads, log.read_text().splitlines())
    # The warm-up of two steps has the factors 1e-4 and 1, the cosine has 1 and 1/2.
    assert [step['lr'] for step in steps] == pytest.approx(
        [1.5e-4 * 12 / 256 * factor for factor in (1e-4, .5)], rel=1e-3)
    for row in (before, after):
        assert ('online/knn_top1_k20' in row) == (kind == 'labeled')
        assert 1 < row['online/effective_rank'] < 27
    if method == 'cmt_mae':  # the second stage begins at an eighth of the run
        assert [step['loss_student'] > 0 for step in steps] == [False, True]


def test_the_second_stage_of_cmt_mae_is_a_share_of_the_run():
    alpha, clock = Schedule.of(load('cmt_mae/vit-s_images').model.alpha, 'alpha'), Clock()
    for epochs in (8, 400):
        values = []
        for epoch in (epochs / 8 - .1, epochs / 8):
            clock.set(epoch, epochs)
            values.append(alpha.at(clock))
        assert values == [0, .3]
