"""What a model does with images, as data."""
from .exploitation import exploitation_rates
from .masks import visible_detail, visible_positions
from .objects import ObjectShare, object_share
from .reconstruction import Reconstruction, reconstruct

__all__ = [
    'ObjectShare', 'Reconstruction', 'exploitation_rates', 'object_share', 'reconstruct',
    'visible_detail', 'visible_positions']
