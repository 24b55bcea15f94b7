"""What all figures have in common: colors, names as plain text, several files of one figure."""
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# The palette of Okabe and Ito (2008), which color-blind readers tell apart, without its yellow,
# which is too light for lines.
COLORS = ('#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#000000')
MARKERS = 'osD^vP*X<>'


def curve_style(number: int) -> dict[str, str]:
    """Color and marker of the curve of a number, which all figures of a comparison share."""
    return dict(color=COLORS[number % len(COLORS)], marker=MARKERS[number % len(MARKERS)])


def plain_text(name: object) -> str:
    """A name as matplotlib shows it, whatever it holds: no formulas, no line breaks, and not left
    out of legends, as names with a leading underscore are."""
    text = ' '.join(str(name).split()).replace('$', r'\$')
    return '\u200b' + text if text.startswith('_') else text


def wrapped(name: object, width: int) -> str:
    """Plain text in lines of at most ``width`` characters."""
    return '\n'.join(textwrap.wrap(plain_text(name), width)) or '?'


def legend_below(figure: Figure, handles: Mapping[str, Artist], width: float) -> None:
    """A legend below a figure of that width in inches, in as many columns as its names allow."""
    names = [wrapped(name, 60) for name in handles]
    longest = max(len(line) for name in names for line in name.split('\n'))
    columns = max(1, min(4, int(width / (0.062 * longest + 0.55))))
    figure.legend(list(handles.values()), names, loc='outside lower center', fontsize=8,
                  ncols=min(columns, len(names)))


def new_figure(width: float, height: float) -> Figure:
    """A figure of that size in inches, without pyplot, whose figures stay in memory."""
    figure = Figure(figsize=(width, height), dpi=150, layout='constrained')
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Figure, outs: Sequence[str | Path]) -> None:
    """Write a figure to files; the ending of each says its format, such as .png, .pdf or .svg."""
    for out in outs:
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(out)
