"""RNGStateHook: a resumed run equals an uninterrupted one."""
import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler
from mmengine.dist import barrier, get_rank
from mmengine.model import BaseModel
from torch import nn
from torch.utils.data import DataLoader, Dataset

from mmguided.engine.hooks import RNGStateHook
from mmguided.utils.rng_state import get_rng_state, set_rng_state
from tests.helpers.processes import in_processes
from tests.helpers.toy import ToyMetric, train_module

HOOK = dict(type='mmguided.RNGStateHook')


class Noisy(Dataset):
    """Eight samples with noise from each of the three generators."""

    def __len__(self):
        return 8

    def __getitem__(self, index):
        noise = torch.tensor([np.random.rand(), random.random(), torch.rand(())])
        return dict(inputs=index + noise)


class Model(BaseModel):
    """Model that draws from all three generators, in validation too."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 3)
        # Runs are compared, and Runner sets the seed only after this.
        nn.init.constant_(self.layer.weight, 0.1)
        nn.init.zeros_(self.layer.bias)
        self.dropout = nn.Dropout(0.5)
        self.seen = []

    def forward(self, inputs, mode='loss'):
        if mode == 'predict':
            torch.rand(7), np.random.rand(5), random.random()
            return [dict(error=torch.zeros(()))]
        self.seen.append(inputs.flatten().tolist())
        noise = torch.rand_like(inputs) + np.random.rand() + random.random()
        return dict(loss=(self.layer(self.dropout(inputs)) - noise).square().mean())

    def val_step(self, data):
        return self(data, mode='predict')


def train(work_dir, until, *, hook=True, workers=0, val=False, by_epoch=True, seed=0, accumulate=1,
          sampler=None, batch_size=2, **kwargs):
    """Train until an epoch of four iterations (or until an iteration) with a checkpoint after each
    epoch and iteration."""
    loader = dict(
        dataset=Noisy(), batch_size=batch_size, num_workers=workers, persistent_workers=workers > 0,
        sampler=dict(type=sampler or ('DefaultSampler' if by_epoch else 'InfiniteSampler'),
                     shuffle=True),
        collate_fn=dict(type='default_collate'))
    if val:
        kwargs.update(
            val_dataloader=loader | dict(num_workers=0, persistent_workers=False,
                                         sampler=dict(type='DefaultSampler')),
            val_cfg=dict(), val_evaluator=[ToyMetric()], train_cfg=dict(
                by_epoch=by_epoch, val_interval=1,
                **{'max_epochs' if by_epoch else 'max_iters': until}))
    model = Model()
    runner = train_module(
        model, work_dir, Noisy(), until, by_epoch, train_dataloader=loader, log_level='ERROR',
        hooks=[dict(type='CheckpointHook', by_epoch=False, interval=1), *[HOOK] * hook],
        randomness=dict(seed=seed), param_scheduler=dict(type='ExponentialLR', gamma=.5),
        optim_wrapper=dict(
            accumulative_counts=accumulate, optimizer=dict(type='AdamW', lr=0.1)), **kwargs)
    # End the workers: garbage collection would wait 5 seconds for each.
    runner.train_dataloader._iterator = None
    vars(runner.train_loop).pop('dataloader_iterator', None)
    return model


@pytest.fixture
def warnings(monkeypatch):
    """Warnings of RNGStateHook."""
    found = []
    monkeypatch.setattr('mmguided.engine.hooks.rng_state_hook.print_log',
                        lambda text, **kwargs: found.append(text))
    return found


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.mark.parametrize('settings, equal', [
    (dict(), True), (dict(workers=2, val=True), True),
    (dict(seed=None), True),  # MMEngine draws a seed, but rebuilds the sampler with another one
    (dict(accumulate=3), True),  # the gradient of the fourth iteration is not lost
    (dict(hook=False), False)])
def test_resumed_equals_uninterrupted(tmp_path, settings, equal):
    """Resume at the end of an epoch, in the next epoch, and in its last iteration."""
    straight = train(tmp_path / 'straight', 3, **settings)
    assert len(straight.seen) == 12
    for name, past in (('epoch_1', 4), ('iter_5', 5), ('iter_8', 8)):
        if settings.get('accumulate') and name == 'iter_5':
            continue  # MMEngine warns that this resume is not exact
        torch.rand(3), np.random.rand(3), random.random()  # must not matter
        resumed = train(tmp_path / name, 3, resume=True,
                        load_from=str(tmp_path / f'straight/{name}.pth'), **settings)
        assert torch.equal(weights(straight), weights(resumed)) == equal, name
        assert (resumed.seen == straight.seen[past:]) == equal, name


@pytest.mark.parametrize('settings', [
    dict(), dict(val=True), dict(workers=2), dict(workers=2, sampler='DefaultSampler')])
def test_iteration_based_runs(tmp_path, settings):
    """The resumed run begins in the second epoch of the data."""
    straight = train(tmp_path / 'straight', 11, by_epoch=False, **settings)
    resumed = train(tmp_path / 'resumed', 11, by_epoch=False, resume=True,
                    load_from=str(tmp_path / 'straight/iter_6.pth'), **settings)
    assert torch.equal(weights(straight), weights(resumed))
    assert resumed.seen == straight.seen[6:]
    data = sorted(int(x) for batch in straight.seen[:4] for x in batch[::3])
    assert data == list(range(8)), 'the first epoch has every image'


def test_another_batch_size_in_training_by_iterations_is_reported(tmp_path, warnings):
    train(tmp_path, 2, by_epoch=False)
    train(tmp_path, 3, by_epoch=False, batch_size=4, resume=True)
    assert warnings == [
        'An epoch has 2 iterations, but had 4 in the checkpoint. The run stays at iteration 2.']


@pytest.mark.parametrize('workers', [0, 2])
def test_validation_does_not_affect_training(tmp_path, workers):
    with_val, without = (train(tmp_path / str(val), 3, val=val, workers=workers)
                         for val in (True, False))
    assert with_val.seen == without.seen
    assert torch.equal(weights(with_val), weights(without))


def noise_by_epoch(model):
    """Fractional part of the augmentation noise in each epoch of four batches."""
    return [set((np.array(model.seen[i:i + 4]).flatten() % 1).round(6))
            for i in range(0, len(model.seen), 4)]


def test_workers_augment_differently_in_each_epoch(tmp_path):
    first, second, third = noise_by_epoch(train(tmp_path / 'ours', 3, workers=2))
    assert len(first) == 3 * 8
    assert not (first & second or first & third or second & third)


@pytest.mark.parametrize('states, ranks', [
    (lambda states: states * 3, 3), (lambda states: None, 0)])
def test_states_of_another_number_of_ranks_are_not_restored(tmp_path, warnings, states, ranks):
    train(tmp_path, 1)
    path = tmp_path / 'epoch_1.pth'
    checkpoint = torch.load(path, weights_only=False)
    checkpoint['rng_states'] = states(checkpoint['rng_states'])
    torch.save(checkpoint, path)
    resumed, straight = train(tmp_path, 2, resume=True), train(tmp_path / 'straight', 2)
    assert resumed.seen == straight.seen[4:], 'the data do not depend on the states'
    assert not torch.equal(weights(resumed), weights(straight))
    assert len(warnings) == 1 and f'{ranks} ranks in the checkpoint' in warnings[0]


def stub_runner(iteration=0):
    return SimpleNamespace(
        seed=0, iter=iteration, epoch=0, hooks=[],
        train_loop=SimpleNamespace(dataloader_iterator=None), _train_loop=None,
        train_dataloader=DataLoader(range(8), 2, sampler=DefaultSampler(range(8))))


def draw():
    return random.random(), np.random.rand(), torch.rand(()).item()


def test_each_rank_restores_its_own_state(tmp_path):

    def save_and_restore():
        for seeder in (random.seed, np.random.seed, torch.manual_seed):
            seeder(10 + get_rank())
        hook, runner = RNGStateHook(), stub_runner()
        hook.before_train(runner)
        hook.before_train_epoch(runner)
        positions = next(iter(runner.train_dataloader.batch_sampler)).positions
        hook.after_train_epoch(runner)
        expected = draw()
        if get_rank() == 0:
            checkpoint = {}
            hook.before_save_checkpoint(runner, checkpoint)
            torch.save(checkpoint, tmp_path / 'checkpoint.pth')
        barrier()

        hook, runner = RNGStateHook(), stub_runner(iteration=5)
        hook.after_load_checkpoint(runner, torch.load(tmp_path / 'checkpoint.pth'))
        hook.before_train(runner)
        hook.before_train_epoch(runner)
        return list(positions), expected, draw()

    first, second = in_processes(save_and_restore, tmp_path)
    assert first[1] == first[2] != second[1] == second[2]
    assert (first[0], second[0]) == ([0, 2], [1, 3]), 'seeds of augmentations'


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
def test_cuda_state(tmp_path):
    torch.save(get_rng_state(), tmp_path / 'states.pth')
    expected = torch.rand(4, device='cuda')
    # Resume loads all tensors to the GPU.
    set_rng_state(torch.load(tmp_path / 'states.pth', map_location='cuda', weights_only=True))
    assert torch.equal(torch.rand(4, device='cuda'), expected)
