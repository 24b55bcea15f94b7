"""Drawing, and only drawing."""
from .curves import draw_exploitation, draw_loss_curves
from .sheet import draw_masks, draw_sheet

__all__ = ['draw_exploitation', 'draw_loss_curves', 'draw_masks', 'draw_sheet']
