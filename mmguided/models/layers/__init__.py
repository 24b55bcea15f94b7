from .init import init_transformer_weights
from .sync_batch_norm import SyncBatchNorm
from .xavier_conv import XavierConv2d

__all__ = ['SyncBatchNorm', 'XavierConv2d', 'init_transformer_weights']
