"""Grids of images."""
import numpy as np
from matplotlib.colors import to_rgb, to_rgba

from mmguided.visualization import draw_clusters
from mmguided.visualization.style import COLORS


def test_clusters_color_patches_and_points():
    """Two images of 8 x 12 pixels; the first model has 2 x 3 patches, the second 4 x 6."""
    generator = np.random.default_rng(0)
    images, points = generator.random((2, 8, 12, 3)), generator.random((2, 6, 2))
    first, second = generator.integers(0, 7, (2, 2, 3)), generator.integers(0, 7, (2, 4, 6))
    figure = draw_clusters({
        'first': dict(images=images, clusters=first, points=points),
        '_second/model_with_a_long_name': dict(images=images, clusters=second, points=None)})
    axes = np.array(figure.axes).reshape(2, 4)
    assert [ax.get_title() for ax in axes[0]] == [
        'image', 'first', 't-SNE', '\u200b_second/model_with_a_\nlong_name']
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
