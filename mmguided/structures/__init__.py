"""Plain data that parts hand to each other."""
from .clock import Clock, Schedule
from .observation import Observation, Wants, resolve_layers, unite_wants
from .patch_mask import PatchMask, len_keep

__all__ = [
    'Clock', 'Observation', 'PatchMask', 'Schedule', 'Wants', 'len_keep', 'resolve_layers',
    'unite_wants'
]
