"""Shared style of all figures."""
import re
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib import colormaps
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# The color-blind safe palette of Okabe and Ito (2008) without yellow, which is too light for lines.
COLORS = ('#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#000000')
MARKERS = 'osD^vP*X<>'
LINE_STYLES = '-', '--', ':'
#: Colormap of scores. It contains no gray, the color of masked patches.
SCORE_COLORS = colormaps['viridis']


def curve_style(number: int) -> dict[str, str]:
    """Color, marker and line style of a curve, the same in all figures of a comparison. Curves of
    the same color have different line styles."""
    return dict(color=COLORS[number % len(COLORS)], marker=MARKERS[number % len(MARKERS)],
                linestyle=LINE_STYLES[number // len(COLORS) % len(LINE_STYLES)])


def plain_text(name: object) -> str:
    """Escape a name for matplotlib: no math mode, no line breaks, and no leading underscore, which
    would hide it in legends."""
    text = ' '.join(str(name).split()).replace('$', r'\$')
    return '\u200b' + text if text.startswith('_') else text


def wrapped(name: object, width: int) -> str:
    """Plain text in lines of at most ``width`` characters, also broken at the separators of paths
    and names."""
    wrapper = textwrap.TextWrapper(width)
    wrapper.wordsep_re = re.compile(r'(\s+|[^\s/_-]*[/_-])')
    return wrapper.fill(plain_text(name))


def legend_below(figure: Figure, handles: Mapping[str, Artist], **kwargs) -> None:
    """Add a legend below a figure, with as many columns as its width and the names allow."""
    names = [wrapped(name, 60) for name in handles]
    longest = max(len(line) for name in names for line in name.split('\n'))
    columns = max(1, min(4, len(names), int(figure.get_figwidth() / (0.062 * longest + 0.55))))
    figure.legend(list(handles.values()), names, loc='outside lower center', fontsize=8,
                  ncols=columns, **kwargs)


def new_figure(width: float, height: float) -> Figure:
    """Create a figure of this size in inches without pyplot, which would keep it in memory."""
    figure = Figure(figsize=(width, height), dpi=150, layout='constrained')
    FigureCanvasAgg(figure)
    return figure


def label_axes(ax: Axes, xlabel: str, ylabel: str = '') -> None:
    """Label axes in small type."""
    ax.set_xlabel(xlabel, fontsize=8)
    ax.set_ylabel(ylabel, fontsize=8)
    ax.tick_params(labelsize=8)


def widen_y_axis(ax: Axes, share: float = 0.1) -> None:
    """Extend the y axis to a share of its largest value or more, so that noise does not fill it."""
    low, high = ax.get_ylim()
    missing = share * max(abs(low), abs(high)) - (high - low)
    if missing > 0:
        ax.set_ylim(low - missing / 2, high + missing / 2)


def hide_ticks(figure: Figure) -> None:
    """Hide the ticks of all axes."""
    for ax in figure.axes:
        ax.set(xticks=[], yticks=[])


def save_figure(figure: Figure, outs: Sequence[str | Path]) -> None:
    """Write a figure to files; the extension selects the format, such as .png, .pdf or .svg."""
    for out in outs:
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(out)
