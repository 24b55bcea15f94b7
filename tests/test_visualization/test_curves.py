"""draw_loss_curves: a picture with a panel for each loss, and errors for what has none."""
import json

import numpy as np
import pytest
from matplotlib.axes import Axes
from mmcv import imread

from mmguided.visualization import (
    draw_curves,
    draw_exploitation,
    draw_loss_curves,
    draw_scatter,
)


def write(path, rows):
    path.write_text(''.join(json.dumps(row) + '\n' for row in rows))
    return path


@pytest.fixture
def scalars(tmp_path):
    """Two losses and their sum in five iterations, and a validation between."""
    rows = [dict(step=i + 1, loss=i + 10., loss_pixels=1. * i, loss_contrast=10., lr=1e-3)
            for i in range(5)]
    return write(tmp_path / 'scalars.json', [*rows[:3], dict(step=3, mIoU=50.), *rows[3:]])


@pytest.fixture
def lines(monkeypatch):
    """What is plotted: title of the panel -> its lines."""
    plotted, plot, title = {}, Axes.plot, Axes.set_title

    def record(self, x, y, **kwargs):
        plotted.setdefault(self, []).append((list(x), list(y)))
        return plot(self, x, y, **kwargs)

    monkeypatch.setattr(Axes, 'plot', record)
    named = {}

    def name(self, text, **kwargs):
        named[text] = plotted[self]
        return title(self, text, **kwargs)

    monkeypatch.setattr(Axes, 'set_title', name)
    return named


def test_each_loss_has_a_panel_with_its_values_and_their_moving_average(scalars, lines, tmp_path):
    draw_loss_curves(scalars, tmp_path / 'curves.png', window=2)
    steps = [1, 2, 3, 4, 5]
    assert lines == {
        'loss': [(steps, [10, 11, 12, 13, 14]), (steps[1:], [10.5, 11.5, 12.5, 13.5])],
        'loss_pixels': [(steps, [0, 1, 2, 3, 4]), (steps[1:], [.5, 1.5, 2.5, 3.5])],
        'loss_contrast': [(steps, [10] * 5), (steps[1:], [10] * 4)]
    }


def test_a_window_longer_than_the_run_gives_one_mean(scalars, lines, tmp_path):
    draw_loss_curves(scalars, str(tmp_path / 'curves.png'), window=10)
    assert lines['loss_pixels'][1] == ([5], [pytest.approx(2.)])


def test_the_picture_is_written(scalars, tmp_path):
    draw_loss_curves(str(scalars), tmp_path / 'curves.png')
    picture = imread(tmp_path / 'curves.png')
    height, width = picture.shape[:2]
    assert width == pytest.approx(3 * 4 / 3 * height, rel=.01)  # three panels of 4 x 3 inches
    thirds = np.array_split(picture, 3, axis=1)
    assert all((third < 200).any() for third in thirds)


def test_a_loss_that_is_not_in_every_row_is_drawn_where_it_is(lines, tmp_path):
    scalars = write(tmp_path / 'scalars.json', [
        dict(step=1, loss=1., loss_contrast=2.), dict(step=2, loss=3.),
        dict(step=3, loss=5., loss_contrast=6.)])
    draw_loss_curves(scalars, tmp_path / 'curves.png', window=1)
    assert lines['loss_contrast'] == [([1, 3], [2, 6])] * 2


def test_no_file_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        draw_loss_curves(tmp_path / 'gone.json', tmp_path / 'curves.png')


@pytest.mark.parametrize('rows', [[], [dict(step=1, mIoU=50.)]])
def test_a_file_without_a_loss_is_an_error(tmp_path, rows):
    scalars = write(tmp_path / 'scalars.json', rows)
    with pytest.raises(ValueError, match=r'scalars\.json holds no loss$'):
        draw_loss_curves(scalars, tmp_path / 'curves.png')
    assert not (tmp_path / 'curves.png').exists()


@pytest.mark.parametrize('fired', [None, 1.5])
def test_exploitation_has_both_curves_over_epochs_and_the_trigger(monkeypatch, tmp_path, fired):
    plotted, marks, plot, mark = [], [], Axes.plot, Axes.axvline
    monkeypatch.setattr(Axes, 'plot', lambda self, x, y, **kwargs: plotted.append(
        (list(x), list(y), kwargs['label'])) or plot(self, x, y, **kwargs))
    monkeypatch.setattr(Axes, 'axvline', lambda self, x, **kwargs: marks.append(x) or mark(
        self, x, **kwargs))
    shares = np.array([.3, .6, .4])
    draw_exploitation(shares, 1 - shares, .5, fired, tmp_path / 'curves.png')
    assert plotted == [([.5, 1., 1.5], [.3, .6, .4], 'visible tokens'),
                       ([.5, 1., 1.5], [.7, .4, .6], 'mask tokens')]
    assert marks == ([] if fired is None else [1.5])
    assert imread(tmp_path / 'curves.png').std() > 0


def test_groups_of_points_lie_where_they_should(tmp_path):
    """The first color left of and above the second one, in both panels."""
    groups = {'first': [(0, 10), (1, 11)], 'second': [(8, 2)]}
    draw_scatter({'a': groups, 'b': groups}, 'x', tmp_path / 'points.png')
    picture = imread(str(tmp_path / 'points.png'), channel_order='rgb').astype(int)
    for half in np.split(picture, 2, axis=1):
        (top, left), (bottom, right) = (
            np.argwhere((np.abs(half - color) < 3).all(-1)).mean(0)
            for color in ((31, 119, 180), (255, 127, 14)))  # C0 and C1
        assert left < right and top < bottom


def test_panels_of_curves_with_errors_and_a_level(monkeypatch, tmp_path):
    drawn, levels, errorbar, level = [], [], Axes.errorbar, Axes.axhline
    monkeypatch.setattr(Axes, 'errorbar', lambda self, x, y, error, **kwargs: drawn.append(
        (list(x), list(y), list(error), kwargs['label'], kwargs['color'])) or errorbar(
            self, x, y, error, **kwargs))
    monkeypatch.setattr(Axes, 'axhline', lambda self, y, **kwargs: levels.append(y) or level(
        self, y, **kwargs))
    panels = {'left': {'a': [(0, 9, 0), (50, 4, 1)], 'b': [(0, 8, 0)]}, 'right': {'b': [(1, 8, 2)]}}
    outs = [tmp_path / f'curves.{ending}' for ending in ('png', 'pdf')]
    draw_curves(panels, 'y', outs, ('chance', 3))
    assert drawn == [([0, 50], [9, 4], [0, 1], 'a', 'C0'), ([0], [8], [0], 'b', 'C1'),
                     ([1], [8], [2], 'b', 'C1')]
    assert levels == [3, 3]
    picture = imread(str(outs[0]), channel_order='rgb').astype(int)
    # The first two colors of the palette: a is in the left panel, b in both.
    a, b = (np.argwhere((np.abs(picture - color) < 3).all(-1))[:, 1] / picture.shape[1]
            for color in ((0, 107, 164), (255, 128, 14)))
    assert len(a) and a.max() < .5 and b.min() < .5 < b.max()
    assert outs[1].read_bytes().startswith(b'%PDF')
