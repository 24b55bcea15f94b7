"""ScoreMapsHook: times and values of scores, files, several ranks, resume."""
import os
import shutil
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.runner import Runner
from PIL import Image
from torchvision.io import decode_image
from torchvision.transforms.v2.functional import InterpolationMode, resize

from mmguided.cli import runner as cli
from mmguided.datasets import ScoreMaps
from mmguided.engine.hooks import ExploitationHook, ScoreMapsHook
from mmguided.models import NcutRelevance
from mmguided.utils.errors import ConfigError
from mmguided.utils.rng_state import get_rng_state
from tests.helpers import guided_runs
from tests.helpers.guided_runs import NCUT, log_text
from tests.helpers.online import assert_equal, rows
from tests.helpers.processes import in_processes, kill_workers

TRANSFORMS = [
    dict(type='mmguided.RandomResizedCrop', scale=32, interpolation='bicubic'),
    dict(type='RandomFlip', prob=.5), dict(type='PackInputs')]
LOAD = dict(type='mmguided.LoadImage')
PIPELINE = [LOAD, dict(type='mmguided.WithScores', transforms=TRANSFORMS)]


@pytest.fixture
def folder(tmp_path):
    """9 images of noise, each with a square of another color."""
    rng = np.random.default_rng(0)
    path = tmp_path / 'images'
    path.mkdir()
    for i in range(9):
        image = rng.integers(0, 60, (40, 50, 3))
        image[4 * (i % 3):20 + 4 * (i % 3), 3 * i:25 + 3 * i] += 150
        Image.fromarray(image.astype(np.uint8)).save(path / f'{i}.png')
    return path


def config(folder, work_dir, epochs=4, refresh=None, pipeline=PIPELINE, schedule=None,
           loader=None, **settings):
    """3 steps an epoch; the masks are guided from epoch 1 on."""
    dataset = dict(type='mmguided.ImageFolder', data_root=str(folder), with_label=False,
                   pipeline=pipeline)
    cfg = guided_runs.config(work_dir, dataset, schedule or dict(begin=1), epochs, batch_size=3,
                             shuffle=True, **settings)
    cfg.model.mask_generator.guidance = dict(
        type='mmguided.CachedGuidance', guidance=NCUT, refresh=refresh)
    cfg.train_dataloader.update(loader or {})
    return cfg


def train(*args, **kwargs):
    return guided_runs.train(config(*args, **kwargs))


def guided_shares(runner):
    return [row['guided_share'] for row in rows(runner)]


def saved_file(work_dir, epoch):
    """State of the hook in a checkpoint."""
    return torch.load(work_dir / f'epoch_{epoch}.pth', weights_only=False)['mmguided_score_maps']


def read(path):
    """Scores of all images in a file."""
    array = np.load(path)
    maps = ScoreMaps(path.parent, array['levels'].shape)
    maps.use(path.stem)
    return np.stack([maps[i] for i in range(len(array))])


def files_of(work_dir):
    return sorted((work_dir / 'score_maps').iterdir(), key=lambda path: path.stat().st_mtime_ns)


@pytest.mark.parametrize('cluster, variants', [('object', 1), ('alternating', 2)])
def test_scores_equal_the_guidance_on_whole_images(
        folder, tmp_path, monkeypatch, cluster, variants):
    """Computed by one pass with the encoder at the start of the first guided epoch; all later steps
    are guided without an observation of the encoder, and no step before is guided. Alternating
    clusters are cached together: the object masks epoch 2, the background epoch 1."""
    cfg = config(folder, tmp_path / 'run', epochs=3)
    cfg.model.mask_generator.guidance.guidance.cluster = cluster
    runner = Runner.from_cfg(cfg)
    used = []
    runner.model.mask_generator.shots[0].guidance.register_forward_hook(
        lambda guidance, args, scores: used.append((runner.epoch, args[0]['cache'].scores, scores)))
    calls, observe = [], runner.model.backbone.observe
    monkeypatch.setattr(
        runner.model.backbone, 'observe',
        lambda images, *args: calls.append((runner.iter, len(images))) or observe(images, *args))
    runner.train()
    assert calls == [(3, 3)] * 3
    assert guided_shares(runner) == [0] * 3 + [1] * 6
    path, = files_of(tmp_path / 'run')
    maps = read(path)
    assert maps.shape == ((9, 4, 4) if variants == 1 else (9, 2, 4, 4)) and np.isfinite(maps).all()
    assert [epoch for epoch, *_ in used] == [1] * 3 + [2] * 3
    for epoch, cached, scores in used:
        assert torch.equal(cached.unflatten(1, (variants, 16))[:, epoch % variants], scores)
    model = runner.model.eval()
    state = torch.load(tmp_path / 'run' / 'epoch_1.pth', weights_only=False)['state_dict']
    model.load_state_dict(state)
    guidance = model.mask_generator.shots[0].guidance.guidance
    for i in range(9):
        image = decode_image(folder / f'{i}.png').flip(0)  # RGB files are loaded as BGR
        pixels = (resize(image, [32, 32], InterpolationMode.BICUBIC)[None].float() - 99) / 50
        seen = model.observe(pixels, parts=[guidance])
        for variant, name in enumerate(['object', 'background'][:variants]):
            expected = NcutRelevance(layer=0, cluster=name)(seen, model.clock)
            torch.testing.assert_close(torch.from_numpy(maps[i]).view(variants, 16)[variant],
                                       expected[0], atol=5e-5, rtol=0)
    assert maps.std(axis=(-1, -2)).min() > .05


def test_a_trigger_that_fires_within_an_epoch_takes_effect_in_the_next(
        folder, tmp_path, monkeypatch):
    rates = [.4, .4, .4, .4, .6] + [.6] * 4
    monkeypatch.setattr(
        ExploitationHook, 'measure', lambda self, model, batch, seed: torch.tensor(
            [[1 - rates[seed], rates[seed]]]))
    runner = train(folder, tmp_path / 'run', epochs=3, schedule=dict(begin='trigger'),
                   hooks=[dict(type='mmguided.ExploitationHook', interval=1)])
    assert runner.model.clock.trigger_epoch == pytest.approx(4 / 3)
    assert guided_shares(runner) == [0] * 6 + [1] * 3
    assert saved_file(tmp_path / 'run', 3)['epoch'] == 2


def test_refresh_recomputes_scores_and_keeps_the_files_of_checkpoints(folder, tmp_path):
    (tmp_path / 'run/score_maps').mkdir(parents=True)
    (tmp_path / 'run/score_maps/killed.part').touch()
    runner = train(folder, tmp_path / 'run', epochs=9, refresh=2)
    assert log_text(runner).count('scores of 9 images with NcutRelevance') == 4
    states = [saved_file(tmp_path / 'run', epoch) for epoch in range(1, 10)]
    assert [state['epoch'] for state in states] == [None, 1, 1, 3, 3, 5, 5, 7, 7]
    files = sorted((tmp_path / 'run/score_maps').iterdir(), key=lambda path: path.stat().st_mtime)
    assert [path.stem for path in files] == [states[epoch]['name'] for epoch in (4, 6, 8)]
    older, newer = files[1:]
    assert not np.array_equal(read(older), read(newer)), 'the encoder has learned'


@pytest.mark.parametrize('stop', [1, 2])
def test_resumed_equals_uninterrupted(folder, tmp_path, stop):
    """The run resumes before the scores are computed, and after that, when it reads the existing
    file."""
    whole = train(folder, tmp_path / 'whole', epochs=4)
    train(folder, tmp_path / 'run', epochs=stop)
    before = files_of(tmp_path / 'run') if stop == 2 else []
    resumed = train(folder, tmp_path / 'run', epochs=4, resume=True)
    assert resumed.iter == 12
    if stop == 2:
        assert files_of(tmp_path / 'run') == before
        assert f'Reading scores of epoch 1 from {before[0]}' in log_text(resumed)
    assert_equal(dict(resumed.model.state_dict()), dict(whole.model.state_dict()))
    first, = files_of(tmp_path / 'whole')
    second, = files_of(tmp_path / 'run')
    assert np.array_equal(read(first), read(second))


@pytest.mark.parametrize('begin, epoch', [(1.2, 2), (1, 1)])
def test_a_run_resumed_within_an_epoch_equals_an_uninterrupted_one(
        folder, tmp_path, begin, epoch):
    """The run stops after step 5 of 3 per epoch. Guidance that begins within epoch 1 waits for the
    next epoch."""
    def run(name, epochs, **settings):
        cfg = config(folder, tmp_path / name, epochs, schedule=dict(begin=begin))
        cfg.default_hooks.checkpoint = dict(type='CheckpointHook', interval=5, by_epoch=False)
        cfg.merge_from_dict(settings)
        return guided_runs.train(cfg)

    whole = run('whole', 3)
    (tmp_path / 'resumed').mkdir()
    shutil.copytree(tmp_path / 'whole/score_maps', tmp_path / 'resumed/score_maps')
    resumed = run('resumed', 3, resume=True, load_from=str(tmp_path / 'whole/iter_5.pth'))
    assert guided_shares(resumed) == guided_shares(whole)[5:] == [float(epoch == 1)] + [1] * 3
    assert resumed.iter == 9
    assert_equal(dict(resumed.model.state_dict()), dict(whole.model.state_dict()))


@pytest.mark.parametrize('damage', ['missing', 'truncated', 'other images'])
def test_an_invalid_file_is_recomputed_with_a_warning(folder, tmp_path, damage):
    train(folder, tmp_path / 'run', epochs=2)
    path, = files_of(tmp_path / 'run')
    if damage == 'missing':
        path.unlink()
    elif damage == 'truncated':
        path.write_bytes(path.read_bytes()[:-8])
    else:  # as many images, in another order
        os.rename(folder / '0.png', folder / 'z.png')
    resumed = train(folder, tmp_path / 'run', epochs=3, resume=True)
    assert f'{path} is missing or belongs to a different dataset' in log_text(resumed)
    assert guided_shares(resumed)[-3:] == [1] * 3
    assert files_of(tmp_path / 'run')[-1] != path


@pytest.mark.parametrize('workers', [0, 1])
def test_rng_state_is_preserved_and_persistent_workers_read_the_scores(
        folder, tmp_path, workers, monkeypatch):
    states, compute = [], ScoreMapsHook._compute

    def watched(hook, *args):
        states.append(get_rng_state())
        compute(hook, *args)
        states.append(get_rng_state())

    monkeypatch.setattr(ScoreMapsHook, '_compute', watched)
    runner = train(folder, tmp_path / 'run', epochs=3, loader=dict(
        num_workers=workers, persistent_workers=workers > 0))
    assert_equal(*states)
    assert guided_shares(runner) == [0] * 3 + [1] * 6


def test_a_signal_to_the_workers_does_not_end_the_pass(folder, tmp_path, monkeypatch):
    """Slurm and torchrun signal the workers, too."""
    variants = NcutRelevance.variants

    def signalled(*args):
        kill_workers()
        return variants(*args)

    monkeypatch.setattr(NcutRelevance, 'variants', signalled)
    runner = train(folder, tmp_path / 'run', epochs=2, loader=dict(num_workers=1),
                   train_cfg=dict(by_epoch=True, max_epochs=2))
    assert guided_shares(runner) == [0] * 3 + [1] * 3


def test_a_dry_run_scores_few_images(folder, tmp_path, monkeypatch):
    """Both processes use the folder of the first; nothing remains."""
    scores, work_dir = ScoreMapsHook._scores, tmp_path / 'work'
    work_dir.mkdir()
    monkeypatch.setattr(cli, 'DRY_RUN_IMAGES', 4)

    def run():
        indices = []

        def counted(*args):
            for index, values in scores(*args):
                indices.extend(index.tolist())
                yield index, values

        monkeypatch.setattr(ScoreMapsHook, '_scores', counted)
        cli.dry_run(config(folder, work_dir, schedule=dict(begin=0), name='dry',
                           launcher='none'))
        return indices

    for indices in in_processes(run, tmp_path):
        assert set(indices) == {0, 1, 2, 3}
    assert not list(work_dir.iterdir())


def test_images_without_scores(folder, tmp_path):
    """A single-color image has equal patches without position embeddings and gets no scores. An
    unreadable image also gets no scores, but its replacement is guided."""
    (folder / '4.png').write_bytes(b'broken')
    Image.new('RGB', (40, 50), (9, 9, 9)).save(folder / '2.png')
    runner = Runner.from_cfg(config(folder, tmp_path / 'run', epochs=2))
    runner.model.backbone.init_weights()
    torch.nn.init.zeros_(runner.model.backbone.pos_embed)
    runner.model.backbone.init_weights = lambda: None
    runner.train()
    assert 'scores of 9 images (1 without scores)' in log_text(runner)
    missing = np.isnan(read(files_of(tmp_path / 'run')[0])).all((1, 2))
    assert np.flatnonzero(missing).tolist() == [2, 4]
    assert sum(guided_shares(runner)[3:]) == pytest.approx(3 - 1 / 3)


def test_two_ranks_write_the_same_scores_as_one(folder, tmp_path):
    """The ranks have equal weights; one of the 9 images is scored twice."""
    run = partial(train, folder, epochs=1, schedule=dict(begin=0))
    in_processes(lambda: run(tmp_path / 'two', name='two').epoch, tmp_path)
    run(tmp_path / 'one')
    both, = files_of(tmp_path / 'two')
    alone, = files_of(tmp_path / 'one')
    np.testing.assert_allclose(read(both), read(alone), atol=1e-4)
    assert np.isfinite(read(both)).all() and read(both).std(axis=0).min() > .01


@pytest.mark.parametrize('options, match', [
    ({'train_dataloader.dataset.pipeline': [LOAD, *TRANSFORMS]},
     'train_dataloader.dataset.pipeline: CachedGuidance'),
    ({'train_cfg': dict(_delete_=True, by_epoch=False, max_iters=9)}, r'train_cfg\.by_epoch=True'),
    ({'model.mask_generator.guidance': dict(
        _delete_=True, type='mmguided.Blend', weights=[.5], guidances=[dict(
            type='mmguided.CachedGuidance', guidance=dict(type='mmguided.ClsAttention'))] * 2)},
     'model: 2 CachedGuidance'),
    ({'default_hooks.score_maps': dict(_delete_=True, type='IterTimerHook'),
      'model.mask_generator.schedule.begin': 0}, r'default_hooks\.score_maps='),
])
def test_configs_that_do_not_fit_are_errors(folder, tmp_path, options, match):
    """The last case has no hook and fails in the first step."""
    cfg = config(folder, tmp_path / 'run')
    cfg.merge_from_dict(options)
    with pytest.raises(ConfigError, match=match):
        guided_runs.train(cfg)


def test_datasets_without_a_pipeline_or_files_are_errors(folder, tmp_path):
    cfg = config(folder, tmp_path / 'run')
    cfg.train_dataloader.dataset = dict(
        type='ConcatDataset', datasets=[cfg.train_dataloader.dataset])
    with pytest.raises(ConfigError, match=r'dataset\.type=ConcatDataset: has no pipeline'):
        guided_runs.train(cfg)
    hook = ScoreMapsHook()
    hook._guidance = SimpleNamespace(folder='maps')
    with pytest.raises(ConfigError, match=r'dataset\.type=list: MapGuidance needs .*ImageFolder'):
        hook._find_maps(None, [], (4, 4))


def test_maps_of_the_user_guide_all_images_from_the_first_step(folder, tmp_path):
    """The maps are the squares; image 3 has no map."""
    maps = tmp_path / 'maps'
    maps.mkdir()
    for i in range(9):
        values = np.zeros((40, 50), np.float32)
        values[4 * (i % 3):20 + 4 * (i % 3), 3 * i:25 + 3 * i] = 1
        np.save(maps / f'{i}.npy', values)
    guidance = dict(type='mmguided.MapGuidance', folder=str(maps))
    seen = []

    def run(name, **settings):
        cfg = config(folder, tmp_path / name, epochs=2, schedule=dict(begin=0),
                     loader=dict(num_workers=1))
        cfg.model.mask_generator.guidance = guidance | settings
        runner = Runner.from_cfg(cfg)
        loss = runner.model.loss
        runner.model.loss = lambda inputs, samples: seen.append(samples) or loss(inputs, samples)
        runner.train()
        return runner

    runner = run('all')
    assert all(row['topk_overlap'] == row['guided_share'] == 1 for row in rows(runner))
    assert all(0 < samples['scores'].mean() < 1 for samples in seen)
    (maps / '3.npy').unlink()
    with pytest.raises(ConfigError, match=r'1 of 9 images have no map, .*3\.png.*missing='):
        run('error')
    runner = run('random', missing='random')
    assert sum(guided_shares(runner)[:3]) == pytest.approx(3 - 1 / 3)
    assert '1 of 9 images have no map and are masked at random' in log_text(runner)
    image, = folder.rglob('4.png')
    shutil.copy(image, image.with_suffix('.bmp'))
    with pytest.raises(ConfigError, match=r'4\.bmp.*4\.png.*have the same map'):
        run('shared', missing='random')
