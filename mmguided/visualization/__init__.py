"""Drawing, and only drawing."""
from .curves import draw_curves, draw_exploitation, draw_loss_curves, draw_scatter
from .sheet import cover, draw_grid, draw_masks, draw_sheet

__all__ = [
    'cover', 'draw_curves', 'draw_exploitation', 'draw_grid', 'draw_loss_curves', 'draw_masks',
    'draw_scatter', 'draw_sheet']
