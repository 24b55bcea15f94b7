"""Figures that compare models layer by layer."""
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from .style import curve_style, new_figure, plain_text, save_figure

# By the part of a model, encoder first: one value of each layer, ``(layers, )``, and those that it
# is the mean of, ``(layers, n)``, or None.
Curves = Mapping[str, tuple[np.ndarray, np.ndarray | None]]


def draw_layers(models: Mapping[str, Curves], ylabel: str, outs: Sequence[str | Path]) -> None:
    """Draw one measure of the layers of models: a curve for each model, the layers from the first
    of the encoder to the last of the decoder.

    Args:
        models: By name.
        ylabel: Label of the vertical axis, with its unit.
        outs: Pictures to write, see :func:`save_figure`.
    """
    parts = list(dict.fromkeys(part for curves in models.values() for part in curves))
    depths = [max(len(curves[part][0]) for curves in models.values() if part in curves)
              for part in parts]
    starts = np.cumsum([0, *depths])
    figure = new_figure(max(4.5, 0.42 * starts[-1] + 2), 3.6)
    ax = figure.subplots()
    for number, (name, curves) in enumerate(models.items()):
        for part, (mean, entries) in curves.items():
            x = starts[parts.index(part)] + np.arange(len(mean))
            style = curve_style(number)
            if entries is not None:
                # Side by side, for those of several models would cover each other.
                shifted = x + 0.5 * ((number + 0.5) / len(models) - 0.5)
                ax.scatter(np.repeat(shifted, entries.shape[1]), entries.ravel(), s=10, alpha=0.5,
                           color=style['color'], linewidths=0)
            ax.plot(x, mean, **style, markersize=4, linewidth=1.3,
                    label=plain_text(name) if part == next(iter(curves)) else None)
    _mark_parts(ax, parts, starts)
    ax.set_xticks(range(starts[-1]), [f'{i}' for depth in depths for i in range(depth)])
    ax.set_xlabel('layer')
    ax.set_ylabel(ylabel)
    ax.grid(axis='y', alpha=0.3, linewidth=0.6)
    figure.legend(loc='outside lower center', ncols=min(4, len(models)), fontsize=8)
    save_figure(figure, outs)


def _mark_parts(ax: Axes, parts: Sequence[str], starts: Sequence[int]) -> None:
    """Name the parts above the axes, with a line between them."""
    for part, start, end in zip(parts, starts, starts[1:], strict=False):
        ax.text((start + end - 1) / 2, 1.02, part, ha='center', va='bottom', fontsize=8,
                transform=ax.get_xaxis_transform())
        if start:
            ax.axvline(start - 0.5, color='black', linestyle=':', linewidth=1)
    ax.set_xlim(-0.6, starts[-1] - 0.4)


def draw_lines(panels: Mapping[str, Mapping[str, tuple[Sequence[float], Sequence[float]]]],
               xlabel: str, ylabel: str, outs: Sequence[str | Path]) -> None:
    """Draw lines in panels side by side, with the same scale.

    Args:
        panels: By title, each panel's ``(x, y)`` by the name of its line. A name has one color in
            all panels.
        xlabel, ylabel: Labels of the axes, with their units.
        outs: Pictures to write, see :func:`save_figure`.
    """
    names = list(dict.fromkeys(name for lines in panels.values() for name in lines))
    figure = new_figure(max(4.5, 3.6 * len(panels)), 3.6)
    axes = figure.subplots(1, len(panels), squeeze=False, sharex=True, sharey=True)[0]
    handles = {}
    for ax, (title, lines) in zip(axes, panels.items(), strict=True):
        for name, (x, y) in lines.items():
            handles[name], = ax.plot(x, y, **curve_style(names.index(name)), markersize=4,
                                     linewidth=1.3)
        ax.set_title(plain_text(title), fontsize=9)
        ax.set_xlabel(xlabel)
        ax.grid(alpha=0.3, linewidth=0.6)
    axes[0].set_ylabel(ylabel)
    figure.legend([handles[name] for name in names], [plain_text(name) for name in names],
                  loc='outside lower center', ncols=min(4, len(names)), fontsize=8)
    save_figure(figure, outs)


def draw_similarities(models: Mapping[str, np.ndarray], reference: str, label: str,
                      outs: Sequence[str | Path]) -> None:
    """Draw the similarity of each layer of models with each layer of a reference, from 0 to 1.

    Args:
        models: By name, ``(layers of the reference, layers of the model)``.
        reference: Name of the reference.
        label: What the colors mean.
        outs: Pictures to write, see :func:`save_figure`.
    """
    columns = min(4, len(models))
    rows = -(-len(models) // columns)
    figure = new_figure(2.4 * columns + 1.2, 2.5 * rows + 0.2)
    axes = figure.subplots(rows, columns, squeeze=False)
    colors = ScalarMappable(Normalize(0, 1), 'viridis')
    for ax in axes.flat[len(models):]:
        ax.set_axis_off()
    for ax, (name, values) in zip(axes.flat, models.items(), strict=False):
        ax.imshow(values, cmap=colors.cmap, norm=colors.norm, origin='lower')
        ax.set_xticks(range(0, values.shape[1], -(-values.shape[1] // 6)))
        ax.set_yticks(range(0, values.shape[0], -(-values.shape[0] // 6)))
        ax.set_title(plain_text(name), fontsize=9)
        ax.set_xlabel('layer', fontsize=8)
        ax.tick_params(labelsize=8)
    for ax in axes[:, 0]:
        ax.set_ylabel(f'layer of {plain_text(reference)}', fontsize=8)
    bar = figure.colorbar(colors, ax=axes, fraction=0.03, pad=0.02)
    bar.set_label(label, fontsize=8)
    save_figure(figure, outs)


def draw_maps(rows: Sequence[Mapping[str, np.ndarray]], label: str,
              outs: Sequence[str | Path], marks: Sequence[tuple[int, int]] | None = None) -> None:
    """Draw an image and maps of it in each row; all maps of a row have the same scale.

    Args:
        rows: By the title of its column, pictures ``(H, W, 3)`` in [0, 1] and maps ``(h, w)``.
        label: What the colors of the maps mean.
        outs: Pictures to write, see :func:`save_figure`.
        marks: The patch ``(row, column)`` of each row that is framed; None frames none.
    """
    titles = list(rows[0])
    figure = new_figure(1.5 * len(titles) + 0.8, 1.5 * len(rows) + 0.3)
    axes = figure.subplots(len(rows), len(titles), squeeze=False)
    colors = ScalarMappable(Normalize(0, 1), 'inferno')
    for number, (panels, row) in enumerate(zip(axes, rows, strict=True)):
        maps = [values for values in row.values() if values.ndim == 2]
        highest = max(values.max() for values in maps) or 1
        height, width = maps[0].shape
        for ax, (title, values) in zip(panels, row.items(), strict=True):
            ax.imshow(values if values.ndim == 3 else colors.to_rgba(values / highest),
                      extent=(0, width, height, 0))
            if marks is not None:
                y, x = marks[number]
                ax.plot([x, x + 1, x + 1, x, x], [y, y, y + 1, y + 1, y], color='#56B4E9',
                        linewidth=1.5)
            ax.set_xticks([])
            ax.set_yticks([])
            if number == 0:
                ax.set_title(textwrap.fill(plain_text(title), 18), fontsize=8)
    bar = figure.colorbar(colors, ax=axes, fraction=0.03, pad=0.02, ticks=[0, 1])
    bar.set_ticklabels(['0', 'highest\nof the row'], fontsize=7)
    bar.set_label(label, fontsize=8)
    save_figure(figure, outs)


def draw_points(panels: Mapping[str, np.ndarray], labels: np.ndarray, names: Sequence[str],
                outs: Sequence[str | Path]) -> None:
    """Draw points of groups in panels side by side, such as of t-SNE, whose axes mean nothing.

    Args:
        panels: By title, ``(N, 2)``.
        labels: The group of each point in all panels, ``(N, )``, counted from 0.
        names: Of the groups.
        outs: Pictures to write, see :func:`save_figure`.
    """
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure = new_figure(3 * columns, 3 * rows + 0.5)
    axes = figure.subplots(rows, columns, squeeze=False)
    for ax in axes.flat[len(panels):]:
        ax.set_axis_off()
    colors = ScalarMappable(Normalize(0, max(1, len(names) - 1)), 'turbo')
    for ax, (title, points) in zip(axes.flat, panels.items(), strict=False):
        for group, name in enumerate(names):
            mine = points[labels == group]
            ax.scatter(*mine.T, s=4, color=colors.to_rgba(group), marker='osD^vP*X'[group % 8],
                       linewidths=0, label=plain_text(name) if ax is axes.flat[0] else None)
        ax.set_title(plain_text(title), fontsize=9)
        ax.set_xticks([])
        ax.set_yticks([])
    if len(names) <= 24:  # more would be larger than the panels
        figure.legend(loc='outside lower center', ncols=min(6, len(names)), fontsize=7,
                      markerscale=2.5)
    save_figure(figure, outs)
