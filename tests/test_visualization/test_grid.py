"""Grids of images."""
import numpy as np
import pytest

from mmguided.visualization import draw_grid


def test_rows_of_a_grid_keep_the_aspect_ratio():
    """Images of 8 x 12 pixels and maps of 2 x 3 patches."""
    figure = draw_grid({'a': [np.zeros((8, 12, 3)), np.eye(2, 3)]}, ['', 'epoch 1'], 'share')
    figure.canvas.draw()
    for ax in figure.axes[:2]:
        box = ax.get_window_extent()
        assert box.height / box.width == pytest.approx(2 / 3, rel=.02)
    assert figure.axes[2].get_xlabel() == 'share'
