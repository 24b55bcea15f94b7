"""CMAE: Contrastive Masked Autoencoders are Stronger Vision Learners (arXiv:2207.13532)."""
from collections.abc import Sequence

import torch
from torch import Tensor

from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError

from ..necks import SharedDecoder
from .base import MaskedImageModel


@MODELS.register_module()
class CMAE(MaskedImageModel):
    """Decodes pixels and a feature of the image from the visible patches, and aligns the feature
    with that of a momentum encoder which sees all of a shifted view.

    Args:
        momentum_encoder: Config of the :class:`MomentumEncoder`.
        projector: Config of the MLP (mmpretrain's NonLinearNeck) behind the feature decoder; the
            momentum encoder's follows it.
        contrast_head: Config of the loss and the predictor, :class:`InfoNCEHead` (Eq. 7) or
            :class:`CosineHead` (Sec. 4.4); its ``loss_weight`` is lambda_c of Eq. 8.
        feature_decoder: Config of the feature decoder, :class:`MAEDecoder` or, to share the pixel
            decoder's blocks, :class:`SharedDecoder`; its outputs are as wide as the encoder. None
            contrasts the latents of the visible patches.
        target_mask_generator: Config of a :class:`MaskGenerator` for the momentum encoder's view;
            None shows it all patches.
        **kwargs: Arguments of :class:`MaskedImageModel`; ``neck`` is the pixel decoder.
    """

    num_views = 2

    def __init__(self,
                 *,
                 momentum_encoder: dict,
                 projector: dict,
                 contrast_head: dict,
                 feature_decoder: dict | None = None,
                 target_mask_generator: dict | None = None,
                 **kwargs) -> None:
        super().__init__(momentum_encoder=momentum_encoder, **kwargs)
        if not hasattr(self.backbone, 'tokens'):
            raise ConfigError(f'backbone.type={type(self.backbone).__name__} gives no tokens with '
                              "[CLS]: choose 'mmguided.MaskedViT' or 'mmguided.MaskedHybridViT'")
        if self.momentum_encoder is None:
            raise ConfigError('momentum_encoder=None: CMAE needs a target, '
                              "dict(type='mmguided.MomentumEncoder', ...)")
        width, grid = self.backbone.embed_dims, self.backbone.patch_resolution
        self.feature_decoder = feature_decoder and self._build_feature_decoder(feature_decoder)
        # One projector, its average included, takes the features of both branches.
        self.projector = MODELS.build(projector, default_args=dict(in_channels=width))
        self.target_projector = self.momentum_encoder.follow(self.projector)
        self.contrast_head = MODELS.build(contrast_head)
        self.target_mask_generator = target_mask_generator and MODELS.build(target_mask_generator)
        if self.target_mask_generator is not None:
            self.target_mask_generator.check(self.encoders, grid)

    def _build_feature_decoder(self, cfg: dict) -> torch.nn.Module:
        width = self.backbone.embed_dims
        kind = MODELS.get(cfg['type']) if isinstance(cfg['type'], str) else cfg['type']
        if kind is SharedDecoder:
            return MODELS.build(cfg, default_args=dict(decoder=self.neck, out_dims=width))
        return MODELS.build(
            cfg,
            default_args=dict(in_dims=width, out_dims=width, grid=self.backbone.patch_resolution))

    def loss(self, inputs: Sequence[Tensor], data_samples=None) -> dict[str, Tensor]:
        """Losses and scalars for the log.

        Args:
            inputs: The online and the target view, normalised images ``(B, 3, H, W)`` each.
            data_samples: Not used.
        """
        images, target_images = self._views(inputs)
        mask, log_vars = self.make_mask(images)
        latent = self.backbone(images, mask)  # Eq. 1
        pred, feature = self._decode(latent, mask, self.backbone.patch_grid(images))
        student, = self.projector((feature, ))
        teacher = self._target(target_images)
        return dict(
            loss_reconstruction=self.head(pred, self.target_generator(images), mask.mask),  # Eq. 5
            **self.contrast_head(student, teacher),  # Eq. 6-8
            **log_vars)

    def _views(self, inputs: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        if isinstance(inputs, Tensor) or len(inputs) != self.num_views:
            got = 'one' if isinstance(inputs, Tensor) else len(inputs)
            raise ConfigError(f'CMAE takes two views of an image and got {got}: put '
                              "dict(type='mmguided.PixelShift', ...) into the pipeline, "
                              'before PackInputs')
        self.check_pairs(inputs[0])
        return inputs[0], inputs[1]

    def _decode(self, latent, mask, grid) -> tuple[Tensor, Tensor]:
        """Pixels of all patches (Eq. 3) and the feature of the image (Eq. 4)."""
        states = self.neck.hidden_states(latent, mask, grid)
        if self.feature_decoder is None:
            features = latent[:, 1:]
        elif isinstance(self.feature_decoder, SharedDecoder):
            features = self.feature_decoder(states)
        else:
            features = self.feature_decoder(latent, mask, grid)
        return self.neck.predict(states[-1]), features.mean(dim=1)

    @torch.no_grad()
    def _target(self, images: Tensor) -> Tensor:
        """Projection of the momentum encoder's mean patch token (Eq. 2), ``(B, C)``."""
        mask = None
        if self.target_mask_generator is not None:
            grid = self.backbone.patch_grid(images)
            mask, _ = self.target_mask_generator(images, grid, self.encoders)
        tokens = self.momentum_encoder(images, mask)
        return self.target_projector((tokens[:, 1:].mean(dim=1), ))[0]
