"""Loss curves and other curves."""
import numpy as np
import pytest

from mmguided.utils.logs import Curve
from mmguided.visualization import draw_curves, draw_exploitation, draw_loss_curves, draw_scatter
from mmguided.visualization.curves import moving_average
from mmguided.visualization.style import COLORS

from .test_layers import legend_names

BLUE, VERMILION = COLORS[:2]


def curve(epochs, values):
    return Curve(np.array(epochs, float), np.array(values, float))


def lines(ax):
    """Color, x and y of each line."""
    return [(line.get_color(), list(line.get_xdata()), list(line.get_ydata())) for line in ax.lines]


def test_loss_panels_show_logged_values_and_moving_averages(drawn):
    runs = {'first': dict(loss_a=curve([.5, 1, 1.5, 2], [4, 2, 0, 4])),
            'second': dict(loss_a=curve([1, 3], [7, 5]), loss_b=curve([2], [1]))}
    draw_loss_curves(runs, ['loss_a', 'loss_b'], [])
    a, b = drawn[0].axes
    assert (a.get_ylabel(), b.get_ylabel()) == ('loss_a', 'loss_b')
    assert lines(a) == [
        (BLUE, [.5, 1, 1.5, 2], [4, 2, 0, 4]), (BLUE, [.5, 1, 1.5, 2], [4, 2, 2, 4]),
        (VERMILION, [1, 3], [7, 5]), (VERMILION, [1, 3], [7, 5])]
    assert lines(b) == 2 * [(VERMILION, [2], [1])]
    assert legend_names(drawn[0]) == ['first', 'second']


def test_moving_average_is_centered_and_spans_one_epoch():
    time = np.arange(1, 31) / 10
    assert moving_average(curve(time, 5 * time)) == pytest.approx(5 * time)  # no lag at the ends
    peak, expected = np.zeros(30), np.zeros(30)
    peak[15] = 11
    expected[10:21] = 1  # five points on both sides and the peak
    assert moving_average(curve(time, peak)) == pytest.approx(expected)
    peak[15] = np.nan
    assert np.isnan(moving_average(curve(time, peak))).tolist() == (expected == 1).tolist()


def test_scalars_that_differ_in_numbers_share_a_scale(drawn):
    values = dict(error_shot_1=2, error_shot_2=8, loss=50)
    draw_loss_curves({'run': {key: curve([1, 2], [value, value + 1])
                              for key, value in values.items()}}, values, [])
    first, second, loss = (ax.get_ylim() for ax in drawn[0].axes)
    assert first == second != loss
    assert first[0] < 2 and first[1] > 9


def test_noise_does_not_fill_the_axis(drawn):
    draw_loss_curves({'run': dict(loss=curve([1, 2], [.699, .701]))}, ['loss'], [])
    low, high = drawn[0].axes[0].get_ylim()
    assert high - low == pytest.approx(.07, rel=.01) and low < .699 < .701 < high


@pytest.mark.parametrize('fired', [None, 1.5])
def test_exploitation_curves_and_trigger(drawn, fired):
    shares = np.array([.3, .6, .4])
    draw_exploitation(np.array([.5, 1, 1.5]), shares, 1 - shares, fired, 'curves.png')
    visible, masked, *trigger = lines(drawn[0].axes[0])
    assert visible == (BLUE, [.5, 1., 1.5], [.3, .6, .4])
    assert masked == (VERMILION, [.5, 1., 1.5], [.7, .4, .6])
    assert [line[1] for line in trigger] == ([] if fired is None else [[1.5, 1.5]])
    assert legend_names(drawn[0])[:2] == ['visible tokens', 'mask tokens']


def test_scatter_groups_have_positions_colors_and_names(drawn):
    groups = {'first': [(0, 10), (1, 11)], 'second': [(8, 2)]}
    draw_scatter({'a': groups, 'b': groups}, 'x', 'points.png', ('chance', 5))
    for ax, ylabel in zip(drawn[0].axes, 'ab', strict=True):
        assert (ax.get_xlabel(), ax.get_ylabel()) == ('x', ylabel)
        assert lines(ax) == [(BLUE, [0, 1], [10, 11]), (VERMILION, [8], [2]),
                             ('gray', [0, 1], [5, 5])]
        assert ax.get_ylim()[0] == 0
    assert legend_names(drawn[0]) == ['first', 'second', 'chance']


def test_curves_with_errors_and_a_level(drawn):
    points = {'a': [(0, 9, 0), (50, 4, 1)], 'b': [(0, 8, 0)]}
    draw_curves({'left': points, 'right': {'b': [(1, 8, 2)]}}, 'y', [], ('chance', 3))
    left, right = drawn[0].axes
    for ax, drawn_curves in ((left, [(BLUE, points['a']), (VERMILION, points['b'])]),
                             (right, [(VERMILION, [(1, 8, 2)])])):
        for (line, _, (bars, )), (color, expected) in zip(ax.containers, drawn_curves, strict=True):
            errors = [(end[1] - start[1]) / 2 for start, end in bars.get_segments()]
            assert line.get_color() == color
            assert list(zip(*line.get_data(), errors, strict=True)) == expected
        assert list(ax.lines[-1].get_ydata()) == [3, 3]
    assert left.get_ylim()[0] == 0
    assert legend_names(drawn[0]) == ['a', 'b', 'chance']
