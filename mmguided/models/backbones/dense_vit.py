"""The pretrained ViT as a backbone of detectors and segmentors."""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmguided.ops import merge_windows, split_windows
from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError

from .vit import MaskedViT


@MODELS.register_module()
class DenseViT(MaskedViT):
    """MaskedViT's weights on images of any size, with maps from several blocks as output.

    Images are padded at the right and the bottom to whole patches, positions resampled to the grid
    of each batch. With ``window_size``, attention stays within windows except in
    ``global_blocks`` (ViTDet, arXiv:2203.16527), so that large images fit. [CLS] is in every
    window, and in its own place the mean over them; padding of incomplete windows is attended by
    none. A window that covers the image therefore is full attention, and at the size of
    pretraining the last map is the pretraining encoder's output.

    Args:
        out_indices: Blocks whose outputs to return; of the last, after the final norm.
        window_size: Side of the windows in patches; None attends everywhere.
        global_blocks: Blocks with full attention beside windowed ones.
        with_cp: Keep the blocks' inputs alone for the backward pass and run them again there.
        **kwargs: Arguments of :class:`MaskedViT`.

    Raises:
        ConfigError: If a global block does not exist or windows have no patch.
    """

    def __init__(self,
                 *args,
                 out_indices: Sequence[int] = (-1, ),
                 window_size: int | None = None,
                 global_blocks: Sequence[int] = (),
                 with_cp: bool = False,
                 **kwargs) -> None:
        super().__init__(*args, out_type='featmap', out_indices=list(out_indices), **kwargs)
        if window_size is not None and window_size < 1:
            raise ConfigError(f'backbone.window_size={window_size} must be at least 1, or None')
        wrong = [i for i in global_blocks if not -self.num_layers <= i < self.num_layers]
        if wrong:
            raise ConfigError(f'backbone.global_blocks={list(global_blocks)}: the encoder has '
                              f'blocks 0..{self.num_layers - 1}')
        if window_size is None:
            global_blocks = range(self.num_layers)
        self.global_blocks = {i % self.num_layers for i in global_blocks}
        self.window_size = window_size
        self.with_cp = with_cp

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Maps ``(B, D, h, w)`` of the blocks ``out_indices``; ``h = ceil(H / patch_size)``."""
        images = self._pad(images)
        grid = self.patch_grid(images)
        x = self._enter(self.embed(images))
        maps = []
        for i, layer in enumerate(self.layers):
            x = self._run_block(i, layer, x, grid)
            if i in self.out_indices:
                out = x if i < self.num_layers - 1 else self._leave(x, None)
                maps.append(self._format_output(out, grid))
        return tuple(maps)

    def _pad(self, images: Tensor) -> Tensor:
        """Images filled up to whole patches at the right and the bottom."""
        height, width = images.shape[-2:]
        return F.pad(images, (0, -width % self.patch_size, 0, -height % self.patch_size))

    def _run_block(self, i: int, layer: nn.Module, x: Tensor, grid: tuple[int, int]) -> Tensor:
        block = self._global_block if i in self.global_blocks else self._windowed_block
        if self.with_cp and self.training:
            return checkpoint(block, layer, x, grid, use_reentrant=False)
        return block(layer, x, grid)

    @staticmethod
    def _global_block(layer: nn.Module, x: Tensor, grid: tuple[int, int]) -> Tensor:
        return layer(x)

    def _windowed_block(self, layer: nn.Module, x: Tensor, grid: tuple[int, int]) -> Tensor:
        size = tuple(min(self.window_size, side) for side in grid)
        normed = layer.ln1(x)
        windows, padding = split_windows(normed[:, 1:], grid, size)  # (B, W, n, D), (W, n)
        cls_token = normed[:, None, :1].expand(-1, windows.shape[1], -1, -1)
        tokens = torch.cat((cls_token, windows), dim=2)
        batch, num, length, _ = tokens.shape
        query, key, value = self._heads(layer.attn, layer.attn.qkv(tokens.flatten(0, 1)))
        visible = None
        if padding is not None:
            visible = F.pad(~padding, (1, 0), value=True).repeat(batch, 1)[:, None, None]
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=visible)
        # (B * W, heads, 1 + n, d) to (B, heads, 1 + L, d)
        attended = attended.transpose(1, 2).flatten(2).view(batch, num, length, -1)
        patches = merge_windows(attended[:, :, 1:], grid, size)
        attended = torch.cat((attended[:, :, 0].mean(1, keepdim=True), patches), dim=1)
        return self._finish_block(layer, x, attended)
