"""Fixtures of the figure tests."""
import pytest

from mmguided.visualization import curves, layers


@pytest.fixture
def drawn(monkeypatch):
    """Figures instead of files."""
    figures = []
    for module in (curves, layers):
        monkeypatch.setattr(module, 'save_figure', lambda figure, outs: figures.append(figure))
    return figures
