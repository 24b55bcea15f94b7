from .grid_positions import checkpoint_grid, record_grid
from .init import init_transformer_weights
from .sync_batch_norm import SyncBatchNorm
from .transformer_block import AttentionReader, TransformerBlock
from .xavier_conv import XavierConv2d

__all__ = ['AttentionReader', 'SyncBatchNorm', 'TransformerBlock', 'XavierConv2d',
           'checkpoint_grid', 'init_transformer_weights', 'record_grid']
