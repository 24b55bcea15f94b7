from .contrast import ContrastHead, CosineHead, InfoNCEHead
from .reconstruction import ReconstructionHead

__all__ = ['ContrastHead', 'CosineHead', 'InfoNCEHead', 'ReconstructionHead']
