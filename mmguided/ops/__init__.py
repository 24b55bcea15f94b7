"""Pure tensor functions: no registry, no runner, no module state."""
from .attention import cls_attention_row, group_attention, mean_by_group, split_heads
from .distributed import all_gather_with_grad, concat_all_gather
from .hog import hog
from .label_propagation import propagate_labels, propagate_through_video
from .ncut import NormalizedCut, cut_into, normalized_cut
from .patches import normalize_patches, patchify, unpatchify
from .position import resize_relative_positions, sincos_position_embedding
from .tokens import gather_tokens, restore_tokens, topk_overlap
from .windows import merge_windows, split_windows, window_padding

__all__ = [
    'NormalizedCut', 'all_gather_with_grad', 'cls_attention_row', 'concat_all_gather', 'cut_into',
    'gather_tokens', 'group_attention', 'hog', 'mean_by_group', 'merge_windows',
    'normalize_patches', 'normalized_cut', 'patchify', 'propagate_labels',
    'propagate_through_video', 'resize_relative_positions', 'restore_tokens',
    'sincos_position_embedding', 'split_heads', 'split_windows', 'topk_overlap', 'unpatchify',
    'window_padding'
]
