"""Pretrained ViT as a backbone for detection and segmentation."""
import logging
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.logging import print_log
from torch import Tensor, nn

from mmguided.ops import merge_windows, split_windows, window_padding
from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError

from .vit import MaskedViT


@MODELS.register_module()
class DenseViT(MaskedViT):
    """:class:`MaskedViT` for images of any size, with output maps of several blocks.

    Images are padded at the right and the bottom to multiples of the patch size, and positions are
    resized to the grid of the batch. With ``window_size``, attention is restricted to windows
    except in ``global_blocks`` (ViTDet, arXiv:2203.16527), to save memory on large images. [CLS]
    attends in every window; its output is the mean over windows. Padded positions get no attention.
    At the pretraining size without windows, the last map equals the pretraining encoder's output.

    Args:
        out_indices: Blocks whose outputs are returned, counted from 0; negative indices count from
            the end. The output of the last block of the encoder includes the final norm. Blocks
            after the last index do not run and are frozen.
        window_size: Side of the windows in patches; None means full attention.
        global_blocks: Blocks with full attention.
        **kwargs: Arguments of :class:`MaskedViT`.

    Raises:
        ConfigError: If a block index is out of range, ``out_indices`` do not ascend, or
            ``window_size`` is not a positive integer.
    """

    def __init__(self,
                 *args,
                 out_indices: int | Sequence[int] = -1,
                 window_size: int | None = None,
                 global_blocks: Sequence[int] = (),
                 **kwargs) -> None:
        super().__init__(*args, out_type='featmap', **kwargs)
        if window_size is not None and not (isinstance(window_size, int) and window_size > 0):
            raise ConfigError(f'backbone.window_size={window_size}: not a positive integer. Give a '
                              'number of patches, or None.')
        self.out_indices = self._blocks(
            'out_indices', [out_indices] if isinstance(out_indices, int) else out_indices)
        if not self.out_indices or self.out_indices != sorted(set(self.out_indices)):
            raise ConfigError(f'backbone.out_indices={out_indices}: not ascending. List blocks in '
                              'ascending order and each block once.')
        if window_size is None:
            global_blocks = range(self.num_layers)
        self.global_blocks = self._blocks('global_blocks', global_blocks)
        self.window_size = window_size
        # Freeze unused parameters because DistributedDataParallel fails without their gradient.
        last = self.out_indices[-1]
        if last < self.num_layers - 1:
            print_log(f'backbone.out_indices={self.out_indices}: blocks {last + 1} to '
                      f'{self.num_layers - 1} of the encoder do not run.', 'current',
                      logging.WARNING)
        if last not in self.global_blocks:
            print_log(f'backbone.global_blocks={self.global_blocks}: the last block, {last}, has '
                      'no full attention.', 'current', logging.WARNING)
        unused = self.layers[last + 1:]
        if self.final_norm and last < self.num_layers - 1:
            unused.append(self.ln1)
        unused.requires_grad_(False)

    @property
    def out_channels(self) -> tuple[int, ...]:
        return (self.embed_dims, ) * len(self.out_indices)

    @property
    def rescales(self) -> tuple[float, ...]:
        """Factors by which a neck resizes the four output maps for a pyramid. The strides of the
        pyramid are 4 to 32 pixels for patches of 8 and 16 pixels. For other patches, they are the
        patch size times powers of two."""
        return (4, 2, 1, 0.5) if self.patch_size >= 12 else (2, 1, 0.5, 0.25)

    @property
    def pyramid_strides(self) -> tuple[float, ...]:
        """Strides in pixels of four maps that are resized by :attr:`rescales`."""
        strides = (self.patch_size / scale for scale in self.rescales)
        return tuple(int(stride) if stride.is_integer() else stride for stride in strides)

    def _blocks(self, field: str, indices: Sequence[int]) -> list[int]:
        """Resolve negative block indices."""
        if any(not -self.num_layers <= i < self.num_layers for i in indices):
            raise ConfigError(f'backbone.{field}={list(indices)}: out of range. Choose from '
                              f'0..{self.num_layers - 1}.')
        return [i % self.num_layers for i in indices]

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Maps ``(B, D, h, w)`` of ``out_indices``, with ``h = ceil(H / patch_size)``."""
        images = self._pad(images)
        grid = self.patch_grid(images)
        _, outputs = self._run(images, grid)
        # Contiguous, because mmcv's compiled RoIAlign ignores strides.
        return tuple(self._format_output(x, grid).contiguous() for x in outputs)

    def _run(self, images: Tensor, grid: tuple[int, int]) -> tuple[Any, list[Tensor]]:
        """Output of :meth:`embed`, and outputs ``(B, 1 + L, D)`` of ``out_indices``; the output of
        the last block includes the final norm."""
        embedded = self.embed(images)
        x = self._input_tokens(embedded)

        def run_block(i: int, block: nn.Module, x: Tensor) -> Tensor:
            if i in self.global_blocks:
                return block(x)
            return self._windowed_block(block, x, grid)

        outputs = self.run_blocks(x, self.out_indices, run_block)
        if self.out_indices[-1] == self.num_layers - 1:
            outputs[-1] = self._output_tokens(outputs[-1], embedded)
        return embedded, outputs

    def _pad(self, images: Tensor) -> Tensor:
        """Pad images at the right and the bottom to multiples of the patch size."""
        bottom, right = (-side % self.patch_size for side in images.shape[-2:])
        return F.pad(images, (0, right, 0, bottom)) if bottom or right else images

    def _windowed_block(self, block: nn.Module, x: Tensor, grid: tuple[int, int]) -> Tensor:
        """Run a block whose attention is restricted to windows."""
        size = tuple(min(self.window_size, side) for side in grid)
        padding, visible = window_padding(grid, size, x.device), None
        if padding is not None:  # (1, W, 1, 1 + n), [CLS] first
            visible = F.pad(~padding, (1, 0), value=True)[None, :, None]

        def windows(x: Tensor) -> Tensor:  # (B, heads, 1 + L, d) to (B * heads, W, 1 + n, d)
            x = x.flatten(0, 1)
            patches = split_windows(x[:, 1:], grid, size)
            cls_token = x[:, None, :1].expand(-1, patches.shape[1], -1, -1)
            return torch.cat((cls_token, patches), dim=2)

        def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            attended = F.scaled_dot_product_attention(
                windows(query), windows(key), windows(value), attn_mask=visible,
                dropout_p=block.attn.attn_drop if block.training else 0.)
            patches = merge_windows(attended[:, :, 1:], grid, size)
            cls_token = attended[:, :, 0].mean(1, keepdim=True)
            return torch.cat((cls_token, patches), dim=1).unflatten(0, query.shape[:2])

        return block(x, attend)
