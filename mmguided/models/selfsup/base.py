"""What all algorithms share: building the parts so that they fit, and looking at the result."""
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from mmpretrain.models import BaseSelfSupervisor
from torch import Tensor

from mmguided.ops import normalise_patches, patchify, unpatchify
from mmguided.registry import MODELS
from mmguided.utils.checkpoints import pretrained_settings
from mmguided.utils.errors import ConfigError

from ..mask_generators import PatchMask
from ..target_generators import PixelTarget


@dataclass(frozen=True)
class Reconstruction:
    """One look at what an algorithm does with a batch, for figures.

    Attributes:
        mask: The division of the patches.
        grid: Patches ``(h, w)`` of an image.
        attention: [CLS] attention of the encoder, summed over its blocks, ``(B, L)``; None for an
            encoder without [CLS].
        images: Prediction where masked and the input elsewhere, normalised like the input,
            ``(B, 3, H, W)``; None where the target is not made of pixels.
    """
    mask: PatchMask
    grid: tuple[int, int]
    attention: Tensor | None
    images: Tensor | None


class MaskedImageModel(BaseSelfSupervisor):
    """Base of the algorithms: a backbone, a mask generator, a decoder, a target and its head.

    Widths, patch size and grid are said once, in the backbone; decoder and target take them over.

    Args:
        backbone: Config of the encoder.
        mask_generator: Config of the :class:`MaskGenerator`.
        neck: Config of the decoder.
        target_generator: Config of what is predicted.
        head: Config of the reconstruction loss.
        momentum_encoder: Config of a :class:`MomentumEncoder` that follows the backbone, for
            algorithms and guidance that ask for one.
        data_preprocessor: Config of the normalisation; mmpretrain's SelfSupDataPreprocessor.
        init_cfg: As in every MMEngine module.

    Attributes:
        num_views: Views of an image that :meth:`loss` takes: a tensor if it is one, else a list.

    Raises:
        ConfigError: If the guidance asks for an encoder or a block that there is not, or the mask
            ratio leaves nothing visible or nothing masked.
    """

    num_views = 1

    def __init__(self,
                 backbone: dict,
                 mask_generator: dict,
                 neck: dict,
                 target_generator: dict,
                 head: dict,
                 momentum_encoder: dict | None = None,
                 data_preprocessor: dict | None = None,
                 init_cfg: dict | None = None) -> None:
        backbone = MODELS.build(backbone)
        if getattr(backbone, 'pos_embed', None) is not None:
            backbone.pos_embed.requires_grad = False  # MAE trains it in fine-tuning only
        target_generator = MODELS.build(
            target_generator, default_args=dict(patch_size=backbone.patch_size))
        neck = MODELS.build(
            neck,
            default_args=dict(
                in_dims=backbone.embed_dims,
                out_dims=target_generator.dims,
                grid=backbone.patch_resolution))
        super().__init__(
            backbone=backbone,
            neck=neck,
            head=MODELS.build(head),
            target_generator=target_generator,
            data_preprocessor=data_preprocessor,
            init_cfg=init_cfg)
        self.momentum_encoder = momentum_encoder and MODELS.build(
            momentum_encoder, default_args=dict(encoder=backbone))
        if self.momentum_encoder is not None:
            self.register_load_state_dict_post_hook(self._complete_followers)
        self.mask_generator = MODELS.build(mask_generator)
        self.mask_generator.check(self.encoders, backbone.patch_resolution)

    @property
    def encoders(self) -> Mapping[str, torch.nn.Module]:
        """Encoders that a guidance may ask, by name."""
        encoders = dict(student=self.backbone)
        if self.momentum_encoder is not None:
            encoders['momentum'] = self.momentum_encoder.encoder
        return encoders

    def init_weights(self) -> None:
        """Initialise every part; a momentum encoder starts as the encoder."""
        super().init_weights()
        if self.momentum_encoder is not None and not pretrained_settings(self.init_cfg):
            self.momentum_encoder.reset()

    @staticmethod
    def _complete_followers(model: 'MaskedImageModel', incompatible_keys) -> None:
        """After loading: what a checkpoint does not hold of the moving averages (MAE's holds
        nothing of CMAE's) starts as what it follows."""
        sources = {}
        for kind in ('parameters', 'buffers'):
            followers = zip(*model.momentum_encoder.tensors(kind), strict=True)
            sources.update((id(follower), source) for follower, source in followers)
        missing = set(incompatible_keys.missing_keys)
        with torch.no_grad():
            for name, tensor in (*model.named_parameters(), *model.named_buffers()):
                if name in missing and id(tensor) in sources:
                    tensor.copy_(sources[id(tensor)])

    def make_mask(self, images: Tensor) -> tuple[PatchMask, dict[str, Tensor]]:
        """Divide the patches of a batch; also scalars for the log."""
        return self.mask_generator(images, self.backbone.patch_grid(images), self.encoders)

    def check_pairs(self, images: Tensor) -> None:
        """ConfigError if there are too few images of one process to contrast and to normalise."""
        if self.training and len(images) < 2:
            raise ConfigError(f'a batch of {len(images)} image per process: contrast and batch '
                              'normalisation need two; set train_dataloader.drop_last=True or '
                              'another train_dataloader.batch_size')

    def reconstruction_loss(self, images: Tensor, latent: Tensor, mask: PatchMask) -> Tensor:
        """Decode the latents of the visible patches and compare with the targets."""
        pred = self.neck(latent, mask, self.backbone.patch_grid(images))
        return self.head(pred, self.target_generator(images), mask.mask)

    @torch.no_grad()
    def reconstruct(self, images: Tensor) -> Reconstruction:
        """Mask and reconstruct a batch of normalised images ``(B, 3, H, W)``, for figures."""
        grid = self.backbone.patch_grid(images)
        mask, _ = self.make_mask(images)
        pred = self.neck(self.backbone(images, mask), mask, grid)
        attention = None
        if hasattr(self.backbone, 'cls_attention'):
            attention = self.backbone.cls_attention(images).sum(0)
        return Reconstruction(
            mask=mask,
            grid=grid,
            attention=attention,
            images=self._paste(images, pred, mask, grid))

    def _paste(self, images: Tensor, pred: Tensor, mask: PatchMask, grid) -> Tensor | None:
        """Predicted pixels in the masked places of the images."""
        target = self.target_generator
        if not isinstance(target, PixelTarget):
            return None
        patches = patchify(images, target.patch_size)
        if target.norm_pix:
            # The prediction has neither mean nor contrast; the figure borrows the true patch's.
            _, mean, std = normalise_patches(patches)
            pred = pred * std + mean
        pasted = torch.where(mask.mask.bool().unsqueeze(-1), pred, patches)
        return unpatchify(pasted, target.patch_size, grid)
