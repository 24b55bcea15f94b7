"""What a model does with images, as data."""
from .exploitation import exploitation_rates
from .masks import visible_detail, visible_positions
from .objects import ObjectShare, object_share
from .rank import effective_rank
from .reconstruction import Reconstruction, reconstruct

__all__ = [
    'ObjectShare', 'Reconstruction', 'effective_rank', 'exploitation_rates', 'object_share',
    'reconstruct', 'visible_detail', 'visible_positions']
