"""The pretrained ViT as a backbone of detectors and segmentors."""
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmguided.ops import merge_windows, split_heads, split_windows, window_padding
from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError

from .vit import MaskedViT


class Windows(NamedTuple):
    """How a grid is cut.

    Attributes:
        size: Height and width of a window in patches.
        visible: What may be attended in each window, [CLS] first, ``(B * W, 1, 1, 1 + n)`` bool;
            None if everything.
    """
    size: tuple[int, int]
    visible: Tensor | None


@MODELS.register_module()
class DenseViT(MaskedViT):
    """MaskedViT's weights on images of any size, with maps from several blocks as output.

    Images are padded at the right and the bottom to whole patches, and positions are resampled to
    the grid of each batch. With ``window_size``, attention stays within windows except in
    ``global_blocks`` (ViTDet, arXiv:2203.16527), so that large images fit into memory. [CLS] takes
    part in every window; its output is the mean over the windows. Padding of incomplete windows is
    never attended to. A window that covers the image is therefore full attention, and at the
    pretraining size the last map is the pretraining encoder's output.

    Args:
        out_indices: Blocks whose outputs to return, counted from 0, negative from the end; the
            output of the encoder's last block is taken after the final norm. Blocks behind the last
            one in the list do not run and are frozen.
        window_size: Side of the windows in patches; None attends everywhere.
        global_blocks: Blocks with full attention beside windowed ones.
        with_cp: Gradient checkpointing: keep only the inputs of blocks and run these again in the
            backward pass.
        **kwargs: Arguments of :class:`MaskedViT`.

    Raises:
        ConfigError: If there is no such block, the blocks to return do not ascend, or
            ``window_size`` is not a positive integer.
    """

    def __init__(self,
                 *args,
                 out_indices: int | Sequence[int] = -1,
                 window_size: int | None = None,
                 global_blocks: Sequence[int] = (),
                 with_cp: bool = False,
                 **kwargs) -> None:
        super().__init__(*args, out_type='featmap', **kwargs)
        if window_size is not None and not (isinstance(window_size, int) and window_size > 0):
            raise ConfigError(f'backbone.window_size={window_size} must be one whole number of '
                              'patches, at least 1, or None')
        self.out_indices = self._blocks(
            'out_indices', [out_indices] if isinstance(out_indices, int) else out_indices)
        if not self.out_indices or self.out_indices != sorted(set(self.out_indices)):
            raise ConfigError(f'backbone.out_indices={out_indices}: name blocks in ascending '
                              'order, each once')
        if window_size is None:
            global_blocks = range(self.num_layers)
        self.global_blocks = self._blocks('global_blocks', global_blocks)
        self.window_size = window_size
        self.with_cp = with_cp
        # DistributedDataParallel stops at weights that require a gradient and get none.
        last = self.out_indices[-1]
        unused = self.layers[last + 1:]
        if self.final_norm and last < self.num_layers - 1:
            unused.append(self.ln1)
        unused.requires_grad_(False)

    @property
    def out_channels(self) -> tuple[int, ...]:
        return (self.embed_dims, ) * len(self.out_indices)

    def _blocks(self, field: str, indices: Sequence[int]) -> list[int]:
        """Indices of blocks, counted from 0."""
        if any(not -self.num_layers <= i < self.num_layers for i in indices):
            raise ConfigError(f'backbone.{field}={list(indices)}: the encoder has blocks '
                              f'0..{self.num_layers - 1}, counted from 0')
        return [i % self.num_layers for i in indices]

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Maps ``(B, D, h, w)`` of the blocks ``out_indices``; ``h = ceil(H / patch_size)``."""
        images = self._pad(images)
        grid = self.patch_grid(images)
        _, outputs = self._run(images, grid)
        # Contiguous, because mmcv's compiled RoIAlign ignores strides.
        return tuple(self._format_output(x, grid).contiguous() for x in outputs)

    def _run(self, images: Tensor, grid: tuple[int, int]) -> tuple[Any, list[Tensor]]:
        """What :meth:`embed` gives, and the outputs ``(B, 1 + L, D)`` of the blocks
        ``out_indices``, that of the last block after what follows it."""
        embedded = self.embed(images)
        x = self._input_tokens(embedded)
        windows = self._windows(x, grid)

        def run_block(i: int, block: nn.Module, x: Tensor) -> Tensor:
            if i in self.global_blocks:
                return self._recompute(block, x)
            return self._recompute(self._windowed_block, block, x, grid, windows)

        outputs = self.run_blocks(x, self.out_indices, run_block)
        if self.out_indices[-1] == self.num_layers - 1:
            outputs[-1] = self._output_tokens(outputs[-1], embedded)
        return embedded, outputs

    def _pad(self, images: Tensor) -> Tensor:
        """Images filled up to whole patches at the right and the bottom."""
        bottom, right = (-side % self.patch_size for side in images.shape[-2:])
        return F.pad(images, (0, right, 0, bottom)) if bottom or right else images

    def _recompute(self, run: Callable, *args) -> Any:
        """``run(*args)``, in training ``with_cp`` again in the backward pass."""
        if self.with_cp and self.training:
            return checkpoint(run, *args, use_reentrant=False)
        return run(*args)

    def _windows(self, x: Tensor, grid: tuple[int, int]) -> Windows | None:
        if self.window_size is None:
            return None
        size = tuple(min(self.window_size, side) for side in grid)
        padding = window_padding(grid, size, x.device)
        visible = None
        if padding is not None:
            visible = F.pad(~padding, (1, 0), value=True).repeat(len(x), 1)[:, None, None]
        return Windows(size, visible)

    def _windowed_block(self, block: nn.Module, x: Tensor, grid: tuple[int, int],
                        windows: Windows) -> Tensor:
        normed = block.ln1(x)
        patches = split_windows(normed[:, 1:], grid, windows.size)  # (B, W, n, D)
        cls_token = normed[:, None, :1].expand(-1, patches.shape[1], -1, -1)
        tokens = torch.cat((cls_token, patches), dim=2)
        batch, num, length, _ = tokens.shape
        attn = block.attn
        query, key, value = split_heads(
            attn.qkv(tokens.flatten(0, 1)), attn.num_heads, attn.head_dims)
        attended = F.scaled_dot_product_attention(
            query, key, value, attn_mask=windows.visible,
            dropout_p=attn.attn_drop if block.training else 0.)
        # (B * W, heads, 1 + n, d) to (B, heads, 1 + L, d)
        attended = attended.transpose(1, 2).flatten(2).view(batch, num, length, -1)
        patches = merge_windows(attended[:, :, 1:], grid, windows.size)
        attended = torch.cat((attended[:, :, 0].mean(1, keepdim=True), patches), dim=1)
        return self._finish_block(block, x, attended)
