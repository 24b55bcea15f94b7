"""Layer-by-layer comparisons of models."""
import numpy as np
from PIL import Image

from mmguided.visualization import (
    LayerCurve,
    draw_layers,
    draw_lines,
    draw_points,
    draw_similarities,
)
from mmguided.visualization.style import plain_text

HOSTILE = '_$x^{\n<script>'


def curve(*values):
    return dict(encoder=LayerCurve(np.array(values, float)))


def legend_names(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_decoder_layers_follow_encoder_layers(drawn):
    heads = np.array([[1., 3], [2, 6], [0, 4]])
    draw_layers({
        'deep': dict(decoder=LayerCurve(np.array([5., 6])), encoder=LayerCurve(
            heads.mean(1), np.array([.1, .2, .3]), heads, uniform=9.5)),
        'shallow': curve(7, 8)}, 'distance, px', '5 images', [])
    ax, = drawn[0].axes
    lines = [line for line in ax.lines if line.get_marker() in 'os']
    assert [line.get_xdata().tolist() for line in lines] == [[3, 4], [0, 1, 2], [0, 1]]
    assert lines[1].get_ydata().tolist() == [2, 4, 2]
    assert lines[0].get_color() == lines[1].get_color() != lines[2].get_color()
    assert [label.get_text() for label in ax.get_xticklabels()] == ['0', '1', '2', '0', '1']
    assert [text.get_text() for text in ax.texts] == ['encoder', 'decoder']
    points = ax.collections[0].get_offsets()
    assert points[:, 1].tolist() == heads.ravel().tolist()
    assert (np.abs(points[:, 0] - np.repeat([0, 1, 2], 2)) < .5).all()
    bars, = (bars for bars in ax.collections[1:] if len(bars.get_segments()) == 3)
    np.testing.assert_allclose([np.diff(bar[:, 1]).item() / 2 for bar in bars.get_segments()],
                               [.1, .2, .3])
    uniform, = (line for line in ax.lines if line.get_linestyle() == '--')
    assert uniform.get_xdata().tolist() == [-.5, 2.5] and uniform.get_ydata().tolist() == [9.5] * 2
    assert legend_names(drawn[0]) == ['deep', 'shallow', 'uniform attention']
    assert drawn[0].legends[0].get_title().get_text() == '5 images'
    assert ax.get_ylabel() == 'distance, px' and ax.get_xlabel() == 'layer'


def test_axes_include_zero(drawn):
    draw_layers({'a': curve(7, 7.01)}, 'px', '', [])
    draw_lines({'encoder': {'a': ([0, 1], [-7, -7.01], None)}}, 'epoch', 'nats', '', [])
    limits = [figure.axes[0].get_ylim() for figure in drawn]
    assert limits[0][0] == limits[1][1] == 0
    # A margin of at least 5 % keeps the markers of a flat curve inside of the axes.
    assert limits[0][1] >= 7.01 * 1.05 and limits[1][0] <= -7.01 * 1.05


def test_panels_share_scale_and_colors(drawn):
    draw_lines({'encoder': {'a': ([0, 1], [0, 9], [1, 1]), 'b': ([0, 1], [1, 1], None)},
                'decoder': {'b': ([0, 1], [2, 2], None)}}, 'epoch', 'nats', '', [])
    first, second = drawn[0].axes
    assert first.get_ylim() == second.get_ylim()
    colors = [[line.get_color() for line in ax.lines if line.get_marker() in 'os']
              for ax in (first, second)]
    assert colors[0][1] == colors[1][0] != colors[0][0]
    draw_lines({'encoder': {f'layer {i}': ([0], [i], None) for i in range(9)}}, 'epoch', 'nats',
               '', [], ordered=True)
    assert len({line.get_color() for line in drawn[1].axes[0].lines}) == 9


def test_similarities_share_a_scale(drawn):
    draw_similarities({'a': np.full((2, 3), .5), 'b': np.full((2, 2), 1.2)}, 'a', 'CKA', [])
    images = [ax.images[0] for ax in drawn[0].axes if ax.images]
    assert [image.get_clim() for image in images] == [(0, 1), (0, 1)]
    # Layers of the model on x, those of the reference on y, upward.
    assert images[0].get_array().shape == (2, 3) and images[0].origin == 'lower'


def test_points_have_the_color_of_their_group(drawn):
    points = np.array([[0., 0], [1, 1], [2, 2]])
    draw_points({'a': points, 'b': points + 1}, np.array([1, 0, 1]), ['cat', 'dog'], [])
    first = drawn[0].axes[0].collections
    assert [group.get_offsets().tolist() for group in first] == [[[1, 1]], [[0, 0], [2, 2]]]
    assert legend_names(drawn[0]) == ['cat', 'dog']


def test_all_formats_with_hostile_names(tmp_path):
    """An unterminated formula would be an error, and a leading underscore hides a legend entry."""
    assert plain_text(HOSTILE) == '\u200b_\\$x^{ <script>'
    outs = [tmp_path / f'new/a.{ending}' for ending in ('png', 'pdf', 'svg')]
    draw_layers({HOSTILE: curve(1, 2)}, 'px', '', outs)
    draw_similarities({HOSTILE: np.eye(2)}, HOSTILE, 'CKA', outs)
    assert Image.open(outs[0]).size[0] > 100
    assert outs[1].read_bytes().startswith(b'%PDF') and b'<script>' not in outs[2].read_bytes()
