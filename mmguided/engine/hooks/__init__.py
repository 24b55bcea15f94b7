"""Hooks."""
from .broken_images_hook import BrokenImageReportHook
from .clock_hook import ClockHook
from .figure_sheet_hook import FigureSheetHook
from .momentum_update_hook import MomentumUpdateHook
from .rng_state_hook import RNGStateHook
from .strict_backbone_hook import StrictBackboneHook

__all__ = [
    'BrokenImageReportHook', 'ClockHook', 'FigureSheetHook', 'MomentumUpdateHook',
    'RNGStateHook', 'StrictBackboneHook'
]
