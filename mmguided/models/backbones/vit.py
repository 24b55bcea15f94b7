"""ViT encoder with masking and observation."""
from collections.abc import Callable, Mapping, Sequence
from itertools import islice

import torch
from mmengine.logging import print_log
from mmpretrain.models import VisionTransformer
from mmpretrain.models.utils import resize_pos_embed
from torch import Tensor, nn

from mmguided.ops import gather_tokens, sincos_position_embedding
from mmguided.registry import MODELS
from mmguided.structures import Observation, PatchMask, Wants
from mmguided.utils.checkpoints import load_encoder
from mmguided.utils.configs import pretrained_settings
from mmguided.utils.errors import ConfigError
from mmguided.utils.modules import clear_autocast_cache, eval_mode

from ..layers import (
    AttentionReader,
    TransformerBlock,
    checkpoint_grid,
    init_transformer_weights,
    record_grid,
)
from .base import Encoder

# (index, block, tokens) -> tokens
RunBlock = Callable[[int, nn.Module, Tensor], Tensor | None]


def _arch(dim: int, depth: int, heads: int) -> dict:
    return dict(embed_dims=dim, num_layers=depth, num_heads=heads, feedforward_channels=4 * dim)


def _record_heads(module: nn.Module, state: Mapping, prefix: str, metadata: dict) -> None:
    metadata['num_heads'] = module.layers[0].attn.num_heads


@MODELS.register_module()
class MaskedViT(Encoder, VisionTransformer):
    """mmpretrain's VisionTransformer with masking, observation and fixed position embeddings.

    Parameters have mmpretrain's names, so that ``backbone.*`` of a checkpoint loads into
    ``VisionTransformer`` in mmpretrain, mmdet and mmseg. Without a mask, :meth:`forward` equals
    VisionTransformer's forward, including ``out_type`` and ``out_indices``. ``init_cfg`` of type
    ``Pretrained`` loads weights strictly.

    Args:
        arch: 'tiny', 'small', 'base', 'large', 'huge' (as in MAE and DeiT; mmpretrain's 'small' is
            768 wide), or a dict as in VisionTransformer.
        img_size: Default input size, a side or ``(height, width)``.
        patch_size: Side of a patch in pixels; must divide the sides of every input.
        out_type: Output of :meth:`forward` without a mask.
        with_cp: Use activation checkpointing in the blocks, to save memory.
        **kwargs: Other arguments of VisionTransformer; ``with_cls_token`` must be True.
            ``frozen_stages`` freezes the first blocks and the embedding (patches, [CLS],
            positions). If it includes all blocks, the final norm is frozen too, but not the norm of
            ``out_type='avg_featmap'``, which belongs to the head. 0 freezes nothing.

    Raises:
        ConfigError: If the patch size does not divide the image size, the arch is unknown, or
            ``with_cls_token`` is False.
    """
    has_cls_token = True
    patches_are_independent = True
    drops_masked_tokens = True
    observable = ('tokens', 'attention', 'relations')
    arch_zoo = dict(
        tiny=_arch(192, 12, 3), small=_arch(384, 12, 6), base=_arch(768, 12, 12),
        large=_arch(1024, 24, 16), huge=_arch(1280, 32, 16))

    def __init__(self,
                 arch: str | dict = 'base',
                 img_size: int | tuple[int, int] = 224,
                 patch_size: int = 16,
                 out_type: str = 'raw',
                 with_cp: bool = False,
                 **kwargs) -> None:
        arch = self._arch_settings(arch)
        if not kwargs.get('with_cls_token', True):
            raise ConfigError('backbone.with_cls_token=False: masking and guidance need the [CLS] '
                              'token. Remove this argument.')
        self.patch_size = patch_size
        self.check_size(*(img_size if isinstance(img_size, Sequence) else (img_size, img_size)))
        super().__init__(
            arch=arch, img_size=img_size, patch_size=patch_size, out_type=out_type, **kwargs)
        projection = self.patch_embed.projection
        if projection.kernel_size != projection.stride or any(projection.padding):
            raise ConfigError(f'backbone.patch_cfg={kwargs["patch_cfg"]}: patches overlap, so that '
                              'masked pixels leak into visible patches. Remove it.')
        record_grid(self, self.patch_resolution)
        self._register_state_dict_hook(_record_heads)
        for block in self.layers:  # VisionTransformer has no argument for the class of its blocks
            block.__class__ = TransformerBlock
            block.with_cp = with_cp
            for drop_path in (block.attn.out_drop, block.ffn.dropout_layer):
                drop_path.drop_prob = float(drop_path.drop_prob)  # torch.compile: no NumPy

    @classmethod
    def _arch_settings(cls, arch: str | dict) -> dict:
        if isinstance(arch, dict):
            return arch
        if arch not in cls.arch_zoo:
            raise ConfigError(f"backbone.arch='{arch}': unknown. Choose from "
                              f'{list(cls.arch_zoo)} or give a dict.')
        return cls.arch_zoo[arch]

    def init_weights(self) -> None:
        """Initialize as in MAE, or load the checkpoint of ``init_cfg`` strictly."""
        if settings := pretrained_settings(self.init_cfg):
            # Fine-tuning averages before the norm and initializes a new norm, ln2.
            load_encoder(self, settings, **({} if self.final_norm else dict(
                unused=r'ln1\.', new=r'ln2\.')))
            return
        super().init_weights()
        init_transformer_weights(self)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.xavier_uniform_(module.weight.view(module.out_channels, -1))
        nn.init.normal_(self.cls_token, std=.02)
        self.pos_embed.data.copy_(sincos_position_embedding(self.patch_resolution, self.embed_dims))

    def freeze_positions(self) -> None:
        self.pos_embed.requires_grad = False

    def _freeze_stages(self) -> None:
        if self.frozen_stages > self.num_layers:
            raise ConfigError(f'backbone.frozen_stages={self.frozen_stages}: the encoder has '
                              f'{self.num_layers} blocks. Choose at most {self.num_layers}.')
        super()._freeze_stages()
        if self.out_type == 'avg_featmap':
            self.ln2.requires_grad_(True)

    def train(self, mode: bool = True) -> 'MaskedViT':
        """Set the training mode; frozen blocks stay in eval mode, without drop path."""
        super().train(mode)
        if mode and self.frozen_stages > 0:
            self._freeze_stages()
        return self

    def _prepare_pos_embed(self, state_dict: dict[str, Tensor], prefix: str, metadata: Mapping,
                           *args) -> None:
        """Resize the position embedding of a checkpoint to the grid of the encoder. Raise
        ConfigError if the checkpoint has another number of heads, which its weights do not show.
        """
        heads, ours = metadata.get('num_heads'), self.layers[0].attn.num_heads
        if heads not in (None, ours):
            raise ConfigError(f'arch.num_heads={ours} of the encoder: the checkpoint was trained '
                              f'with {heads} heads. Set it to {heads}.')
        name = f'{prefix}pos_embed'
        if name not in state_dict:
            return
        grid = checkpoint_grid(self, name, state_dict[name], metadata)
        if grid != self.position_grid:
            print_log(f'{name} is resized from {grid} to {self.position_grid} positions (height, '
                      'width)', 'current')
            state_dict[name] = resize_pos_embed(
                state_dict[name], grid, self.position_grid, self.interpolate_mode,
                self.num_extra_tokens)

    def _position(self, grid: tuple[int, int]) -> Tensor:
        return resize_pos_embed(self.pos_embed, self.patch_resolution, grid, self.interpolate_mode,
                                self.num_extra_tokens)

    def embed(self, images: Tensor, mask: PatchMask | None = None) -> Tensor:
        """Patch embeddings with positions, without [CLS]: the input of :meth:`encode`.

        Args:
            images: ``(B, C, H, W)``.
            mask: Ignored here; encoders that mix patches in the embedding need it.

        Returns:
            ``(B, L, D)``, including masked patches.
        """
        return self.patch_embed(images)[0] + self._position(self.patch_grid(images))[:, 1:]

    def _input_tokens(self, embedded: Tensor, ids: Tensor | None = None) -> Tensor:
        """Input of the first block: [CLS] and the patches at ``ids``."""
        tokens = embedded if ids is None else gather_tokens(embedded, ids)
        cls_token = self.cls_token + self.pos_embed[:, :1]
        cls_token = cls_token.to(tokens.dtype).expand(tokens.shape[0], -1, -1)
        return self.pre_norm(self.drop_after_pos(torch.cat((cls_token, tokens), dim=1)))

    def _output_tokens(self, x: Tensor, embedded: Tensor, ids: Tensor | None = None) -> Tensor:
        """Apply the final norm to the output of the last block, ``x``, with patches ``ids``."""
        return self.ln1(x) if self.final_norm else x

    def run_blocks(self,
                   x: Tensor,
                   out_indices: Sequence[int],
                   run_block: RunBlock | None = None,
                   shots: Sequence[tuple[int, int]] = ()) -> list[Tensor]:
        """Run the blocks up to the last of ``out_indices``.

        Args:
            x: Input of the first block, ``(B, 1 + n, D)``.
            out_indices: Blocks whose outputs are returned, in ascending order.
            run_block: Function that runs a block; None calls the block.
            shots: ``(block, len_keep)``: the sequence is truncated to the first ``len_keep``
                patches before the block.
        """
        outputs, shots = [], dict(shots)
        for i, block in enumerate(islice(self.layers, out_indices[-1] + 1)):
            if i in shots:
                x = x[:, :1 + shots[i]]
            x = block(x) if run_block is None else run_block(i, block, x)
            if i in out_indices:
                outputs.append(x)
        return outputs

    def encode(self,
               embedded: Tensor,
               ids: Tensor | None = None,
               shots: Sequence[tuple[int, int]] = (),
               run_block: RunBlock | None = None) -> Tensor:
        """Run all blocks on [CLS] and the patches at ``ids``.

        Args:
            embedded: Result of :meth:`embed`.
            ids: Patches ``(B, n)``; None means all patches, in the image's order.
            shots: See :meth:`run_blocks`.
            run_block: See :meth:`run_blocks`.

        Returns:
            ``(B, 1 + n, D)`` of [CLS] and the remaining patches, after the final norm if any.
        """
        tokens = self._input_tokens(embedded, ids)
        x = self.run_blocks(tokens, [self.num_layers - 1], run_block, shots)[0]
        return self._output_tokens(x, embedded, None if ids is None else ids[:, :x.shape[1] - 1])

    def encode_cls(self, embedded: Tensor, ids: Tensor) -> Tensor:
        """Output ``(B, D)`` of [CLS] in :meth:`encode`; the last block computes nothing else."""
        def run_block(i: int, block: nn.Module, x: Tensor) -> Tensor:
            return block(x, cls_only=i == self.num_layers - 1)

        return self.encode(embedded, ids, (), run_block)[:, 0]

    def image_tokens(self, images: Tensor) -> Tensor:
        return self.encode(self.embed(images))

    def forward(self, images: Tensor, mask: PatchMask | None = None):
        """Latents ``(B, 1 + Lv, D)`` of the visible patches; without a mask, the output of
        VisionTransformer."""
        embedded = self.embed(images, mask)
        if mask is not None:
            return self.encode(embedded, mask.ids_keep_at(0), mask.shots)
        outputs = self.run_blocks(self._input_tokens(embedded), sorted(self.out_indices))
        if self.num_layers - 1 in self.out_indices:
            outputs[-1] = self._output_tokens(outputs[-1], embedded)
        return tuple(self._format_output(x, self.patch_grid(images)) for x in outputs)

    @torch.no_grad()
    def observe(self, images: Tensor, wants: Wants, mask: PatchMask | None = None) -> Observation:
        """Return the outputs requested by ``wants``, see :meth:`Encoder.observe`.

        The forward uses scaled-dot-product attention and computes no attention map. The deepest
        block computes only the requested outputs; for attention, these are the [CLS] query and the
        keys. Dropout and drop path are off, so that scores and targets are deterministic.
        """
        with eval_mode(self):
            return self._observe(images, wants.resolve(self.num_layers), mask)

    def _observe(self, images: Tensor, wants: Wants, mask: PatchMask | None) -> Observation:
        embedded = self.embed(images, mask)
        ids, shots = (None, ()) if mask is None else (mask.ids_keep_at(0), mask.shots)
        reader = AttentionReader(wants)
        tokens = None
        if wants.tokens:
            tokens = self.encode(embedded, ids, shots, reader.run)
        elif reader.deepest is not None:
            self.run_blocks(self._input_tokens(embedded, ids), [reader.deepest], reader.run, shots)
        clear_autocast_cache()
        return Observation(self.num_layers, tokens, reader.attention, reader.relations)
