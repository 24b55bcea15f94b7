"""Swin encoder whose grid is masked in shots, before its stages."""
import math
from collections.abc import Sequence

import torch
from mmpretrain.models import SwinTransformer
from torch import Tensor, nn

from mmguided.registry import MODELS
from mmguided.structures import PatchMask
from mmguided.utils.errors import ConfigError

from .base import Encoder


@MODELS.register_module()
class MaskedSwin(Encoder, SwinTransformer):
    """SimMIM's Swin (arXiv:2111.09886), masked before any of its stages (Conditional MAE, Table 6).

    Tokens cannot leave a grid that windows are cut from: before a stage, the tokens of the units
    that its shot masks are replaced by that stage's mask token. A unit, the patch of a
    :class:`PatchMask`, is one position of the last stage: 32 x 32 pixels, 8 x 8 tokens of the
    first stage. Shots count stages as layers. A unit masked before the first stage contributes
    nothing; of a unit masked later, other units keep what attention has already carried to them.

    Parameters have mmpretrain's names, so that a checkpoint's ``backbone.*`` loads into
    ``SwinTransformer``, which ignores the mask tokens: ``mask_token`` of the first stage, as in
    ``SimMIMSwinTransformer``, and ``stage_mask_tokens.<stage>``. Without a mask, :meth:`forward` is
    SwinTransformer's.

    Args:
        arch: 'tiny', 'small', 'base', 'large', or a dict of SwinTransformer's.
        img_size: Usual input, a side or ``(height, width)``.
        mask_stages: Stages, counted from 0, that get a mask token: those of the shots and no other,
            since distributed training stops at a parameter without gradient.
        **kwargs: The other arguments of SwinTransformer, such as ``patch_size``, here the side of a
            token of the first stage. ``out_indices`` must include the last stage, patches must not
            overlap, and there is no ``use_abs_pos_embed``.

    Raises:
        ConfigError: If a unit does not divide the image size, a stage of ``mask_stages`` does not
            exist, or an argument has a value excluded above.
    """
    _patch_size_field = 'the strides of the backbone'

    def __init__(self,
                 arch: str | dict = 'base',
                 img_size: int | tuple[int, int] = 224,
                 mask_stages: Sequence[int] = (0, ),
                 **kwargs) -> None:
        if kwargs.get('use_abs_pos_embed'):
            raise ConfigError('backbone.use_abs_pos_embed=True: MaskedSwin has relative positions '
                              'only, as SimMIM; remove it')
        super().__init__(arch=arch, img_size=img_size, **kwargs)
        last = self.num_layers - 1
        if last not in self.out_indices:
            raise ConfigError(f'backbone.out_indices={tuple(self.out_indices)} must include the '
                              f'last stage, {last}: its norm ends the encoder')
        if wrong := [stage for stage in mask_stages if stage not in range(self.num_layers)]:
            raise ConfigError(f'backbone.mask_stages={tuple(mask_stages)}: there is no stage '
                              f'{wrong[0]}, choose from 0..{last}')
        projection = self.patch_embed.projection
        if projection.kernel_size != projection.stride:
            raise ConfigError(f'backbone.patch_cfg: a kernel_size of {projection.kernel_size} with '
                              f'a stride of {projection.stride} shows masked pixels to visible '
                              'tokens; make them equal')
        mergings = [stage.downsample.sampler for stage in self.stages
                    if stage.downsample is not None]
        self.patch_size = math.prod(module.stride[0] for module in (projection, *mergings))
        self.patch_resolution = self.check_size(*self.patch_embed.init_input_size)
        self.embed_dims = self.num_features[-1]
        self.mask_stages = tuple(mask_stages)
        tokens = {stage: nn.Parameter(torch.zeros(1, 1, self.stages[stage].embed_dims))
                  for stage in mask_stages}
        if 0 in tokens:
            self.mask_token = tokens.pop(0)
        self.stage_mask_tokens = nn.ParameterDict({str(k): v for k, v in tokens.items()})

    def init_weights(self) -> None:
        """SimMIM's initialization: normal, truncated, with deviation 0.02; or the checkpoint of
        ``init_cfg``, for what it holds."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for stage in self.mask_stages:
            nn.init.trunc_normal_(self._mask_token(stage), std=.02)
        super().init_weights()  # after ours, which a checkpoint overwrites

    def check_shots(self, layers: Sequence[int]) -> None:
        super().check_shots(layers)
        for stage in layers:
            if stage not in self.mask_stages:
                raise ConfigError(f'mask_generator.shots masks before stage {stage}, and '
                                  f'backbone.mask_stages={self.mask_stages} has no token for it: '
                                  f'add {stage} to backbone.mask_stages')
        if unused := sorted(set(self.mask_stages) - set(layers)):
            raise ConfigError(f'backbone.mask_stages={self.mask_stages}: no shot masks before '
                              f'stage {unused[0]}, whose token nothing would train; remove '
                              f'{unused[0]}')

    def _mask_token(self, stage: int) -> Tensor:
        return self.stage_mask_tokens[str(stage)] if stage else self.mask_token

    def _replace(self, x: Tensor, mask: PatchMask, stage: int) -> Tensor:
        """Put the stage's token where its shot masks, in the input ``(B, H * W, C)`` of a stage."""
        if mask.len_keep_at(stage) == mask.len_keep_at(stage - 1):
            return x
        new = (mask.mask_at(stage) & ~mask.mask_at(stage - 1)).unflatten(1, mask.grid)
        side = math.isqrt(x.shape[1] // math.prod(mask.grid))  # of a unit, in tokens of this stage
        new = new.repeat_interleave(side, 1).repeat_interleave(side, 2)
        return torch.where(new.flatten(1).unsqueeze(-1), self._mask_token(stage).to(x.dtype), x)

    def forward(self, images: Tensor, mask: PatchMask | None = None):
        """Latents ``(B, L, D)`` of all units, masked ones too, in the image's order; without a
        mask, what SwinTransformer returns."""
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
