from .momentum_encoder import MomentumEncoder

__all__ = ['MomentumEncoder']
