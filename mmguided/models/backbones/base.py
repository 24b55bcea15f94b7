"""What every encoder that pretraining uses has in common."""
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mmguided.structures import Observation, PatchMask, Wants
from mmguided.utils.errors import ConfigError


class Encoder:
    """Base of the encoders; to be named before mmpretrain's class among the bases.

    ``forward(images, mask)`` gives the latents of masked images, ``(B, [1 +] n, embed_dims)``, see
    ``has_cls_token`` and ``drops_masked_tokens``; without a mask it is that of mmpretrain's class.

    A patch is the unit that a :class:`PatchMask` divides; for an encoder with stages it is one
    position of the last stage.

    Attributes:
        patch_size: Side of a patch in pixels; must divide the sides of every image.
        patch_resolution: Patches ``(h, w)`` of the usual image.
        embed_dims: Width of the output.
        num_layers: Number of layers, or of stages, before which a shot may mask.
        has_cls_token: Whether the output starts with a [CLS] token, which guidance and contrast
            read.
        patches_are_independent: Whether :meth:`embed` computes each patch from its own pixels
            alone, so that one call serves several masks.
        drops_masked_tokens: Whether masked patches leave the sequence, so that the output holds the
            visible ones alone; otherwise it holds all patches in the image's order.
        final_norm: Whether an encoder that gives tokens has a norm ``ln1`` behind its last layer.
        observable: The fields of :class:`Wants` that :meth:`observe` answers.
    """
    patch_size: int
    patch_resolution: tuple[int, int]
    embed_dims: int
    num_layers: int
    has_cls_token = False
    patches_are_independent = False
    drops_masked_tokens = False
    final_norm: bool
    observable: tuple[str, ...] = ()
    _patch_size_field = 'backbone.patch_size'

    def check_size(self, height: int, width: int) -> tuple[int, int]:
        """Patches ``(h, w)`` of an image; ConfigError if they do not divide its sides."""
        if height % self.patch_size or width % self.patch_size:
            raise ConfigError(
                f'patches of {self.patch_size} pixels do not divide the image of {height} x '
                f'{width} (height x width): change {self._patch_size_field}, or backbone.img_size '
                'and the crop of the pipeline')
        return height // self.patch_size, width // self.patch_size

    def patch_grid(self, images: Tensor) -> tuple[int, int]:
        """Patches ``(h, w)`` of images ``(B, 3, H, W)``; ConfigError if they do not fit."""
        return self.check_size(*images.shape[-2:])

    def freeze_positions(self) -> None:
        """Do not train the position embedding, if there is one (MAE trains it in fine-tuning)."""

    def image_tokens(self, images: Tensor) -> Tensor:
        """Output tokens of unmasked images, ``(B, [1 +] L, D)``, patches in the image's order."""
        return self(images, PatchMask.none(len(images), self.patch_grid(images), images.device))

    def patch_tokens(self, tokens: Tensor) -> Tensor:
        """Output tokens ``(B, [1 +] n, D)`` without [CLS]."""
        return tokens[:, 1:] if self.has_cls_token else tokens

    def check_shots(self, layers: Sequence[int]) -> None:
        """Raise ConfigError if shots cannot mask before these layers."""
        if layers[-1] >= self.num_layers:
            raise ConfigError(f'mask_generator.shots: layer {layers[-1]} is out of range, the '
                              f'encoder has layers 0..{self.num_layers - 1}')

    def check_wants(self, wants: Wants) -> None:
        """Raise ConfigError if :meth:`observe` cannot answer ``wants``."""
        for field in ('tokens', 'attention', 'relations'):
            if getattr(wants, field) and field not in self.observable:
                raise ConfigError(f'backbone.type={type(self).__name__} cannot be asked for its '
                                  f'{field}: choose an encoder with [CLS], such as '
                                  "type='mmguided.MaskedViT'")
        try:
            wants.resolve(self.num_layers)
        except IndexError as error:
            raise ConfigError(f'layers: {error}') from error

    @torch.no_grad()
    def observe(self, images: Tensor, wants: Wants, mask: PatchMask | None = None) -> Observation:
        """Answer ``wants``, which :meth:`check_wants` accepts, by one forward without gradient, no
        deeper than the deepest of them, of images ``(B, 3, H, W)`` or their visible patches."""
        raise NotImplementedError


def check_wants(field: str, wants: Mapping[str, Wants], encoders: Mapping[str, Encoder]) -> None:
    """Raise ConfigError if an encoder that ``field`` of the config asks is not there or cannot."""
    for name, asked in wants.items():
        if name not in encoders:
            fields = dict(momentum='momentum_encoder=dict(type=\'mmguided.MomentumEncoder\')',
                          teacher='teacher=dict(type=\'mmguided.OpenCLIPTeacher\', ...)')
            remedy = f'; set model.{fields[name]}' if name in fields else ''
            raise ConfigError(f'{field}={name!r} is unknown to this algorithm: choose from '
                              f'{sorted(encoders)}{remedy}')
        try:
            encoders[name].check_wants(asked)
        except ConfigError as error:
            raise ConfigError(f'{field}={name!r}: {error}') from error
