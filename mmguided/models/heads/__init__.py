from .contrast import ContrastHead, CosineHead, InfoNCEHead
from .prediction import PredictionHead, ReconstructionHead

__all__ = ['ContrastHead', 'CosineHead', 'InfoNCEHead', 'PredictionHead', 'ReconstructionHead']
