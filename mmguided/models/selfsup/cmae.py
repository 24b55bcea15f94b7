"""CMAE: Contrastive Masked Autoencoders are Stronger Vision Learners (arXiv:2207.13532)."""
from collections.abc import Sequence

import torch
from torch import Tensor

from mmguided.registry import MODELS
from mmguided.structures import PatchMask, Wants
from mmguided.utils.errors import ConfigError

from .base import MaskedImageModel


@MODELS.register_module()
class CMAE(MaskedImageModel):
    """Reconstruction of pixels, and contrast between a decoded image feature and the feature of a
    momentum encoder on a shifted, unmasked view.

    Args:
        momentum_encoder: Config of the :class:`MomentumEncoder`.
        projector: Config of the MLP (mmpretrain's NonLinearNeck) for the features; the momentum
            branch uses the EMA of the MLP.
        contrast_head: Config of :class:`InfoNCEHead` (Eq. 7) or :class:`CosineHead` (Sec. 4.4),
            with the predictor; its ``loss_weight`` is lambda_c of Eq. 8.
        feature_decoder: Config of the feature decoder. None lets the feature head read the pixel
            decoder, which shares its blocks up to ``feature_head.block`` (Table 4c).
        feature_head: Config of the :class:`PredictionHead` for features of the encoder's width;
            None contrasts the latents of the visible patches.
        target_mask_generator: Config of a :class:`MaskGenerator` for the momentum encoder's view;
            None leaves it unmasked.
        **kwargs: Arguments of :class:`MaskedImageModel`; ``neck`` is the pixel decoder.
    """

    num_views = 2
    reads_momentum_encoder = True

    def __init__(self,
                 *,
                 momentum_encoder: dict,
                 projector: dict,
                 contrast_head: dict,
                 feature_decoder: dict | None = None,
                 feature_head: dict | None = None,
                 target_mask_generator: dict | None = None,
                 **kwargs) -> None:
        super().__init__(momentum_encoder=momentum_encoder, **kwargs)
        if self.momentum_encoder is None:
            raise ConfigError('model.momentum_encoder=None: CMAE needs a momentum encoder. '
                              "Set dict(type='mmguided.MomentumEncoder', ...).")
        if feature_decoder is not None and feature_head is None:
            raise ConfigError('model.feature_head=None: no head uses model.feature_decoder. Set '
                              'feature_decoder=None too, or set a PredictionHead.')
        width = self.backbone.embed_dims
        self.feature_decoder = self.feature_head = self.target_mask_generator = None
        if feature_decoder is not None:
            self.feature_decoder = self.build_decoder(feature_decoder, self.backbone)
        if feature_head is not None:
            self.feature_head = self.build_head(
                feature_head, self.feature_decoder or self.neck, self.backbone, width)
            self.check_last_block(
                'feature_head', self.feature_head, 'feature_decoder', self.feature_decoder)
        self.projector = MODELS.build(projector, default_args=dict(in_channels=width))
        self.target_projector = self.momentum_encoder.add_ema(self.projector)
        self.contrast_head = MODELS.build(contrast_head)
        if target_mask_generator is not None:
            self.target_mask_generator = MODELS.build(target_mask_generator)
            self.target_mask_generator.check(self.encoders, self.backbone.patch_resolution)

    def loss(self, inputs: Sequence[Tensor], data_samples=None) -> dict[str, Tensor]:
        """Losses and log scalars.

        Args:
            inputs: Online and target view, normalized images ``(B, C, H, W)`` each.
            data_samples: Cached guidance scores, if any, see :meth:`observe`.
        """
        images, target_images = self._views(inputs)
        observations = self.observe(images, data_samples)
        mask, log_vars = self.make_mask(images, observations)
        latent = self.backbone(images, mask)  # Eq. 1
        states = self.decode(latent, mask)  # Eq. 3
        student = self.projector((self._feature(latent, states, mask), ))[0]
        teacher = self._target(target_images)
        target = self.target_generator(images, observations)
        return dict(
            loss_reconstruction=self.head(states, target, mask.mask),  # Eq. 5
            **self.contrast_head(student, teacher),  # Eq. 6-8
            **log_vars)

    def _views(self, inputs: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        if isinstance(inputs, Tensor) or len(inputs) != self.num_views:
            got = 'one' if isinstance(inputs, Tensor) else len(inputs)
            raise ConfigError(f'train_pipeline: CMAE needs two views of an image, not {got}. Add '
                              "dict(type='mmguided.PixelShift', ...) before PackInputs.")
        self.check_pairs(inputs[0])
        return inputs[0], inputs[1]

    def _feature(self, latent: Tensor, states: list[Tensor], mask: PatchMask) -> Tensor:
        """Image feature (Eq. 4), ``(B, D)``."""
        if self.feature_head is None:
            return latent[:, 1:].mean(dim=1)
        if self.feature_decoder is not None:
            states = self.feature_decoder(latent, mask)
        return self.feature_head.predict(states).mean(dim=1)

    @torch.no_grad()
    def _target(self, images: Tensor) -> Tensor:
        """Projected mean patch token of the momentum encoder (Eq. 2), ``(B, C)``."""
        mask = None
        if self.target_mask_generator is not None:
            observations = self.observe(images, parts=[self.target_mask_generator])
            mask, _ = self.make_mask(images, observations, self.target_mask_generator)
        encoder = self.momentum_encoder.encoder
        tokens = encoder.observe(images, Wants(tokens=True), mask).tokens
        return self.target_projector((tokens[:, 1:].mean(dim=1), ))[0]
