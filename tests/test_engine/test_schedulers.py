"""WarmupLR: rates, and length in proportion to the run."""
import math

import pytest

from mmguided.utils.errors import ConfigError
from tests.test_engine.hooks.test_schedule_hook import COSINE, train

WARMUP = dict(type='mmguided.WarmupLR', start_factor=.25, convert_to_iter_based=True)


@pytest.mark.parametrize('epochs, share, factors', [
    (4, .5, [.25, .5, .75, 1.]), (8, .25, [.25, .5, .75, 1.]), (8, .125, [.25, 1.]),
    (2, .05, [.25, 1.])])  # at least two steps
def test_the_warmup_is_a_share_of_the_run(tmp_path, epochs, share, factors):
    """The toy run has 2 iterations per epoch and a rate of 0.1."""
    rates, _ = train(tmp_path, epochs, param_scheduler=[dict(WARMUP, share=share), COSINE])
    steps = 2 * epochs
    factors += [1.] * (steps - len(factors))
    assert rates.lr == pytest.approx([
        .1 * factor * (1 + math.cos(math.pi * step / steps)) / 2
        for step, factor in enumerate(factors)])


@pytest.mark.parametrize('share', [0, 5, -.1])
def test_a_share_outside_of_the_run_is_refused(tmp_path, share):
    with pytest.raises(ConfigError, match=f'^WarmupLR.share={share}: not .*such as 0.05'):
        train(tmp_path, 2, param_scheduler=[dict(WARMUP, share=share), COSINE])


def test_a_longer_run_resumes_with_a_longer_warmup(tmp_path):
    schedules = dict(param_scheduler=[dict(WARMUP, share=.5), COSINE])
    train(tmp_path, 2, **schedules)
    resumed, log = train(tmp_path, 4, resume=True, **schedules)
    assert resumed.lr[0] == pytest.approx(.1 * (1 + math.cos(math.pi / 2)) / 2)
    assert 'param_scheduler.0.end=4 (checkpoint: 2)' in log[0]
