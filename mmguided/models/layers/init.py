"""Weight initialization."""
from torch import nn


def init_transformer_weights(module: nn.Module) -> None:
    """Initialize as in MAE: Xavier uniform linear layers, zero biases, unit norms."""
    for m in module.modules():
        if isinstance(m, nn.Linear):
            nn.init.xavier_uniform_(m.weight)
            if m.bias is not None:
                nn.init.zeros_(m.bias)
        elif isinstance(m, nn.LayerNorm):
            nn.init.ones_(m.weight)
            nn.init.zeros_(m.bias)
