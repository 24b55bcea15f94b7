"""Short form of chaos.py."""
import pytest

from tests.chaos import chaos


@pytest.fixture(scope='module')
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp('chaos')
    chaos.make_inputs(folder)
    return folder


@pytest.mark.parametrize('method, unit, ranks, faults', [
    ('self_guided_mae', 'epochs', 1, ['kill while scoring', 'term', 'flip']),
    ('cmae', 'epochs', 2, ['kill']),
    ('ccmim', 'iterations', 1, ['kill while saving', 'full disk'])])
def test_interrupted_runs_equal_uninterrupted_ones(
        inputs, monkeypatch, method, unit, ranks, faults):
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '')
    assert chaos.survive(inputs, method, unit, ranks, faults)[faults[0]] == 1
