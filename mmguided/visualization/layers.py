"""Layer-by-layer comparisons of models."""
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from .style import (
    COLORS,
    MARKERS,
    SCORE_COLORS,
    curve_style,
    hide_ticks,
    legend_below,
    new_figure,
    save_figure,
    wrapped,
)

PARTS = ('encoder', 'decoder')

# Model part -> one value per layer, ``(layers, )``, and its entries before averaging,
# ``(layers, n)``, or None.
Curves = Mapping[str, tuple[np.ndarray, np.ndarray | None]]


def draw_layers(models: Mapping[str, Curves], ylabel: str, outs: Sequence[str | Path]) -> None:
    """Draw a measure over all encoder and decoder layers, one curve per model.

    Args:
        ylabel: y label with the unit.
        outs: Output files, see :func:`save_figure`.
    """
    parts = [part for part in PARTS if any(part in curves for curves in models.values())]
    depths = [max(len(curves[part][0]) for curves in models.values() if part in curves)
              for part in parts]
    starts = np.cumsum([0, *depths])
    figure = new_figure(max(4.5, 0.42 * starts[-1] + 2), 3.6)
    ax, handles = figure.subplots(), {}
    for number, (name, curves) in enumerate(models.items()):
        for part, (mean, entries) in curves.items():
            x = starts[parts.index(part)] + np.arange(len(mean))
            style = curve_style(number)
            if entries is not None:
                # Shift points horizontally, so that models do not cover each other.
                shifted = x + 0.5 * ((number + 0.5) / len(models) - 0.5)
                ax.scatter(np.repeat(shifted, entries.shape[1]), entries.ravel(), s=10, alpha=0.5,
                           color=style['color'], linewidths=0)
            handles[name], = ax.plot(x, mean, **style, markersize=4, linewidth=1.3)
    for part, start, end in zip(parts, starts, starts[1:], strict=False):
        ax.text((start + end - 1) / 2, 1.02, part, ha='center', va='bottom', fontsize=8,
                transform=ax.get_xaxis_transform())
        if start:
            ax.axvline(start - 0.5, color='black', linestyle=':', linewidth=1)
    ax.set_xlim(-0.6, starts[-1] - 0.4)
    ax.set_xticks(range(starts[-1]), [f'{i}' for depth in depths for i in range(depth)])
    ax.set_xlabel('layer')
    ax.set_ylabel(ylabel)
    ax.grid(axis='y', alpha=0.3, linewidth=0.6)
    legend_below(figure, handles)
    save_figure(figure, outs)


def draw_lines(panels: Mapping[str, Mapping[str, tuple[Sequence[float], Sequence[float]]]],
               xlabel: str, ylabel: str, outs: Sequence[str | Path], ordered: bool = False
               ) -> None:
    """Draw lines in panels side by side, with the same scale.

    Args:
        panels: Panel title -> line name -> ``(x, y)``. A line has the same color in all panels.
        xlabel, ylabel: Axis labels with units.
        outs: Output files, see :func:`save_figure`.
        ordered: True if the lines have an order, such as layers, and get sequential colors.
    """
    names = list(dict.fromkeys(name for lines in panels.values() for name in lines))
    figure = new_figure(max(4.5, 3.6 * len(panels)), 3.6)
    axes = figure.subplots(1, len(panels), squeeze=False, sharex=True, sharey=True)[0]
    handles = {}
    for ax, (title, lines) in zip(axes, panels.items(), strict=True):
        for name, (x, y) in lines.items():
            number = names.index(name)
            style = curve_style(number) if not ordered else dict(
                color=SCORE_COLORS(0.9 * number / max(1, len(names) - 1)),
                marker=MARKERS[number % len(MARKERS)])
            handles[name], = ax.plot(x, y, **style, markersize=4, linewidth=1.3)
        ax.set_title(wrapped(title, 40), fontsize=9)
        ax.set_xlabel(xlabel)
        ax.grid(alpha=0.3, linewidth=0.6)
    axes[0].set_ylabel(ylabel)
    legend_below(figure, {name: handles[name] for name in names})
    save_figure(figure, outs)


def draw_similarities(models: Mapping[str, np.ndarray], reference: str, label: str,
                      outs: Sequence[str | Path]) -> None:
    """Draw the similarity, from 0 to 1, of all layers of each model to all layers of a reference.

    Args:
        models: Model name -> ``(layers of the reference, layers of the model)``.
        reference: Name of the reference.
        label: Label of the color bar.
        outs: Output files, see :func:`save_figure`.
    """
    columns = min(4, len(models))
    rows = -(-len(models) // columns)
    figure = new_figure(2.4 * columns + 1.2, 2.5 * rows + 0.2)
    axes = figure.subplots(rows, columns, squeeze=False)
    colors = ScalarMappable(Normalize(0, 1), SCORE_COLORS)
    for ax in axes.flat[len(models):]:
        ax.set_axis_off()
    for ax, (name, values) in zip(axes.flat, models.items(), strict=False):
        ax.imshow(values, cmap=colors.cmap, norm=colors.norm, origin='lower')
        ax.set_xticks(range(0, values.shape[1], -(-values.shape[1] // 6)))
        ax.set_yticks(range(0, values.shape[0], -(-values.shape[0] // 6)))
        ax.set_title(wrapped(name, 26), fontsize=9)
        ax.set_xlabel('layer', fontsize=8)
        ax.tick_params(labelsize=8)
    for ax in axes[:, 0]:
        ax.set_ylabel(wrapped(f'layer of {reference}', 26), fontsize=8)
    bar = figure.colorbar(colors, ax=axes, fraction=0.03, pad=0.02)
    bar.set_label(label, fontsize=8)
    save_figure(figure, outs)


def draw_maps(images: np.ndarray, maps: Mapping[str, np.ndarray], mark: tuple[int, int],
              label: str, outs: Sequence[str | Path]) -> None:
    """Draw one row per image: the image and its maps, which share one scale.

    Args:
        images: ``(B, H, W, 3)`` in [0, 1].
        maps: Column title -> ``(B, h, w)``.
        mark: Framed patch, ``(row, column)``.
        label: Label of the color bar.
        outs: Output files, see :func:`save_figure`.
    """
    figure = new_figure(1.5 * len(maps) + 2.3, 1.5 * len(images) + 0.3)
    axes = figure.subplots(len(images), 1 + len(maps), squeeze=False)
    colors = ScalarMappable(Normalize(0, 1), SCORE_COLORS)
    highest = np.max([values.max(axis=(1, 2)) for values in maps.values()], axis=0)
    height, width = next(iter(maps.values())).shape[1:]
    y, x = mark
    columns = [('image', images), *(
        (title, colors.cmap(values / np.maximum(highest, 1e-12)[:, None, None]))
        for title, values in maps.items())]
    for column, (title, pictures) in enumerate(columns):
        axes[0, column].set_title(wrapped(title, 18), fontsize=8)
        for ax, picture in zip(axes[:, column], pictures, strict=True):
            ax.imshow(picture, extent=(0, width, height, 0))
            ax.plot([x, x + 1, x + 1, x, x], [y, y, y + 1, y + 1, y], color=COLORS[1],
                    linewidth=1.5)
    hide_ticks(figure)
    bar = figure.colorbar(colors, ax=axes, fraction=0.03, pad=0.02, ticks=[0, 1])
    bar.set_ticklabels(['0', 'row\nmaximum'], fontsize=7)
    bar.set_label(label, fontsize=8)
    save_figure(figure, outs)


def draw_points(panels: Mapping[str, np.ndarray], labels: np.ndarray, names: Sequence[str],
                outs: Sequence[str | Path]) -> None:
    """Draw grouped points, such as t-SNE coordinates, in panels side by side.

    Args:
        panels: Panel title -> points ``(N, 2)``.
        labels: Group of each point in all panels, ``(N, )``, from 0.
        outs: Output files, see :func:`save_figure`.
    """
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure = new_figure(3 * columns, 3 * rows + 0.5)
    axes = figure.subplots(rows, columns, squeeze=False)
    for ax in axes.flat[len(panels):]:
        ax.set_axis_off()
    colors, handles = ScalarMappable(Normalize(0, max(1, len(names) - 1)), 'turbo'), {}
    for ax, (title, points) in zip(axes.flat, panels.items(), strict=False):
        for group, name in enumerate(names):
            handles[name] = ax.scatter(
                *points[labels == group].T, s=4, color=colors.to_rgba(group),
                marker=MARKERS[group % 8], linewidths=0)
        ax.set_title(wrapped(title, 34), fontsize=9)
    hide_ticks(figure)
    if len(names) <= 24:  # a longer legend would be larger than the panels
        legend_below(figure, handles, markerscale=2.5)
    save_figure(figure, outs)
