"""Layer-by-layer comparisons of models."""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from .style import (
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


@dataclass(frozen=True)
class LayerCurve:
    """Values of one part of a model.

    Attributes:
        mean: ``(layers, )``.
        error: Standard error, ``(layers, )``; None if it is not defined.
        entries: Entries before averaging, such as heads, ``(layers, n)``; None for no dots.
        uniform: Value for uniform attention, drawn as a line; None for no line.
    """
    mean: np.ndarray
    error: np.ndarray | None = None
    entries: np.ndarray | None = None
    uniform: float | None = None


def draw_layers(models: Mapping[str, Mapping[str, LayerCurve]], ylabel: str, note: str,
                outs: Sequence[str | Path]) -> None:
    """Draw a measure over all encoder and decoder layers, one curve per model. The axis includes 0,
    so that differences have their true proportion.

    Args:
        models: Model name -> part, 'encoder' or 'decoder' -> curve.
        ylabel: y label with the unit.
        note: Text above the legend.
        outs: Output files, see :func:`save_figure`.
    """
    parts = [part for part in PARTS if any(part in curves for curves in models.values())]
    depths = [max(len(curves[part].mean) for curves in models.values() if part in curves)
              for part in parts]
    starts = np.cumsum([0, *depths])
    figure = new_figure(max(4.5, 0.42 * starts[-1] + 2), 3.6)
    ax, handles, uniform = figure.subplots(), {}, {}
    for number, (name, curves) in enumerate(models.items()):
        # Shift points horizontally, so that models do not cover each other.
        shift = 0.5 * ((number + 0.5) / len(models) - 0.5)
        for part, curve in curves.items():
            place = parts.index(part)
            x = starts[place] + np.arange(len(curve.mean))
            style = curve_style(number)
            if curve.entries is not None:
                ax.scatter(np.repeat(x + shift, curve.entries.shape[1]), curve.entries.ravel(),
                           s=10, alpha=0.5, color=style['color'], linewidths=0)
            handles[name] = ax.errorbar(x, curve.mean, curve.error, **style, markersize=4,
                                        linewidth=1.3, elinewidth=1, capsize=2)
            if curve.uniform is not None:
                uniform[place, curve.uniform] = None
    for (place, value) in uniform:
        handles['uniform attention'], = ax.plot(
            [starts[place] - 0.5, starts[place + 1] - 0.5], [value] * 2, color='0.4',
            linestyle='--', linewidth=1)
    for part, start, end in zip(parts, starts, starts[1:], strict=False):
        ax.text((start + end - 1) / 2, 1.02, part, ha='center', va='bottom', fontsize=8,
                transform=ax.get_xaxis_transform())
        if start:
            ax.axvline(start - 0.5, color='black', linestyle=':', linewidth=1)
    ax.set_xlim(-0.6, starts[-1] - 0.4)
    ax.set_xticks(range(starts[-1]), [f'{i}' for depth in depths for i in range(depth)])
    ax.set_xlabel('layer')
    ax.set_ylabel(ylabel)
    _include_zero(ax)
    ax.grid(axis='y', alpha=0.3, linewidth=0.6)
    legend_below(figure, handles, title=note, title_fontsize=7)
    save_figure(figure, outs)


def _include_zero(ax: Axes) -> None:
    low, high = ax.get_ylim()
    if low > 0 or high < 0:  # the margin of a flat curve is too small for the longer axis
        ax.set_ylim(min(low * 1.05, 0), max(high * 1.05, 0))


def draw_lines(panels: Mapping[str, Mapping[str, tuple[np.ndarray, ...]]], xlabel: str, ylabel: str,
               note: str, outs: Sequence[str | Path], ordered: bool = False) -> None:
    """Draw lines in panels side by side, with the same scale. The axis includes 0.

    Args:
        panels: Panel title -> line name -> ``(x, y, error of y or None)``. A line has the same
            color in all panels.
        xlabel, ylabel: Axis labels with units.
        note: Text above the legend.
        outs: Output files, see :func:`save_figure`.
        ordered: True if the lines have an order, such as layers, and get sequential colors.
    """
    names = list(dict.fromkeys(name for lines in panels.values() for name in lines))
    figure = new_figure(max(4.5, 3.6 * len(panels)), 3.6)
    axes = figure.subplots(1, len(panels), squeeze=False, sharex=True, sharey=True)[0]
    handles = {}
    for ax, (title, lines) in zip(axes, panels.items(), strict=True):
        for name, (x, y, error) in lines.items():
            number = names.index(name)
            style = curve_style(number) if not ordered else dict(
                color=SCORE_COLORS(0.9 * number / max(1, len(names) - 1)),
                marker=MARKERS[number % len(MARKERS)])
            handles[name] = ax.errorbar(x, y, error, **style, markersize=4, linewidth=1.3,
                                        elinewidth=1, capsize=2)
        ax.set_title(wrapped(title, 40), fontsize=9)
        ax.set_xlabel(xlabel)
        ax.grid(alpha=0.3, linewidth=0.6)
    axes[0].set_ylabel(ylabel)
    _include_zero(axes[0])
    legend_below(figure, {name: handles[name] for name in names}, title=note, title_fontsize=7)
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
