"""Base class of the encoders."""
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from mmguided.structures import Observation, PatchMask, Wants
from mmguided.utils.checkpoints import adapt_rgb_weights
from mmguided.utils.errors import ConfigError


class Encoder:
    """Base class of the encoders; list this class before mmpretrain's class in the bases.

    ``forward(images, mask)`` returns the latents of masked images, ``(B, [1 +] n, embed_dims)``;
    without a mask, it equals the forward of mmpretrain's class. A patch is the unit of a
    :class:`PatchMask`; for hierarchical encoders it is one position of the last stage.

    Attributes:
        patch_size: Side of a patch in pixels; must divide the sides of every image.
        patch_resolution: Number of patches ``(h, w)`` of an image of the default size.
        embed_dims: Output width.
        num_layers: Number of layers (or stages) before which a shot may mask.
        has_cls_token: True if the output starts with a [CLS] token.
        patches_are_independent: True if :meth:`embed` computes each patch from its own pixels only,
            so that one call serves several masks.
        drops_masked_tokens: True if the output contains only visible patches; otherwise it contains
            all patches in the image's order.
        final_norm: True if the encoder has a final norm ``ln1``.
        observable: Fields of :class:`Wants` that :meth:`observe` supports.
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

    @property
    def input_size(self) -> tuple[int, int]:
        """Default size (height, width) of the images."""
        return tuple(side * self.patch_size for side in self.patch_resolution)

    @property
    def first_convolution(self) -> nn.Conv2d:
        """Convolution over the images."""
        return next(module for module in self.modules() if isinstance(module, nn.Conv2d))

    @property
    def in_channels(self) -> int:
        """Image channels."""
        return self.first_convolution.in_channels

    @property
    def out_channels(self) -> tuple[int, ...]:
        """Widths of the outputs of ``forward(images)``."""
        return (self.embed_dims, )

    def _load_from_state_dict(self, state_dict, prefix, *args) -> None:
        """Accept weights for RGB images, see :func:`adapt_rgb_weights`."""
        adapt_rgb_weights(self.state_dict(), state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def check_size(self, height: int, width: int) -> tuple[int, int]:
        """Number of patches ``(h, w)``; raise ConfigError unless the patch size divides both."""
        if height % self.patch_size or width % self.patch_size:
            raise ConfigError(
                f'{self._patch_size_field}: patches of {self.patch_size} pixels do not divide the '
                f'image of {height} x {width} (height x width). Change it, or backbone.img_size '
                'and the crop of the pipeline.')
        return height // self.patch_size, width // self.patch_size

    def patch_grid(self, images: Tensor) -> tuple[int, int]:
        """Number of patches ``(h, w)`` of images ``(B, C, H, W)``, see :meth:`check_size`."""
        return self.check_size(*images.shape[-2:])

    def freeze_positions(self) -> None:
        """Freeze the position embedding during pretraining, if the encoder has one (MAE)."""

    def image_tokens(self, images: Tensor) -> Tensor:
        """Output tokens of unmasked images, ``(B, [1 +] L, D)``, patches in the image's order."""
        return self(images, PatchMask.none(len(images), self.patch_grid(images), images.device))

    def patch_tokens(self, tokens: Tensor) -> Tensor:
        """Output tokens ``(B, [1 +] n, D)`` without [CLS]."""
        return tokens[:, 1:] if self.has_cls_token else tokens

    def check_shots(self, layers: Sequence[int]) -> None:
        """Raise ConfigError if shots cannot mask before ``layers``."""
        if layers[-1] >= self.num_layers:
            raise ConfigError(f'mask_generator.shots.layer={layers[-1]}: out of range. Choose '
                              f'from 0..{self.num_layers - 1}.')

    def check_wants(self, wants: Wants) -> None:
        """Raise ConfigError if :meth:`observe` does not support ``wants``."""
        for field in ('tokens', 'attention', 'relations', 'pixels'):
            if getattr(wants, field) and field not in self.observable:
                raise ConfigError(f'backbone.type={type(self).__name__}: does not provide {field}. '
                                  "Choose an encoder such as type='mmguided.MaskedViT'.")
        try:
            wants.resolve(self.num_layers)
        except IndexError as error:
            raise ConfigError(f'layers: {error}') from error

    @torch.no_grad()
    def observe(self, images: Tensor, wants: Wants, mask: PatchMask | None = None) -> Observation:
        """Return the outputs requested by ``wants`` for images ``(B, C, H, W)`` or their visible
        patches. The forward runs without gradient and no deeper than needed. See
        :meth:`check_wants`."""
        raise NotImplementedError


def check_wants(field: str, wants: Mapping[str, Wants], encoders: Mapping[str, Encoder]) -> None:
    """Raise ConfigError if an encoder is missing or does not support its ``wants``."""
    for name, asked in wants.items():
        if name not in encoders:
            fields = dict(momentum='momentum_encoder=dict(type=\'mmguided.MomentumEncoder\')',
                          teacher='teacher=dict(type=\'mmguided.OpenCLIPTeacher\', ...)')
            remedy = f', or set model.{fields[name]}' if name in fields else ''
            raise ConfigError(f'{field}={name!r}: this method has no encoder with that name. Use '
                              f'one of {sorted(encoders)}{remedy}.')
        try:
            encoders[name].check_wants(asked)
        except ConfigError as error:
            raise ConfigError(f'{field}={name!r}: {error}') from None
