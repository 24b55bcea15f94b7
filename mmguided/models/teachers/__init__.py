from .base import Teacher
from .checkpoint import CheckpointTeacher
from .decoder_view import DecoderView
from .image_view import ImageView
from .momentum_encoder import MomentumEncoder
from .open_clip import OpenCLIPTeacher
from .timm import TimmTeacher

__all__ = ['CheckpointTeacher', 'DecoderView', 'ImageView', 'MomentumEncoder', 'OpenCLIPTeacher',
           'Teacher', 'TimmTeacher']
