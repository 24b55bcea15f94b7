"""Swin encoder with masking before its stages."""
import math
from collections.abc import Sequence

import torch
from mmpretrain.models import SwinTransformer
from torch import Tensor, nn

from mmguided.registry import MODELS
from mmguided.structures import PatchMask
from mmguided.utils.converters import MASK_TOKENS
from mmguided.utils.errors import ConfigError

from .base import Encoder
from .stages import load_stages


def _window_reverse(windows: Tensor, height: int, width: int, side: int) -> Tensor:
    """Map windows ``(B * n, side, side, C)`` back to ``(B, height, width, C)``. mmpretrain's
    function computes the batch size as a constant, which torch.export cannot keep dynamic."""
    x = windows.view(-1, height // side, width // side, side, side, windows.shape[-1])
    return x.transpose(2, 3).reshape(-1, height, width, windows.shape[-1])


@MODELS.register_module()
class MaskedSwin(Encoder, SwinTransformer):
    """SimMIM's Swin (arXiv:2111.09886), masked before any of its stages (Conditional MAE, Table 6).

    Windows need a complete grid, so masked tokens are replaced by the mask token of the stage
    instead of being removed. A patch of the :class:`PatchMask` is called a unit here. A unit is one
    position of the last stage: 32 x 32 pixels or 8 x 8 first-stage tokens. Shots count stages as
    layers. A unit masked before a later stage has already influenced other units by attention.

    Parameters have mmpretrain's names, so that ``backbone.*`` of a checkpoint loads into
    ``SwinTransformer``, which ignores the mask tokens ``mask_token`` (first stage, as in
    ``SimMIMSwinTransformer``) and ``stage_mask_tokens.<stage>``. Without a mask, :meth:`forward`
    equals SwinTransformer's forward.

    Args:
        arch: 'tiny', 'small', 'base', 'large', or a dict as in SwinTransformer.
        img_size: Default input size, a side or ``(height, width)``.
        mask_stages: Stages (from 0) with a mask token; must equal the stages of the shots, because
            distributed training fails on parameters without gradient.
        **kwargs: Other arguments of SwinTransformer; ``patch_size`` is the side of a first-stage
            token. ``out_indices`` must include the last stage, patches must not overlap, and
            ``use_abs_pos_embed`` is not supported.

    Raises:
        ConfigError: If a unit does not divide the image size, or an argument violates the
            conditions above.
    """

    def __init__(self,
                 arch: str | dict = 'base',
                 img_size: int | tuple[int, int] = 224,
                 mask_stages: Sequence[int] = (0, ),
                 **kwargs) -> None:
        if kwargs.get('use_abs_pos_embed'):
            raise ConfigError('backbone.use_abs_pos_embed=True: MaskedSwin supports only relative '
                              'positions. Remove it.')
        super().__init__(arch=arch, img_size=img_size, **kwargs)
        last = self.num_layers - 1
        if last not in self.out_indices:
            raise ConfigError(f'backbone.out_indices={tuple(self.out_indices)}: the last stage is '
                              f'missing. Add {last}.')
        if wrong := [stage for stage in mask_stages if stage not in range(self.num_layers)]:
            raise ConfigError(f'backbone.mask_stages={tuple(mask_stages)}: stage {wrong[0]} does '
                              f'not exist. Choose from 0..{last}.')
        projection = self.patch_embed.projection
        if projection.kernel_size != projection.stride:
            raise ConfigError(f'backbone.patch_cfg: kernel_size={projection.kernel_size} and '
                              f'stride={projection.stride} leak masked pixels into visible tokens. '
                              'Make them equal.')
        mergings = [stage.downsample.sampler for stage in self.stages
                    if stage.downsample is not None]
        self.patch_size = math.prod(module.stride[0] for module in (projection, *mergings))
        self.patch_resolution = self.check_size(*self.patch_embed.init_input_size)
        self.embed_dims = self.num_features[-1]
        self.mask_stages = tuple(mask_stages)
        for i in self.out_indices:
            if i < last:  # unused with a mask; distributed training fails on such parameters
                getattr(self, f'norm{i}').requires_grad_(False)
        for stage in self.stages:
            for block in stage.blocks:
                block.attn.window_reverse = _window_reverse
        tokens = {stage: nn.Parameter(torch.zeros(1, 1, self.stages[stage].embed_dims))
                  for stage in mask_stages}
        if 0 in tokens:
            self.mask_token = tokens.pop(0)
        self.stage_mask_tokens = nn.ParameterDict({str(k): v for k, v in tokens.items()})

    def init_weights(self) -> None:
        """Initialize as in SimMIM (truncated normal, standard deviation 0.02), then load the
        checkpoint of ``init_cfg``, if any, strictly. It may lack mask tokens."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for stage in self.mask_stages:
            nn.init.trunc_normal_(self._mask_token(stage), std=.02)
        if not load_stages(self, new=MASK_TOKENS):
            super().init_weights()

    def check_shots(self, layers: Sequence[int]) -> None:
        super().check_shots(layers)
        for stage in layers:
            if stage not in self.mask_stages:
                raise ConfigError(f'backbone.mask_stages={self.mask_stages}: the shot before stage '
                                  f'{stage} needs a mask token. Add {stage}.')
        if unused := sorted(set(self.mask_stages) - set(layers)):
            raise ConfigError(f'backbone.mask_stages={self.mask_stages}: no shot masks before '
                              f'stage {unused[0]}, so its mask token would not be trained. '
                              f'Remove {unused[0]}.')

    def _mask_token(self, stage: int) -> Tensor:
        return self.stage_mask_tokens[str(stage)] if stage else self.mask_token

    def _replace(self, x: Tensor, mask: PatchMask, stage: int) -> Tensor:
        """Insert the mask token of a stage into its input ``(B, H * W, C)``."""
        if mask.len_keep_at(stage) == mask.len_keep_at(stage - 1):
            return x
        new = (mask.mask_at(stage) & ~mask.mask_at(stage - 1)).unflatten(1, mask.grid)
        side = math.isqrt(x.shape[1] // math.prod(mask.grid))  # tokens per unit side
        new = new.repeat_interleave(side, 1).repeat_interleave(side, 2)
        return torch.where(new.flatten(1).unsqueeze(-1), self._mask_token(stage).to(x.dtype), x)

    def image_tokens(self, images: Tensor) -> Tensor:
        return self(images)[-1].flatten(2).mT

    def forward(self, images: Tensor, mask: PatchMask | None = None):
        """Latents ``(B, L, D)`` of all units, including masked units, in the image's order; without
        a mask, the output of SwinTransformer."""
        if mask is None:
            return super().forward(images)
        self.patch_grid(images)
        x, size = self.patch_embed(images)
        for i, stage in enumerate(self.stages):
            x = self._replace(x, mask, i)
            if i == 0:
                x = self.drop_after_pos(x)
            x, size = stage(x, size)
        return getattr(self, f'norm{self.num_layers - 1}')(x)
