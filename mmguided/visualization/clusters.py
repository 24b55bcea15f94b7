"""Clusters of patches, over the images and in the plane."""
from collections.abc import Mapping

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from .style import COLORS, new_figure, plain_text


def draw_clusters(models: Mapping[str, Mapping[str, np.ndarray | None]]) -> Figure:
    """A row for each image: the image, then of each model the clusters of its patches, in colors
    over the gray image, and the patches as points (Self-guided MAE, Fig. 1 and III).

    Args:
        models: By the name that stands above them, each model's ``images (B, H, W, 3)`` in [0, 1],
            ``clusters (B, h, w)``, numbers below that of :data:`.style.COLORS`, and ``points
            (B, h * w, 2)``, such as of t-SNE; None leaves them out. The images that are shown are
            the largest.
    """
    images = max((shown['images'] for shown in models.values()), key=np.size)
    width = 1 + sum(1 + (shown['points'] is not None) for shown in models.values())
    figure = new_figure(1.5 * width, 1.5 * len(images) + 0.3)
    columns = iter(figure.subplots(len(images), width, squeeze=False).T)
    _column(next(columns), 'image', images)
    for name, shown in models.items():
        pixels = shown['images'].mean(-1, keepdims=True)
        colors = np.array([to_rgb(color) for color in COLORS])[shown['clusters']]
        rows, cols = (pixels.shape[axis] // colors.shape[axis] for axis in (1, 2))
        colored = 0.5 * pixels + 0.5 * colors.repeat(rows, axis=1).repeat(cols, axis=2)
        _column(next(columns), plain_text(name), colored)
        if shown['points'] is not None:
            axes = next(columns)
            axes[0].set_title('t-SNE', fontsize=9)
            for ax, points, clusters in zip(axes, shown['points'], shown['clusters'], strict=True):
                ax.scatter(*points.T, s=6, c=[COLORS[number] for number in clusters.flat])
                ax.set_box_aspect(1)
    for ax in figure.axes:
        ax.set_xticks([])
        ax.set_yticks([])
    return figure


def _column(axes: np.ndarray, title: str, pictures: np.ndarray) -> None:
    axes[0].set_title(title, fontsize=9, wrap=True)
    for ax, picture in zip(axes, pictures, strict=True):
        ax.imshow(picture, interpolation='nearest')
