"""ProgressBarHook: bar at a terminal, summary in the log."""
import io
import re
from pathlib import Path

import pytest

from tests.helpers.toy import toy_runner


class Terminal(io.StringIO):

    def isatty(self):
        return True


@pytest.mark.parametrize('rank, terminal', [(0, True), (0, False), (1, True)])
def test_bar_and_summary(tmp_path, monkeypatch, rank, terminal):
    """2 epochs of 8 images in 4 steps; the losses are shown at the log interval of 2."""
    screen = (Terminal if terminal else io.StringIO)()
    monkeypatch.setattr('sys.stderr', screen)
    monkeypatch.setattr(
        'mmguided.engine.hooks.progress_bar_hook.is_main_process', lambda: rank == 0)
    runner = toy_runner(tmp_path, dict(
        progress=dict(type='mmguided.ProgressBarHook'), logger=dict(type='LoggerHook', interval=2)))
    handlers = [handler.stream for handler in runner.logger.handlers]
    runner.train()
    assert [handler.stream for handler in runner.logger.handlers] == handlers
    shown = screen.getvalue()
    assert bool(shown) == (terminal and rank == 0)
    if shown:
        assert re.search(r'100%.*16\.0/16\.0 \[.*img/s, loss=', shown)
        losses = {f'{loss:.4g}' for loss in
                  runner.message_hub.log_scalars['train/loss'].data[0][1::2]}
        assert set(re.findall(r'loss=([\d.e+-]+)', shown)) <= losses
    log, = Path(runner._log_dir).glob('*.log')
    summary = log.read_text().splitlines()[-1]
    assert 'img/s' not in log.read_text()
    for text in ('images/s: ', f'last_ckpt: {tmp_path}/epoch_2.pth', f'work_dir: {tmp_path}'):
        assert text in summary
