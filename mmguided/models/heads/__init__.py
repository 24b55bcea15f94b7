from .contrast import CosineHead, InfoNCEHead
from .reconstruction import ReconstructionHead

__all__ = ['CosineHead', 'InfoNCEHead', 'ReconstructionHead']
