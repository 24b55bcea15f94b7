from .base import Teacher
from .checkpoint import CheckpointTeacher
from .momentum_encoder import MomentumEncoder
from .open_clip import OpenCLIPTeacher

__all__ = ['CheckpointTeacher', 'MomentumEncoder', 'OpenCLIPTeacher', 'Teacher']
