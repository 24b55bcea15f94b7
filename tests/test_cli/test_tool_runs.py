"""Parallel runs of tools."""
import sys
import threading

import pytest

from mmguided.cli.tool_runs import run_all, run_logged


def test_a_bug_in_a_run_is_raised_after_the_others(capsys):
    def fail():
        raise KeyError('epoch')

    runs = run_all([fail, dict], 1)
    assert next(runs) == {}
    assert "KeyError: 'epoch'" in capsys.readouterr().err
    with pytest.raises(KeyError):
        next(runs)


def test_no_run_starts_after_an_error_of_the_caller():
    """The second run starts before the caller reads the first result, and ends later."""
    started, ends = [], threading.Event()

    def run():
        started.append(1)
        if len(started) > 1:
            ends.wait()
        return {}

    runs = run_all([run] * 5, 1)
    next(runs)
    threading.Timer(.5, ends.set).start()
    runs.close()  # waits for the second run
    assert len(started) <= 2


def test_our_warnings_in_a_log_are_printed(tmp_path, capsys):
    """MMEngine warns about every frozen weight."""
    lines = ['12/01 - mmengine - WARNING - backbone.pos_embed is skipped',
             '12/01 - mmengine - WARNING - data_preprocessor.mean=[1.0]: the encoder was trained',
             '12/01 - mmengine - WARNING - data_preprocessor.mean=[1.0]: the encoder was trained']
    run_logged('a', tmp_path / 'x.log', sys.executable, '-c', f'print({chr(10).join(lines)!r})')
    assert capsys.readouterr().err == (
        'a: warning: data_preprocessor.mean=[1.0]: the encoder was trained\n')
