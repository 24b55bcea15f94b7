"""Bar charts."""
from matplotlib.figure import Figure

from mmguided.visualization import draw_stacked_bars


def test_parts_are_stacked_and_bars_have_their_names(tmp_path, monkeypatch):
    figures, save = [], Figure.savefig
    monkeypatch.setattr(
        Figure, 'savefig', lambda self, out: figures.append(self) or save(self, out))
    draw_stacked_bars({'first': dict(a=1., b=2.), 'second': dict(a=3., b=.5)}, 'ms',
                      [tmp_path / 'bars.png'])
    ax, = figures[0].axes
    boxes = [(bar.get_x(), bar.get_width()) for bar in ax.patches]
    assert boxes == [(0, 1), (0, 3), (1, 2), (3, .5)]
    assert [label.get_text() for label in ax.get_yticklabels()] == ['first', 'second']
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first bar is on top
    assert (tmp_path / 'bars.png').stat().st_size
