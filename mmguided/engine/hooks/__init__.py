"""Hooks."""
from .broken_images_hook import BrokenImageReportHook
from .figure_sheet_hook import FigureSheetHook
from .guidance_schedule_hook import GuidanceScheduleHook
from .momentum_update_hook import MomentumUpdateHook
from .rng_state_hook import RNGStateHook
from .strict_backbone_hook import StrictBackboneHook

__all__ = [
    'BrokenImageReportHook', 'FigureSheetHook', 'GuidanceScheduleHook', 'MomentumUpdateHook',
    'RNGStateHook', 'StrictBackboneHook'
]
