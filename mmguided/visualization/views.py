"""What a pipeline makes of images."""
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from .style import new_figure


def draw_views(images: Sequence[np.ndarray], views: Sequence[Sequence[Sequence[np.ndarray]]]
               ) -> Figure:
    """A row for each image: the image with its size in pixels, and the views of several draws.

    Args:
        images: ``(H, W, 3)`` uint8 RGB each, of any size.
        views: For each image, for each draw, its views, likewise.
    """
    num_draws, num_views = len(views[0]), len(views[0][0])
    columns = 1 + num_draws * num_views
    figure = new_figure(1.3 * columns, 1.4 * len(images) + 0.4)
    # Some room in front of each draw.
    axes = figure.add_gridspec(
        len(images), columns + num_draws,
        width_ratios=[1] + num_draws * [0.1, *num_views * [1]]).subplots(squeeze=False)
    draws = [1 + draw * (1 + num_views) for draw in range(num_draws)]
    for row, image, drawn in zip(axes, images, views, strict=True):
        row[0].imshow(image)
        row[0].set_xlabel(f'{image.shape[1]} x {image.shape[0]}', fontsize=7)
        for first, pictures in zip(draws, drawn, strict=True):
            row[first].remove()
            for ax, picture in zip(row[first + 1:], pictures, strict=False):
                ax.imshow(picture)
    axes[0, 0].set_title('file', fontsize=9)
    for number, first in enumerate(draws, start=1):
        for view in range(1, num_views + 1):
            axes[0, first + view].set_title(
                f'draw {number}' + (f', view {view}' if num_views > 1 else ''), fontsize=9)
    for ax in figure.axes:
        ax.set_xticks([])
        ax.set_yticks([])
    return figure
