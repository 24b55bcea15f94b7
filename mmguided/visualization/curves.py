"""Curves and scatter plots."""
import re
from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path

import numpy as np

from mmguided.utils.logs import Curve

from .style import (
    COLORS,
    curve_style,
    label_axes,
    legend_below,
    new_figure,
    plain_text,
    save_figure,
    widen_y_axis,
)


def draw_loss_curves(runs: Mapping[str, Mapping[str, Curve]], keys: Sequence[str],
                     outs: Sequence[str | Path]) -> None:
    """Draw logged scalars over epochs, one panel per scalar: logged values (faint) and their moving
    average over one epoch.

    Panels of keys that differ only in numbers, such as ``error_shot_1`` and ``error_shot_2``
    (Conditional MAE, Fig. 7), share their scale. A scale spans at least 10 % of its largest value.

    Args:
        runs: Run name -> scalar -> curve, see :func:`mmguided.utils.logs.read_curves`. A run has
            the same color and marker in all panels.
        keys: Scalars to draw.
        outs: Output files, see :func:`.style.save_figure`.
    """
    longest = max(curves[key].epochs[-1] for curves in runs.values() for key in keys
                  if key in curves)
    columns = min(3, len(keys))
    rows = ceil(len(keys) / columns)
    figure = new_figure(4 * columns, 2.8 * rows + 0.4)
    families, handles = {}, {}
    for place, key in enumerate(keys, start=1):
        family = re.sub(r'\d+', '', key)
        ax = figure.add_subplot(rows, columns, place, sharey=families.get(family))
        families.setdefault(family, ax)
        for number, (name, curves) in enumerate(runs.items()):
            if key in curves:
                curve, style = curves[key], curve_style(number)
                ax.plot(curve.epochs, curve.values, color=style['color'], alpha=0.25, linewidth=1)
                # Draw few markers, at different positions for each curve.
                places = ((0.5 + number / len(runs)) / 10, 0.1) if len(curve.epochs) > 1 else None
                handles[name], = ax.plot(curve.epochs, moving_average(curve), **style, markersize=4,
                                         markevery=places, label=plain_text(name))
        ax.set_xlim(0, longest)
        label_axes(ax, 'epoch', plain_text(key))
        ax.grid(alpha=0.3)
        widen_y_axis(ax)
    legend_below(figure, {name: handles[name] for name in runs if name in handles},
                 title='line: mean over one epoch; faint: logged values', title_fontsize=7)
    save_figure(figure, outs)


def moving_average(curve: Curve) -> np.ndarray:
    """Centered moving average over one epoch, ``(N, )``; the window is narrower at the ends."""
    time = curve.epochs
    reach = np.minimum(0.5, np.minimum(time - time[0], time[-1] - time)) + 1e-9  # rounding
    begin = np.searchsorted(time, time - reach)
    end = np.searchsorted(time, time + reach)
    return np.array([curve.values[i:j].mean() for i, j in zip(begin, end, strict=True)])


def draw_exploitation(epochs: np.ndarray, visible: np.ndarray, masked: np.ndarray,
                      fired: float | None, out: str | Path) -> None:
    """Draw the shares of visible and mask tokens in the decoder output over a run (Self-guided MAE,
    Fig. 4).

    Args:
        epochs: Epochs of the values, ``(N, )``.
        visible, masked: Shares, ``(N, )`` each.
        fired: Epoch at which the trigger fired; None if it did not fire.
        out: Output file.
    """
    figure = new_figure(5, 3.4)
    ax, handles = figure.subplots(), {}
    handles['visible tokens'], = ax.plot(epochs, visible, color=COLORS[0])
    handles['mask tokens'], = ax.plot(epochs, masked, color=COLORS[1], linestyle='-.')
    if fired is not None:
        handles[f'trigger, epoch {fired:.1f}'] = ax.axvline(fired, color='gray', linestyle='--')
    ax.set_ylim(0, 1)
    label_axes(ax, 'epoch', 'share in the decoder output')
    legend_below(figure, handles)
    save_figure(figure, [out])


def draw_scatter(panels: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]], xlabel: str,
                 out: str | Path, level: tuple[str, float] | None = None) -> None:
    """Draw groups of points in panels side by side, with a line through each group. The y axis
    starts at 0.

    Args:
        panels: y label -> group name -> points ``(x, y)``. A group has the same color and marker
            in all panels.
        xlabel: x label of all panels.
        out: Output file.
        level: Name and y value of a dashed line, such as chance.
    """
    names = list(dict.fromkeys(name for groups in panels.values() for name in groups))
    figure, handles = new_figure(5.5 * len(panels), 5.5), {}
    for ax, (ylabel, groups) in zip(
            figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        for name, points in groups.items():
            points = sorted(points, key=lambda point: point[1])
            handles[name], = ax.plot(*np.transpose(points), **curve_style(names.index(name)),
                                     markersize=5, linewidth=0.7)
        if level is not None:
            handles[level[0]] = ax.axhline(level[1], color='gray', linestyle='--', linewidth=1)
        label_axes(ax, xlabel, ylabel)
        ax.set_ylim(bottom=0)
    legend_below(figure, handles)
    save_figure(figure, [out])


def draw_curves(panels: Mapping[str, Mapping[str, Sequence[tuple[float, float, float]]]],
                ylabel: str, outs: Sequence[str | Path], level: tuple[str, float]) -> None:
    """Draw curves with error bars in panels side by side.

    Args:
        panels: x label -> curve name -> points ``(x, y, error)``. A curve has the same color and
            marker in all panels.
        ylabel: y label of all panels; the axis starts at 0.
        outs: Output files, see :func:`.style.save_figure`.
        level: Name and y value of a dashed line.
    """
    names = list(dict.fromkeys(name for curves in panels.values() for name in curves))
    figure, handles = new_figure(4.5 * len(panels), 3.8), {}
    axes = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for ax, (xlabel, curves) in zip(axes, panels.items(), strict=True):
        for name, points in curves.items():
            x, y, error = np.transpose(points)
            handles[name] = ax.errorbar(x, y, error, **curve_style(names.index(name)),
                                        markersize=4, capsize=2, linewidth=1.2)
        line = ax.axhline(level[1], color='gray', linestyle='--', linewidth=1)
        ax.set_xticks(sorted({x for points in curves.values() for x, *_ in points}))
        label_axes(ax, xlabel)
    axes[0].set_ylabel(ylabel, fontsize=8)
    axes[0].set_ylim(bottom=0)
    legend_below(figure, handles | {level[0]: line})
    save_figure(figure, outs)
