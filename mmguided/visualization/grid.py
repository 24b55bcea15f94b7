"""Grids of images."""
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from .style import SCORE_COLORS, hide_ticks, new_figure, wrapped


def draw_grid(rows: Mapping[str, Sequence[np.ndarray]], titles: Sequence[str],
              legend: str) -> Figure:
    """Draw rows of images and score maps.

    Args:
        rows: Row name -> panels: images ``(H, W, 3)`` in [0, 1], and maps ``(h, w)``, which share
            one scale from 0 to their maximum. Pixels and patches are square.
        titles: Column titles.
        legend: Label of the color bar of the maps.
    """
    largest = max(panel.max() for panels in rows.values() for panel in panels if panel.ndim == 2)
    aspect = max(panel.shape[0] / panel.shape[1] for panels in rows.values() for panel in panels)
    width = 1.1 * len(titles) + 1.8
    figure = new_figure(width, (1.1 * aspect + 0.05) * len(rows) + 1.2)
    axes = figure.subplots(len(rows), len(titles), squeeze=False)
    colors = ScalarMappable(Normalize(0, largest), SCORE_COLORS)
    for row, (name, panels) in zip(axes, rows.items(), strict=True):
        row[0].set_ylabel(wrapped(name, 24), fontsize=8, rotation=0, ha='right', va='center')
        for ax, panel in zip(row, panels, strict=True):
            ax.imshow(panel if panel.ndim == 3 else colors.to_rgba(panel))
    for ax, title in zip(axes[0], titles, strict=True):
        ax.set_title(title, fontsize=9, loc='left')
    hide_ticks(figure)
    bar = figure.colorbar(colors, ax=axes, location='bottom', shrink=3.5 / width, aspect=35)
    bar.set_label(wrapped(legend, int(14 * width)), fontsize=8)
    bar.ax.tick_params(labelsize=8)
    return figure


def draw_views(images: Sequence[np.ndarray], views: Sequence[Sequence[Sequence[np.ndarray]]]
               ) -> Figure:
    """Draw one row per image: the image with its size in pixels, and the augmented views of several
    draws.

    Args:
        images: Images ``(H, W, 3)``, uint8 RGB, of any size.
        views: Views of each draw of each image, in the same format.
    """
    num_draws, num_views = len(views[0]), len(views[0][0])
    columns = 1 + num_draws * num_views
    figure = new_figure(1.3 * columns, 1.4 * len(images) + 0.4)
    # A narrow empty column precedes each draw.
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
    hide_ticks(figure)
    return figure


def upsample(grid: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Nearest-neighbor upsampling of patches ``(B, h, w, C)`` to the size of images
    ``(B, H, W, C)``."""
    rows, columns = (images.shape[axis] // grid.shape[axis] for axis in (1, 2))
    return grid.repeat(rows, axis=1).repeat(columns, axis=2)
