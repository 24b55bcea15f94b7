"""Pictures and maps in rows."""
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from .style import new_figure, plain_text


def draw_grid(rows: Mapping[str, Sequence[np.ndarray]], titles: Sequence[str],
              legend: str) -> Figure:
    """Pictures and maps in rows.

    Args:
        rows: By the name that stands beside it, the panels of a row: pictures ``(H, W, 3)`` in
            [0, 1], and maps ``(h, w)``, on one scale from 0 to the largest value of all.
        titles: Stand above the columns.
        legend: What the colors of the maps mean.
    """
    largest = max(panel.max() for panels in rows.values() for panel in panels if panel.ndim == 2)
    width = 1.1 * len(titles) + 1.8
    figure = new_figure(width, 1.15 * len(rows) + 1.2)
    axes = figure.subplots(len(rows), len(titles), squeeze=False)
    colors = ScalarMappable(Normalize(0, largest), 'viridis')
    for row, (name, panels) in zip(axes, rows.items(), strict=True):
        row[0].set_ylabel(plain_text(name), fontsize=8, rotation=0, ha='right', va='center')
        for ax, title, panel in zip(row, titles, panels, strict=True):
            ax.imshow(panel if panel.ndim == 3 else colors.to_rgba(panel), extent=(0, 1, 0, 1))
            ax.set_xticks([])
            ax.set_yticks([])
            if ax in axes[0]:
                ax.set_title(title, fontsize=9, loc='left')
    bar = figure.colorbar(colors, ax=axes, location='bottom', shrink=3.5 / width, aspect=35)
    bar.set_label(legend, fontsize=8)
    bar.ax.tick_params(labelsize=8)
    return figure
