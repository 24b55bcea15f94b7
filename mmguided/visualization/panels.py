"""Grids of small pictures with outlined regions, and radar charts."""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from .grid import upsample
from .style import COLORS, curve_style, legend_below, new_figure, wrapped

# Lengths in inches.
_PANEL, _GAP, _GROUP_GAP, _LINE, _NAMES, _PAGE = 1.3, 0.06, 0.14, 0.15, 1.1, 10


@dataclass(frozen=True)
class Panel:
    """Picture, or points, with a text below.

    Attributes:
        picture: ``(H, W, 3)`` in [0, 1], also patches; None draws only ``points``.
        text: Text below the picture.
        region: Patches ``(h, w)``, bool, to outline.
        points: ``(n, 2)`` with ``colors (n, 3)``.
    """
    picture: np.ndarray | None = None
    text: str = ''
    region: np.ndarray | None = None
    points: np.ndarray | None = None
    colors: np.ndarray | None = None


# Rows of a group: name, and one panel per column; None leaves a cell empty.
Rows = Sequence[tuple[str, Sequence[Panel | None]]]


def draw_panels(groups: Sequence[Rows], titles: Sequence[str], legend: Mapping[str, str],
                note: str) -> Figure:
    """Draw groups of rows, such as one group per image with one row per model. The figure fits on a
    page.

    Args:
        titles: Column titles.
        legend: Meaning -> color.
        note: Text below the figure: what is compared, and the value that chance gives.
    """
    rows = list(chain(*groups))
    names = [wrapped(name, 16) for name, _ in rows]
    left = (_NAMES if any(names) else 0) + _GAP
    panel = min(_PANEL, (_PAGE - left) / len(titles) - _GAP)
    width = max(left + len(titles) * (panel + _GAP), 4.)
    font = min(8, max(5, 8 * panel))
    titles = [wrapped(title, max(8, int(15 * panel * 8 / font))) for title in titles]
    notes = wrapped(note, int(16 * width)).splitlines()
    top = (1 + max(title.count('\n') for title in titles)) * _LINE + _GAP
    columns = max(1, min(len(legend), int(width / 1.5)))
    bottom = (len(notes) + -(-len(legend) // columns) + 0.7) * _LINE
    shapes = [next(each.picture.shape for each in panels if each is not None) for _, panels in rows]
    heights = [panel * shape[0] / shape[1] for shape in shapes]
    texts = [_LINE if any(each is not None and each.text for each in panels) else 0
             for _, panels in rows]
    height = (top + sum(heights) + sum(texts) + len(rows) * _GAP + (len(groups) - 1) * _GROUP_GAP
              + bottom)
    # Panels are placed by hand because a layout engine takes much longer than drawing.
    figure = Figure(figsize=(width, height), dpi=200)
    FigureCanvasAgg(figure)
    for column, title in enumerate(titles):
        figure.text((left + column * (panel + _GAP) + panel / 2) / width,
                    1 - (top - _GAP) / height, title, ha='center', va='bottom', fontsize=font)
    y, last_rows = height - top, set(np.cumsum([len(rows) for rows in groups]) - 1)
    for number, ((_, panels), name) in enumerate(zip(rows, names, strict=True)):
        y -= heights[number]
        figure.text((left - _GAP) / width, (y + heights[number] / 2) / height, name, ha='right',
                    va='center', fontsize=8)
        for column, each in enumerate(panels):
            if each is not None:
                x = left + column * (panel + _GAP)
                _draw_panel(figure, (x / width, y / height, panel / width,
                                     heights[number] / height), each, font)
        y -= texts[number] + _GAP + (_GROUP_GAP if number in last_rows else 0)
    if legend:
        handles = [Patch(facecolor=color, edgecolor='black', linewidth=0.5, label=meaning)
                   for meaning, color in legend.items()]
        figure.legend(handles=handles, loc='lower center', ncols=columns, fontsize=7, frameon=False,
                      bbox_to_anchor=(0.5, (len(notes) + 0.3) * _LINE / height), borderaxespad=0)
    figure.text(0.5, 0.3 * _LINE / height, '\n'.join(notes), ha='center', va='bottom', fontsize=7)
    return figure


def _draw_panel(figure: Figure, place: tuple[float, ...], panel: Panel, font: float) -> None:
    ax = figure.add_axes(place, xticks=[], yticks=[])
    ax.set_xlabel(panel.text, fontsize=font - 1, labelpad=1)
    if panel.points is not None:
        ax.scatter(*panel.points.T, s=4, c=panel.colors, linewidths=0)
        ax.margins(0.08)
        return
    height, width = panel.picture.shape[:2]
    ax.imshow(np.clip(panel.picture, 0, 1), extent=(0, width, height, 0), interpolation='nearest')
    if panel.region is not None:
        size = np.array((width, height)) / panel.region.shape[::-1]
        ax.add_collection(LineCollection(
            [np.array(line) * size for line in outline(panel.region)], colors=COLORS[1],
            linewidths=0.4 + 0.7 * font / 8, capstyle='projecting', clip_on=False))


def outline(region: np.ndarray) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Edges ``((x, y), (x, y))`` between patches inside and outside a region ``(h, w)``, bool."""
    padded = np.pad(region, 1)
    beside = zip(*np.nonzero(padded[1:-1, 1:] != padded[1:-1, :-1]), strict=True)
    below = zip(*np.nonzero(padded[1:, 1:-1] != padded[:-1, 1:-1]), strict=True)
    return [((x, y), (x, y + 1)) for y, x in beside] + [((x, y), (x + 1, y)) for y, x in below]


def color_groups(images: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Gray images ``(B, H, W, 3)`` under the colors of groups ``(B, h, w)``, indices into
    :data:`.style.COLORS`."""
    colors = np.array([to_rgb(color) for color in COLORS])[groups]
    return 0.5 * images.mean(-1, keepdims=True) + 0.5 * upsample(colors, images)


def draw_radar(results: Mapping[str, Sequence[float]], axes: Sequence[str]) -> Figure:
    """Draw the results of several models on one axis per benchmark (CMT-MAE, Fig. 1). Each axis
    runs from 0 to its largest result, so that lengths are proportional to results.

    Args:
        results: Model name -> one value >= 0 per axis.
        axes: Names of the axes.
    """
    values = np.array(list(results.values()))
    largest = values.max(axis=0)
    angles = np.linspace(0, 2 * np.pi, len(axes), endpoint=False)
    figure = new_figure(5, 5)
    ax = figure.add_subplot(projection='polar', theta_offset=np.pi / 2, theta_direction=-1)
    handles = {}
    for number, (name, row) in enumerate(zip(results, values / largest, strict=True)):
        style = curve_style(number)
        handles[name], = ax.plot(np.append(angles, 0), np.append(row, row[0]), **style,
                                 linewidth=1.5, markersize=4, clip_on=False)
        ax.fill(angles, row, color=style['color'], alpha=0.08)
    ax.set_ylim(0, 1)
    ax.set_yticks([0.25, 0.5, 0.75, 1], labels=[])
    ax.set_xticks(angles, [
        f'{wrapped(axis, 20)}\n' + ' / '.join(f'{value:.3g}' for value in column)
        for axis, column in zip(axes, values.T, strict=True)], fontsize=8)
    ax.tick_params(axis='x', pad=22)
    legend_below(figure, handles, title='each axis runs from 0 to its largest result',
                 title_fontsize=7)
    return figure
