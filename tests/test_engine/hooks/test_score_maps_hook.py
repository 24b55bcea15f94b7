"""ScoreMapsHook: when scores are made, of what, by how many processes, and what resuming does."""
import copy
import itertools
import json
import os
import random
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from mmengine.config import Config
from mmengine.runner import Runner
from PIL import Image

from mmguided.cli.runner import leave_process_group
from mmguided.datasets import ScoreMaps
from mmguided.engine.hooks import ExploitationHook, ScoreMapsHook
from mmguided.utils.errors import ConfigError

NCUT = dict(type='mmguided.NcutRelevance', layer=0)
MODEL = dict(
    type='mmguided.MAE',
    backbone=dict(type='mmguided.MaskedViT', img_size=32, patch_size=8, arch=dict(
        embed_dims=8, num_layers=2, num_heads=2, feedforward_channels=8)),
    mask_generator=dict(
        type='mmguided.MaskGenerator', sampling=dict(type='mmguided.TopKSampling'),
        guidance=dict(type='mmguided.CachedGuidance', guidance=NCUT),
        schedule=dict(begin=1)),
    neck=dict(type='mmguided.MAEDecoder', embed_dims=8, depth=2, num_heads=2),
    target_generator=dict(type='mmguided.PixelTarget'),
    head=dict(type='mmguided.ReconstructionHead'))
TRANSFORMS = [
    dict(type='RandomResizedCrop', scale=32, backend='pillow', interpolation='bicubic'),
    dict(type='RandomFlip', prob=.5), dict(type='PackInputs')]
LOAD = dict(type='LoadImageFromFile', imdecode_backend='pillow')
PIPELINE = [LOAD, dict(type='mmguided.WithScores', transforms=TRANSFORMS)]

_NUMBERS = itertools.count()  # two Runners must not have one name


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


def config(folder, work_dir, epochs=4, guidance=None, pipeline=PIPELINE, schedule=None, hooks=(),
           loader=None, train_cfg=None, name=None, **settings):
    """3 steps an epoch."""
    model = copy.deepcopy(MODEL)
    masks = model['mask_generator']
    masks['guidance'].update(guidance or {})
    masks['schedule'] = schedule or masks['schedule']
    return Config(dict(
        default_scope='mmpretrain', model=model, work_dir=str(work_dir), log_level='INFO',
        experiment_name=name or f'{work_dir.name}{next(_NUMBERS)}', randomness=dict(seed=0),
        data_preprocessor=dict(type='SelfSupDataPreprocessor', mean=[99.] * 3, std=[50.] * 3),
        train_dataloader=dict(
            batch_size=3, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=True),
            collate_fn=dict(type='default_collate'), dataset=dict(
                type='mmguided.ImageFolder', data_root=str(folder), with_label=False,
                pipeline=pipeline)) | (loader or {}),
        train_cfg=train_cfg or dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=.1)),
        default_hooks=dict(
            logger=dict(type='LoggerHook', interval=1),
            clock=dict(type='mmguided.ClockHook'),
            score_maps=dict(type='mmguided.ScoreMapsHook'),
            rng_state=dict(type='mmguided.RNGStateHook'),
            checkpoint=dict(type='CheckpointHook', interval=1)),
        custom_hooks=list(hooks), **settings))


def train(*args, **kwargs):
    runner = Runner.from_cfg(config(*args, **kwargs))
    runner.train()
    return runner


def guided_shares(runner):
    path = Path(runner._log_dir) / 'vis_data' / 'scalars.json'
    return [json.loads(line)['guided_share'] for line in path.read_text().splitlines()]


def log_of(runner):
    log, = Path(runner._log_dir).glob('*.log')
    return log.read_text()


def read(path):
    """Scores ``(N, h, w)`` in a file."""
    array = np.load(path)
    maps = ScoreMaps(path.parent, (len(array), *array['levels'].shape[1:]))
    maps.use(path.stem)
    return np.stack([maps[i] for i in range(len(array))])


def files_of(work_dir):
    return sorted((work_dir / 'score_maps').iterdir(), key=lambda path: path.stat().st_mtime_ns)


def test_scores_are_those_of_the_guidance_on_whole_images(folder, tmp_path):
    """Of the encoder as it was when the first guided epoch began; every step after that is guided,
    and not a step before."""
    runner = train(folder, tmp_path / 'run', epochs=3)
    assert guided_shares(runner) == [0] * 3 + [1] * 6
    path, = files_of(tmp_path / 'run')
    maps = read(path)
    assert maps.shape == (9, 4, 4) and np.isfinite(maps).all()
    model = runner.model.eval()
    state = torch.load(tmp_path / 'run' / 'epoch_1.pth', weights_only=False)['state_dict']
    model.load_state_dict(state)
    guidance = model.mask_generator.shots[0].guidance.guidance
    for i in range(9):
        image = Image.open(folder / f'{i}.png').resize((32, 32), Image.Resampling.BICUBIC)
        pixels = (torch.from_numpy(np.array(image)).float() - 99) / 50
        pixels = pixels.permute(2, 0, 1)[None].flip(1)  # the file's RGB are loaded as BGR
        expected = guidance(model.observe(pixels, parts=[guidance]), model.clock)
        torch.testing.assert_close(
            torch.from_numpy(maps[i]).flatten(), expected[0], atol=5e-5, rtol=0)
    assert maps.std(axis=(1, 2)).min() > .05


def test_in_training_no_encoder_is_asked(folder, tmp_path, monkeypatch):
    calls = []
    runner = Runner.from_cfg(config(folder, tmp_path / 'run', epochs=3))
    observe = runner.model.backbone.observe
    monkeypatch.setattr(
        runner.model.backbone, 'observe',
        lambda images, *args: calls.append((runner.iter, len(images))) or observe(images, *args))
    runner.train()
    assert calls == [(3, 3)] * 3, 'one pass over 9 images, before the step 3'


def test_a_trigger_that_fires_amid_an_epoch_begins_with_the_next(folder, tmp_path, monkeypatch):
    shares = [.4, .4, .4, .4, .6] + [.6] * 4
    monkeypatch.setattr(
        ExploitationHook, 'measure', lambda self, model, batch, seed: torch.tensor(
            [[1 - shares[seed], shares[seed]]]))
    runner = train(folder, tmp_path / 'run', epochs=3, schedule=dict(begin='trigger'),
                   hooks=[dict(type='mmguided.ExploitationHook', interval=1)])
    assert runner.model.clock.trigger_epoch == pytest.approx(4 / 3)
    assert guided_shares(runner) == [0] * 6 + [1] * 3
    assert torch.load(tmp_path / 'run' / 'epoch_3.pth', weights_only=False)[
        'mmguided_score_maps']['epoch'] == 2


def test_refreshing_makes_them_anew_and_keeps_the_last_two(folder, tmp_path):
    runner = train(folder, tmp_path / 'run', epochs=7, guidance=dict(refresh=2))
    assert log_of(runner).count('Making the scores of 9 images by NcutRelevance') == 3
    older, newer = files_of(tmp_path / 'run')
    notes = [torch.load(tmp_path / 'run' / f'epoch_{i}.pth', weights_only=False)[
        'mmguided_score_maps'] for i in range(1, 8)]
    assert [note['epoch'] for note in notes] == [None, 1, 1, 3, 3, 5, 5]
    assert (notes[-1]['name'], notes[-1]['previous']) == (newer.stem, older.stem)
    assert not np.array_equal(read(older), read(newer)), 'the encoder has learned'


@pytest.mark.parametrize('workers', [0, 1])
def test_workers_that_live_on_read_them(folder, tmp_path, workers):
    loader = dict(num_workers=workers, persistent_workers=workers > 0)
    runner = train(folder, tmp_path / 'run', epochs=3, loader=loader)
    assert guided_shares(runner) == [0] * 3 + [1] * 6


def weights(runner):
    return {name: value.clone() for name, value in runner.model.state_dict().items()}


@pytest.mark.parametrize('stop', [1, 2])
def test_resumed_equals_uninterrupted_and_reads_the_same_file(folder, tmp_path, stop):
    """Before the scores are made, and after: then the file that is there is read."""
    whole = train(folder, tmp_path / 'whole', epochs=4)
    train(folder, tmp_path / 'run', epochs=stop)
    before = files_of(tmp_path / 'run') if stop == 2 else []
    resumed = train(folder, tmp_path / 'run', epochs=4, resume=True)
    assert resumed.iter == 12
    if stop == 2:
        assert files_of(tmp_path / 'run') == before
        assert f'Scores are read from {before[0]}, made at epoch 1' in log_of(resumed)
    for name, value in weights(resumed).items():
        assert torch.equal(value, weights(whole)[name]), name
    first, = files_of(tmp_path / 'whole')
    second, = files_of(tmp_path / 'run')
    assert np.array_equal(read(first), read(second))


@pytest.mark.parametrize('harm', ['missing', 'cut off', 'other images'])
def test_a_stale_file_is_made_anew_and_that_is_told(folder, tmp_path, harm):
    train(folder, tmp_path / 'run', epochs=2)
    path, = files_of(tmp_path / 'run')
    if harm == 'missing':
        path.unlink()
    elif harm == 'cut off':
        path.write_bytes(path.read_bytes()[:-8])
    else:  # as many, in another order
        os.rename(folder / '0.png', folder / 'z.png')
    resumed = train(folder, tmp_path / 'run', epochs=3, resume=True)
    assert 'is not there or is of other images: scores are made anew' in log_of(resumed)
    assert guided_shares(resumed)[-3:] == [1] * 3
    assert files_of(tmp_path / 'run')[-1] != path


def test_a_new_run_from_old_weights_reads_no_old_scores(folder, tmp_path):
    train(folder, tmp_path / 'run', epochs=2)
    runner = train(folder, tmp_path / 'new', epochs=2, load_from=str(tmp_path / 'run/epoch_2.pth'))
    assert 'Making the scores' in log_of(runner) and len(files_of(tmp_path / 'new')) == 1


def random_states():
    _, keys, position, *_ = np.random.get_state()
    return torch.get_rng_state().tolist(), keys.tolist(), position, random.getstate()


@pytest.mark.parametrize('workers', [0, 1])
def test_training_draws_the_same_random_numbers(folder, tmp_path, workers, monkeypatch):
    loader = dict(num_workers=workers)
    states, make = [], ScoreMapsHook._make

    def watched(hook, *args):
        before = random_states()
        make(hook, *args)
        states.append((before, random_states()))

    monkeypatch.setattr(ScoreMapsHook, '_make', watched)
    train(folder, tmp_path / 'run', epochs=2, loader=loader)
    (before, after), = states
    assert before == after


def test_an_unreadable_image_has_no_scores_and_its_substitute_has(folder, tmp_path):
    (folder / '4.png').write_bytes(b'broken')
    runner = train(folder, tmp_path / 'run', epochs=2)
    maps = read(files_of(tmp_path / 'run')[0])
    assert np.isnan(maps[4]).all() and np.isfinite(np.delete(maps, 4, axis=0)).all()
    assert guided_shares(runner)[3:] == [1] * 3


def test_an_image_without_a_cut_is_counted(folder, tmp_path):
    """An image of one color, whose patches differ in nothing but their places, and these are off.
    """
    Image.new('RGB', (40, 50), (9, 9, 9)).save(folder / '2.png')
    cfg = config(folder, tmp_path / 'run', epochs=2)
    runner = Runner.from_cfg(cfg)
    runner.model.backbone.init_weights()
    torch.nn.init.zeros_(runner.model.backbone.pos_embed)
    runner.model.backbone.init_weights = lambda: None
    runner.train()
    assert 'Scores of 9 images, of which 1 have none, were made' in log_of(runner)
    assert sum(guided_shares(runner)[3:]) == pytest.approx(3 - 1 / 3)


def _process(rank, folder, work_dir, address):
    torch.set_num_threads(1)
    dist.init_process_group('gloo', init_method=f'file://{address}', rank=rank, world_size=2)
    train(Path(folder), Path(work_dir), epochs=1, name='two', schedule=dict(begin=0))
    dist.barrier()
    leave_process_group()


def test_two_processes_make_one_file_of_what_one_makes(folder, tmp_path):
    """Of encoders with the same weights; with 9 images one of these is scored twice."""
    mp.spawn(_process, (str(folder), str(tmp_path / 'two'), str(tmp_path / 'store')), nprocs=2)
    train(folder, tmp_path / 'one', epochs=1, schedule=dict(begin=0))
    both, = files_of(tmp_path / 'two')
    alone, = files_of(tmp_path / 'one')
    np.testing.assert_allclose(read(both), read(alone), atol=1e-4)
    assert np.isfinite(read(both)).all() and read(both).std(axis=0).min() > .01


def test_a_full_disk_stops_the_run_in_one_line(folder, tmp_path, monkeypatch):

    def full(*args):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, 'posix_fallocate', full)
    with pytest.raises(ConfigError, match='no room on its disk for the scores of 9 images'):
        train(folder, tmp_path / 'run')
    assert files_of(tmp_path / 'run') == []


@pytest.mark.parametrize('settings, message', [
    (dict(pipeline=[LOAD, *TRANSFORMS]), r"must be its loading transforms and dict\(type='mmguide"),
    (dict(train_cfg=dict(by_epoch=False, max_iters=9)), r'set train_cfg\.by_epoch=True'),
    (dict(guidance=dict(_delete_=True, type='mmguided.Blend', weights=[.5], guidances=[dict(
        type='mmguided.CachedGuidance', guidance=dict(type='mmguided.ClsAttention'))] * 2)),
     'this one has 2'),
])
def test_what_does_not_fit_is_told_before_training(folder, tmp_path, settings, message):
    guidance = settings.get('guidance', {})
    if guidance.pop('_delete_', None):
        cfg = config(folder, tmp_path / 'run')
        cfg.model.mask_generator.guidance = guidance
    else:
        cfg = config(folder, tmp_path / 'run', **settings)
    with pytest.raises(ConfigError, match=message):
        Runner.from_cfg(cfg).train()


def test_scores_that_nobody_reads_are_told(folder, tmp_path):
    cfg = config(folder, tmp_path / 'run')
    cfg.model.mask_generator.guidance = NCUT
    with pytest.raises(ConfigError, match='has WithScores, and no guidance reads scores'):
        Runner.from_cfg(cfg).train()


def test_without_the_hook_the_first_step_says_what_is_missing(folder, tmp_path):
    cfg = config(folder, tmp_path / 'run', schedule=dict(begin=0))
    del cfg.default_hooks.score_maps
    with pytest.raises(ConfigError, match=r"default_hooks have score_maps=dict\(type='mmguided.S"):
        Runner.from_cfg(cfg).train()
