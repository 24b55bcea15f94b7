"""RuntimeInfoHook: the log of MMEngine's hook, without reading values in each step."""
import json
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook

from tests.helpers.toy import toy_runner

INTERVAL = 3


class Reads(Hook):
    """Number of values of the loss in the log history after each step."""

    priority = 'LOWEST'

    def __init__(self):
        self.lengths = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        loss = runner.message_hub.log_scalars.get('train/loss')
        self.lengths.append(len(loss.data[0]) if loss else 0)


def run(work_dir, hook, **settings):
    """Train 2 epochs of 8 steps; save every 5 steps; return reads, histories and log rows."""
    runner = toy_runner(work_dir, dict(
        runtime_info=dict(type=hook), logger=dict(type='LoggerHook', interval=INTERVAL),
        steps=dict(type='CheckpointHook', by_epoch=False, interval=5)),
        train_dataloader=dict(batch_size=1), **settings)
    runner.register_hook(reads := Reads())
    runner.train()
    histories = [{name: history.data[0].tolist() for name, history
                  in runner.message_hub.log_scalars.items() if 'time' not in name}]
    for step in (5, 10):
        saved = torch.load(work_dir / f'iter_{step}.pth', weights_only=True)['message_hub']
        histories.append({name: history['values'].tolist() for name, history
                          in saved['log_scalars'].items() if 'time' not in name})
    path, = Path(runner.log_dir).glob('vis_data/scalars.json')
    rows = [{name: value for name, value in json.loads(line).items() if 'time' not in name}
            for line in path.read_text().splitlines()]
    return reads.lengths, histories, rows


@pytest.mark.parametrize('settings', [
    {}, {'optim_wrapper.clip_grad': dict(max_norm=.1),
         'param_scheduler': dict(type='LinearLR', start_factor=.1, by_epoch=False, end=9)}])
def test_history_and_log_are_those_of_mmengine(tmp_path, settings):
    lengths, histories, rows = run(tmp_path / 'a', 'mmguided.RuntimeInfoHook', **settings)
    every, expected, expected_rows = run(tmp_path / 'b', 'RuntimeInfoHook', **settings)
    assert histories == expected and rows == expected_rows
    assert len(histories[1]['train/loss']) == 5 and len(set(histories[0]['train/loss'])) == 16
    assert ('train/grad_norm' in histories[0]) == bool(settings)
    assert every == list(range(1, 17))
    # Read by the log (of the epoch and of the run), and before checkpoints.
    assert lengths == [0, 0, 3, 3, 5, 6, 6, 8, 9, 10, 11, 12, 12, 14, 15, 16]
