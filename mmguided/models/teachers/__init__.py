from .base import Teacher
from .momentum_encoder import MomentumEncoder
from .open_clip import OpenCLIPTeacher

__all__ = ['MomentumEncoder', 'OpenCLIPTeacher', 'Teacher']
