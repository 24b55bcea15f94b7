"""ProgressBarHook: bar at a terminal, summary in the log."""
import io
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from mmengine.hooks import IterTimerHook
from mmengine.logging import HistoryBuffer
from mmengine.runner import LogProcessor

from tests.helpers.configs import load
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
        losses = runner.message_hub.log_scalars['train/loss'].data[0]
        assert set(re.findall(r'loss=([\d.e+-]+)', shown)) == {
            f'{losses[:2].mean():.4g}', f'{losses.mean():.4g}'}  # also in the log lines
    log, = Path(runner._log_dir).glob('*.log')
    summary = log.read_text().splitlines()[-1]
    assert 'img/s' not in log.read_text()
    for text in ('images/s: ', f'last_ckpt: {tmp_path}/epoch_2.pth', f'work_dir: {tmp_path}'):
        assert text in summary


def test_measurements_of_a_log_line_have_one_window():
    """After the steps 0 to 19: the mean over the last 10 is 14.5."""
    names = {'train': ('loss', 'loss_reconstruction', 'error_shot_1', 'topk_overlap',
                       'guided_share', 'contrast_accuracy', 'lr', 'ema_momentum'),
             'val': ('accuracy/top1', )}
    logged = {f'{mode}/{name}': HistoryBuffer(range(20), [1] * 20)
              for mode in names for name in names[mode]}
    runner = SimpleNamespace(message_hub=SimpleNamespace(log_scalars=logged))
    processor = LogProcessor(**load('conditional_mae/vit-micro_folder-32').log_processor)
    line, evaluation = (processor._collect_scalars([], runner, mode) for mode in names)
    assert line == dict.fromkeys(names['train'], 14.5) | dict(lr=19, ema_momentum=19)
    assert evaluation == {'accuracy/top1': 19}


def test_a_run_resumed_with_larger_batches_counts_from_the_converted_iteration(tmp_path):
    """4 steps per epoch, then 2: iteration 4 becomes 2, from which time left and rate count."""
    hooks = dict(
        timer=dict(type='IterTimerHook'), progress=dict(type='mmguided.ProgressBarHook'),
        rng_state=dict(type='mmguided.RNGStateHook'), logger=dict(type='LoggerHook', interval=1))
    toy_runner(tmp_path, hooks, train_cfg=dict(max_epochs=1),
               train_dataloader=dict(batch_size=2)).train()
    runner = toy_runner(tmp_path / 'resumed', hooks, train_cfg=dict(max_epochs=4), resume=True,
                        load_from=str(tmp_path / 'epoch_1.pth'))
    runner.train()
    timer = next(hook for hook in runner.hooks if isinstance(hook, IterTimerHook))
    assert (timer.start_iter, runner.iter) == (2, 8)
    log, = Path(runner._log_dir).glob('*.log')
    assert float(re.search(r'images/s: (\S+)', log.read_text())[1]) > 0
