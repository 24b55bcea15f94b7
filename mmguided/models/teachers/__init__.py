from .base import Teacher
from .checkpoint import CheckpointTeacher
from .decoder_view import DecoderView
from .momentum_encoder import MomentumEncoder
from .open_clip import OpenCLIPTeacher
from .timm import TimmTeacher

__all__ = ['CheckpointTeacher', 'DecoderView', 'MomentumEncoder', 'OpenCLIPTeacher', 'Teacher',
           'TimmTeacher']
