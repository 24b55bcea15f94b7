"""Loss curves from the scalars that a run logs."""
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib import style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def draw_loss_curves(scalars: str | Path, out: str | Path, window: int = 10) -> None:
    """Draw every ``loss*`` of a run over its iterations, raw and smoothed.

    Args:
        scalars: ``vis_data/scalars.json`` of a work directory, one JSON object a line.
        out: Picture to write.
        window: Points of the moving average.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it holds no loss.
    """
    rows = [json.loads(line) for line in Path(scalars).read_text().splitlines()]
    rows = [row for row in rows if 'loss' in row]
    if not rows:
        raise ValueError(f'{scalars} holds no loss')
    names = [name for name in rows[0] if name.startswith('loss')]
    figure = Figure(figsize=(4 * len(names), 3), dpi=110)
    canvas = FigureCanvasAgg(figure)
    for ax, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        points = [(row['step'], row[name]) for row in rows if name in row]
        steps, values = np.array(points).T
        ax.plot(steps, values, alpha=0.3, linewidth=1)
        size = min(window, len(values))
        ax.plot(steps[size - 1:], np.convolve(values, np.ones(size) / size, mode='valid'))
        ax.set_title(name, fontsize=9)
        ax.set_xlabel('iteration', fontsize=8)
        ax.tick_params(labelsize=8)
    figure.tight_layout()
    canvas.print_png(str(out))


def draw_exploitation(visible: np.ndarray, masked: np.ndarray, epochs: float,
                      fired: float | None, out: str | Path) -> None:
    """Draw how much of a decoder's output comes from visible and from mask tokens over a run
    (Self-guided MAE, Fig. 4).

    Args:
        visible, masked: Shares, ``(N, )`` each, at equal distances.
        epochs: That distance.
        fired: Epoch at which the trigger has fired, which is marked; None leaves the mark out.
        out: Picture to write.
    """
    figure = Figure(figsize=(5, 3.2), dpi=110)
    canvas = FigureCanvasAgg(figure)
    ax = figure.subplots()
    time = epochs * np.arange(1, len(masked) + 1)
    ax.plot(time, visible, label='visible tokens')
    ax.plot(time, masked, label='mask tokens')
    if fired is not None:
        ax.axvline(fired, color='gray', linestyle='--', label=f'trigger, epoch {fired:.1f}')
    ax.set_ylim(0, 1)
    ax.set_xlabel('epoch', fontsize=8)
    ax.set_ylabel('share in the output of the decoder', fontsize=8)
    ax.tick_params(labelsize=8)
    ax.legend(fontsize=8)
    figure.tight_layout()
    canvas.print_png(str(out))


def draw_scatter(panels: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]], xlabel: str,
                 out: str | Path) -> None:
    """Draw groups of points in panels side by side, those of a group joined by a line.

    Args:
        panels: By the label of its vertical axis, each panel's points ``(x, y)`` by the name of
            their group, which is written at the highest.
        xlabel: Label of the horizontal axis, which the panels share.
        out: Picture to write.
    """
    figure = Figure(figsize=(6.5 * len(panels), 5), dpi=110, layout='constrained')
    canvas = FigureCanvasAgg(figure)
    for ax, (ylabel, groups) in zip(
            figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        for number, (name, points) in enumerate(groups.items()):
            color = f'C{number % 10}'
            points = sorted(points, key=lambda point: point[1])
            ax.plot(*np.transpose(points), color=color, marker='o', markersize=4, linewidth=0.7)
            ax.annotate(name, points[-1], xytext=(5, 3), textcoords='offset points',
                        fontsize=7, color=color)
        ax.set_xlabel(xlabel, fontsize=8)
        ax.set_ylabel(ylabel, fontsize=8)
        ax.tick_params(labelsize=8)
        ax.margins(x=0.25)
    canvas.print_png(str(out))


def draw_curves(panels: Mapping[str, Mapping[str, Sequence[tuple[float, float, float]]]],
                ylabel: str, outs: Sequence[str | Path], level: tuple[str, float]) -> None:
    """Draw curves with error bars in panels side by side, in colors that most color-blind readers
    tell apart, and with markers.

    Args:
        panels: By the label of its horizontal axis, each panel's points ``(x, y, error)`` by the
            name of their curve. A name has one color in all panels.
        ylabel: Label of the vertical axis, which the panels share and which starts at 0.
        outs: Pictures to write; the ending of each says its format, such as .png or .pdf.
        level: Name and height of a dashed line.
    """
    names = list(dict.fromkeys(name for curves in panels.values() for name in curves))
    figure = Figure(figsize=(4.5 * len(panels), 3.8), dpi=150, layout='constrained')
    with style.context('tableau-colorblind10'):
        axes = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
        for ax, (xlabel, curves) in zip(axes, panels.items(), strict=True):
            for name, points in curves.items():
                number = names.index(name)
                x, y, error = np.transpose(points)
                ax.errorbar(x, y, error, label=name, color=f'C{number % 10}',
                            marker='osD^v'[number % 5], markersize=4, capsize=2, linewidth=1.2)
            ax.axhline(level[1], color='black', linestyle='--', linewidth=1, label=level[0])
            ax.set_xticks(sorted({x for points in curves.values() for x, *_ in points}))
            ax.set_xlabel(xlabel, fontsize=8)
            ax.tick_params(labelsize=8)
        axes[0].set_ylabel(ylabel, fontsize=8)
        axes[0].set_ylim(bottom=0)
        labels = {label: handle for ax in axes
                  for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
        labels[level[0]] = labels.pop(level[0])  # last
        figure.legend(labels.values(), labels, loc='outside lower center', ncols=2, fontsize=8)
        for out in outs:  # within the style, which colors such as C0 are looked up in
            figure.savefig(out)
