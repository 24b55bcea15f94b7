"""read_curves: scalars over epochs, also for resumed runs, and the default losses."""
import json

import pytest

from mmguided.utils.errors import ConfigError
from mmguided.utils.logs import read_curves, read_log, shared_losses


def write_log(folder, rows):
    """Write the log of a run that started at the time ``folder``."""
    path = folder / 'vis_data/scalars.json'
    path.parent.mkdir(parents=True)
    path.write_text(''.join(json.dumps(row) + '\n' for row in rows))


def rows(first, last, length=50, interval=20, **scalars):
    """Log rows of epochs as in MMEngine: intervals count from the start of each epoch."""
    return [dict(scalars, loss=float(epoch), epoch=epoch, iter=step, step=step)
            for epoch in range(first, last + 1)
            for step in range((epoch - 1) * length + interval, epoch * length + 1, interval)]


def test_time_is_in_epochs_though_the_log_does_not_tell_their_length(tmp_path):
    log = rows(1, 3, lr=1e-3)
    log[4]['loss_late'] = 7.
    # After epoch 1: a validation, which counts epochs, and an online evaluation, which counts
    # iterations.
    log[2:2] = [{'accuracy/top1': 5., 'time': 1., 'step': 1}, {'online/knn_20': 6., 'step': 50}]
    write_log(tmp_path / '20260101_000000', log + [{'accuracy/top1': 9., 'step': 3}])
    curves = {name: (curve.epochs.tolist(), curve.values.tolist())
              for name, curve in read_curves(tmp_path).items()}
    assert curves == {
        'loss': (pytest.approx([.4, .8, 1.4, 1.8, 2.4, 2.8]), [1, 1, 2, 2, 3, 3]),
        'lr': (pytest.approx([.4, .8, 1.4, 1.8, 2.4, 2.8]), [1e-3] * 6),
        'loss_late': (pytest.approx([2.4]), [7]),
        'accuracy/top1': ([1, 3], [5, 9]), 'online/knn_20': ([1], [6])}


@pytest.mark.parametrize('cut', ['{"loss": 9.5, "epoch": 9, "it', '{', '\0\0\0'])
def test_a_line_that_a_kill_has_cut_is_left_out(tmp_path, cut):
    write_log(tmp_path / '20260101_000000', rows(1, 2))
    log, = tmp_path.glob('*/vis_data/scalars.json')
    log.write_text(log.read_text() + cut)
    assert read_curves(tmp_path)['loss'].values.tolist() == [1, 1, 2, 2]
    log.write_text(log.read_text() + '\n{}')
    with pytest.raises(ConfigError, match=f"^log='{log}': line 5 is not JSON"):
        read_log(tmp_path)


@pytest.mark.parametrize('first, expected', [(1, [.5, 1]), (4, [3.4, 3.8])])
def test_few_epochs(tmp_path, first, expected):
    """A single epoch ends with its last row; a log may start late and skip epochs."""
    write_log(tmp_path / '20260101_000000', rows(first, first) + (rows(7, 7) if first > 1 else []))
    assert read_curves(tmp_path)['loss'].epochs[:2] == pytest.approx(expected)


def test_a_later_log_replaces_an_earlier_one_from_its_start(tmp_path):
    first = rows(1, 4, part=1)
    first[2:2] = [dict(part='1, validation', step=1)]
    first[5:5] = [dict(part='replaced', step=2)]
    write_log(tmp_path / '20260102_000000', [*rows(2, 3, part=2), dict(part=2, step=3)])
    write_log(tmp_path / '20260101_000000', first)
    write_log(tmp_path / '20260103_000000', [])  # stopped before it has logged
    assert [(row.get('epoch'), row['part']) for row in read_log(tmp_path)] == [
        (1, 1), (1, 1), (None, '1, validation'), (2, 2), (2, 2), (3, 2), (3, 2), (None, 2)]


def test_a_resumed_run_validates_before_its_first_step(tmp_path):
    """The same validation in two logs counts once. The second log may be in a new work dir."""
    second = [dict(top1=5., step=2), *rows(3, 3), dict(top1=6., step=3)]
    write_log(tmp_path / 'same/1', [*rows(1, 2), dict(top1=5., step=2), *rows(3, 3)])
    write_log(tmp_path / 'same/2', second)
    write_log(tmp_path / 'new/2', second)
    for name, epochs in (('same', [.4, .8, 1.4, 1.8, 2.4, 2.8]), ('new', [2.4, 2.8])):
        curves = read_curves(tmp_path / name)
        assert curves['top1'].epochs.tolist() == [2, 3]
        assert curves['top1'].values.tolist() == [5, 6]
        assert name == 'new' or curves['loss'].epochs == pytest.approx(epochs)


def test_what_cannot_be_read_is_named(tmp_path):
    write_log(tmp_path / '1', [dict(step=3, mIoU=50.)])
    with pytest.raises(ConfigError, match=f"^work_dir='{tmp_path}': no loss"):
        read_curves(tmp_path)
    write_log(tmp_path / '2', [dict(step=3, iter=3, loss=50.)])
    with pytest.raises(ConfigError, match=f"^work_dir='{tmp_path}': .* epochs"):
        read_curves(tmp_path)


@pytest.mark.parametrize('runs, expected', [
    (['loss loss_a loss_b lr'], ['loss', 'loss_a', 'loss_b']),
    (['loss loss_a', 'loss loss_a loss_b', 'loss loss_b loss_c'], ['loss_a', 'loss_b']),
    (['loss loss_a', 'loss accuracy'], ['loss']),
])
def test_losses_that_are_worth_comparing(runs, expected):
    runs = {str(i): dict.fromkeys(names.split()) for i, names in enumerate(runs)}
    assert shared_losses(runs) == expected
