"""Loss curves with a panel for each scalar, and the other curves and points."""
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from mmcv import imread

from mmguided.utils.logs import Curve
from mmguided.visualization import (
    draw_curves,
    draw_exploitation,
    draw_loss_curves,
    draw_scatter,
)
from mmguided.visualization.curves import moving_average
from mmguided.visualization.style import COLORS


def curve(epochs, values):
    return Curve(np.array(epochs, float), np.array(values, float))


def places(picture, color):
    """Rows and columns of the pixels of a color, ``(N, 2)``."""
    return np.argwhere((np.abs(picture - 255 * np.array(to_rgb(color))) < 3).all(-1))


@pytest.fixture
def lines(monkeypatch):
    """What is plotted: label of the vertical axis -> name of the curve -> times and values. Faint
    ones have no name."""
    plotted, named, plot, label = {}, {}, Axes.plot, Axes.set_ylabel

    def record(self, x, y, **kwargs):
        plotted.setdefault(self, {})[kwargs.get('label'), kwargs['color']] = (list(x), list(y))
        return plot(self, x, y, **kwargs)

    def name(self, text, **kwargs):
        named[text] = plotted.pop(self)
        return label(self, text, **kwargs)

    monkeypatch.setattr(Axes, 'plot', record)
    monkeypatch.setattr(Axes, 'set_ylabel', name)
    return named


def test_each_scalar_has_a_panel_with_what_was_logged_and_its_moving_average(lines, tmp_path):
    runs = {'first': dict(loss_a=curve([.5, 1, 1.5, 2], [4, 2, 0, 4])),
            'second': dict(loss_a=curve([1, 3], [7, 5]), loss_b=curve([2], [1]))}
    draw_loss_curves(runs, ['loss_a', 'loss_b'], [tmp_path / 'losses.png', tmp_path / 'losses.pdf'])
    blue, vermilion = COLORS[:2]
    assert lines == {
        'loss_a': {(None, blue): ([.5, 1, 1.5, 2], [4, 2, 0, 4]),
                   ('first', blue): ([.5, 1, 1.5, 2], [4, 2, 2, 4]),
                   (None, vermilion): ([1, 3], [7, 5]), ('second', vermilion): ([1, 3], [7, 5])},
        'loss_b': {(None, vermilion): ([2], [1]), ('second', vermilion): ([2], [1])}}
    picture = imread(str(tmp_path / 'losses.png'), channel_order='rgb').astype(int)
    right = picture.shape[1] / 2  # but for the legend, which is below
    panels = picture[:int(.75 * len(picture))]
    assert places(panels, blue)[:, 1].max() < right < places(panels, vermilion)[:, 1].max()
    assert (tmp_path / 'losses.pdf').read_bytes().startswith(b'%PDF')


def test_the_moving_average_is_over_one_epoch_and_symmetric():
    time = np.arange(1, 31) / 10
    steady = curve(time, 5 * time)
    assert moving_average(steady) == pytest.approx(5 * time)  # no lag, and none at the ends
    peak = np.zeros(30)
    peak[15] = 11
    expected = np.zeros(30)
    expected[10:21] = 1  # half an epoch on both sides, five points and itself
    assert moving_average(curve(time, peak)) == pytest.approx(expected)
    peak[15] = np.nan
    assert np.isnan(moving_average(curve(time, peak))).tolist() == (expected == 1).tolist()


def test_scalars_of_one_kind_have_one_scale(monkeypatch, tmp_path):
    axes, label = {}, Axes.set_ylabel
    monkeypatch.setattr(Axes, 'set_ylabel', lambda self, text, **kwargs: axes.update(
        {text: self}) or label(self, text, **kwargs))
    values = dict(error_shot_1=2, error_shot_2=8, loss=50)
    draw_loss_curves({'run': {key: curve([1, 2], [value, value + 1])
                              for key, value in values.items()}}, values, [tmp_path / 'losses.png'])
    limits = {key: ax.get_ylim() for key, ax in axes.items()}
    assert limits['error_shot_1'] == limits['error_shot_2'] != limits['loss']
    assert limits['error_shot_1'][0] < 2 and limits['error_shot_1'][1] > 9


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
        (top, left), (bottom, right) = (places(half, color).mean(0) for color in COLORS[:2])
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
    assert drawn == [([0, 50], [9, 4], [0, 1], 'a', COLORS[0]),
                     ([0], [8], [0], 'b', COLORS[1]),
                     ([1], [8], [2], 'b', COLORS[1])]
    assert levels == [3, 3]
    picture = imread(str(outs[0]), channel_order='rgb').astype(int)
    # a is in the left panel, b in both.
    a, b = (places(picture, color)[:, 1] / picture.shape[1] for color in COLORS[:2])
    assert len(a) and a.max() < .5 and b.min() < .5 < b.max()
    assert outs[1].read_bytes().startswith(b'%PDF')
