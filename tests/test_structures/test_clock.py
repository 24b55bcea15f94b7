"""The clock of a run: progress, checkpoints of ours and of others."""
import torch

from mmguided.structures import Clock


def test_progress_is_the_share_of_the_run():
    clock = Clock()
    assert (clock.epoch, clock.progress) == (0, 0)
    clock.set(30, 120)
    assert (clock.epoch, clock.progress) == (30, .25)
    clock.set(60)
    assert clock.progress == .5, 'the length of the run stays'
    clock.set(130)
    assert clock.progress == 1


def test_it_survives_a_checkpoint_and_starts_at_zero_where_there_is_none():
    model, other = (torch.nn.ModuleDict(dict(clock=Clock(), fc=torch.nn.Linear(2, 2)))
                    for _ in range(2))
    model['clock'].set(12.5, 100)
    other.load_state_dict(model.state_dict(), strict=True)
    assert other['clock'].epoch == 12.5 and other['clock'].max_epochs is None
    foreign = {k: v for k, v in model.state_dict().items() if not k.startswith('clock')}
    assert not other.load_state_dict(foreign, strict=True).missing_keys
    assert other['clock'].epoch == 0
