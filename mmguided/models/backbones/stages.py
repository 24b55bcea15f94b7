"""Strict loading of pretrained Swin and ConvNeXt encoders."""
import math
from functools import partial

from torch import Tensor, nn

from mmguided.ops import resize_relative_positions
from mmguided.utils.checkpoints import load_encoder
from mmguided.utils.configs import pretrained_settings


def load_stages(encoder: nn.Module, unused: str | None = None, new: str | None = None) -> bool:
    """Load the checkpoint of ``encoder.init_cfg`` strictly; return False if there is none.

    The norms of all stages except the last may be missing, because pretraining does not use them.
    Relative position bias tables are resized to the window size. For the arguments, see
    :func:`load_encoder`.
    """
    settings = pretrained_settings(encoder.init_cfg)
    if settings is None:
        return False
    norms = rf'norm(?!{len(encoder.stages) - 1}\.)\d+\.'
    load_encoder(encoder, settings, unused=unused, new=f'{norms}|{new}' if new else norms,
                 resize=partial(_resize_windows, encoder))
    return True


def _resize_windows(encoder: nn.Module, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Resize bias tables of another window size; return them and their index buffers."""
    resized = {}
    for name, table in encoder.named_parameters():
        theirs = state.get(name)
        if name.endswith('relative_position_bias_table') and _is_resizable(theirs, table):
            window = (math.isqrt(len(table)) + 1) // 2
            index = name.replace('bias_table', 'index')
            resized |= {name: resize_relative_positions(theirs, window),
                        index: encoder.get_buffer(index)}
    return resized


def _is_resizable(theirs: Tensor | None, ours: Tensor) -> bool:
    """Return True for a table with the same number of heads and another window size above 2."""
    if theirs is None or theirs.ndim != 2 or theirs.shape[1] != ours.shape[1]:
        return False
    side = math.isqrt(len(theirs))
    return len(theirs) != len(ours) and side > 4 and side**2 == len(theirs)
