"""draw_clusters: patches of a cluster have its color, over the image and in the plane."""
import numpy as np
import pytest
from matplotlib.colors import to_rgb, to_rgba

from mmguided.visualization import draw_clusters
from mmguided.visualization.style import COLORS


@pytest.fixture
def figure():
    """Two images of 8 x 12 pixels; the first model has 2 x 3 patches, the second 4 x 6."""
    generator = np.random.default_rng(0)
    images = generator.random((2, 8, 12, 3))
    first = generator.integers(0, 7, (2, 2, 3))
    points = generator.random((2, 6, 2))
    second = generator.integers(0, 7, (2, 4, 6))
    return images, first, points, second, draw_clusters({
        'first': dict(images=images, clusters=first, points=points),
        '_second': dict(images=images, clusters=second, points=None)})


def test_panels(figure):
    images, first, points, second, drawn = figure
    axes = np.array(drawn.axes).reshape(2, 4)
    assert [ax.get_title() for ax in axes[0]] == ['image', 'first', 't-SNE', '\u200b_second']
    for row, (image, *shown) in enumerate(axes):
        np.testing.assert_array_equal(image.images[0].get_array(), images[row])
        for ax, clusters, size in ((shown[0], first, 4), (shown[2], second, 2)):
            pixels = 2 * ax.images[0].get_array() - images[row].mean(-1, keepdims=True)
            expected = np.array([[to_rgb(COLORS[number]) for number in line]
                                 for line in clusters[row]])
            np.testing.assert_allclose(
                pixels, np.kron(expected, np.ones((size, size, 1))), atol=1e-9)
        scatter, = shown[1].collections
        np.testing.assert_array_equal(scatter.get_offsets(), points[row])
        np.testing.assert_allclose(scatter.get_facecolors(),
                                   [to_rgba(COLORS[number]) for number in first[row].flat])
