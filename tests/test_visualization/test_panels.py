"""Panels show their pictures, outlines and points; radar charts show their values."""
import numpy as np
import pytest
from matplotlib.colors import to_rgb, to_rgba

from mmguided.visualization import Panel, color_groups, draw_panels, draw_radar
from mmguided.visualization.panels import outline
from mmguided.visualization.style import COLORS


def test_outline_separates_inside_and_outside():
    region = np.zeros((3, 4), bool)
    region[0, 1] = region[1, 1] = region[1, 2] = True
    assert len(outline(region)) == 8  # perimeter of an L of three patches
    assert ((2, 0), (2, 1)) in outline(region)  # right of (0, 1)
    assert ((1, 2), (2, 2)) in outline(region)  # below (1, 1)
    assert ((1, 1), (2, 1)) not in outline(region)  # between (0, 1) and (1, 1)
    assert len(outline(np.ones((2, 2), bool))) == 8  # the border of the image


@pytest.mark.parametrize('columns', [2, 15])
def test_panels(columns):
    generator = np.random.default_rng(0)
    picture, points = generator.random((8, 12, 3)), generator.random((5, 2))
    region = np.array([[True, False, False], [False, False, False]])
    row = [Panel(picture, '50 %', region), Panel(points=points, colors=[COLORS[0]] * 5)]
    row += [None] * (columns - 2)
    figure = draw_panels([[('first', row), ('second', row)], [('$third', row)]],
                         [f'column {i}' for i in range(columns)], {'masked': '0.5'}, 'The note.')
    assert figure.get_figwidth() < 10.01
    assert len(figure.axes) == 6
    for image, scatter in zip(figure.axes[::2], figure.axes[1::2], strict=True):
        np.testing.assert_array_equal(image.images[0].get_array(), picture)
        place = image.get_position()
        width, height = figure.get_size_inches() * (place.width, place.height)
        assert width / height == pytest.approx(12 / 8)  # true aspect ratio
        assert image.get_xlabel() == '50 %'
        lines, = image.collections
        corners = {tuple(point) for line in lines.get_segments() for point in line.tolist()}
        assert corners == {(0, 0), (4, 0), (0, 4), (4, 4)}  # pixels of the first patch
        np.testing.assert_array_equal(scatter.collections[0].get_offsets(), points)
        np.testing.assert_array_equal(
            scatter.collections[0].get_facecolors(), [to_rgba(COLORS[0])] * 5)
    texts = {text.get_text() for text in figure.texts}
    assert {'first', 'second', r'\$third', 'column 0', 'The note.'} <= texts


def test_groups_color_patches():
    images, groups = np.random.default_rng(0).random((2, 8, 12, 3)), np.arange(6).reshape(1, 2, 3)
    groups = groups.repeat(2, axis=0)
    colors = 2 * color_groups(images, groups) - images.mean(-1, keepdims=True)
    expected = np.array([[to_rgb(COLORS[number]) for number in line] for line in groups[0]])
    np.testing.assert_allclose(colors[1], np.kron(expected, np.ones((4, 4, 1))), atol=1e-9)


def test_radar_axes_start_at_zero():
    figure = draw_radar({'MAE': [68., 40.], 'CMT-MAE': [80., 50.]}, ['linear', 'mIoU'])
    ax, = figure.axes
    first, second = (line.get_ydata() for line in ax.lines)
    np.testing.assert_allclose(first, [.85, .8, .85])
    np.testing.assert_allclose(second, 1)
    assert ax.get_ylim() == (0, 1)
    assert [text.get_text() for text in ax.get_xticklabels()] == [
        'linear\n68 / 80', 'mIoU\n40 / 50']
