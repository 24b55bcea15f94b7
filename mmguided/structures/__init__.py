"""Plain data that parts hand to each other."""
from .clock import Clock, Schedule
from .observation import Observation, Wants, resolve_layers, unite_wants
from .patch_mask import PatchMask, len_keep
from .shot_guidance import ShotGuidance

__all__ = [
    'Clock', 'Observation', 'PatchMask', 'Schedule', 'ShotGuidance', 'Wants', 'len_keep',
    'resolve_layers', 'unite_wants'
]
