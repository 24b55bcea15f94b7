"""Figures. This package only draws."""
from .bars import draw_stacked_bars
from .curves import draw_curves, draw_exploitation, draw_loss_curves, draw_scatter
from .grid import draw_grid, draw_views
from .layers import LayerCurve, draw_layers, draw_lines, draw_points, draw_similarities
from .panels import Panel, color_groups, draw_panels, draw_radar
from .report import Figure, Table, html_report
from .sheet import cover, draw_masks, draw_models, draw_sheet, heatmap

__all__ = [
    'Figure', 'LayerCurve', 'Panel', 'Table', 'color_groups', 'cover', 'draw_curves',
    'draw_exploitation', 'draw_grid', 'draw_layers', 'draw_lines', 'draw_loss_curves',
    'draw_masks', 'draw_models', 'draw_panels', 'draw_points', 'draw_radar', 'draw_scatter',
    'draw_sheet', 'draw_similarities', 'draw_stacked_bars', 'draw_views', 'heatmap',
    'html_report']
