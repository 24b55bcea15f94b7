from .init import init_transformer_weights
from .sync_batch_norm import SyncBatchNorm

__all__ = ['SyncBatchNorm', 'init_transformer_weights']
