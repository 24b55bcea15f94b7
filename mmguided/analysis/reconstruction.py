"""Attention, masks and predictions of a pretraining model."""
import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mmguided.models.mask_generators import ShotGuidance
from mmguided.structures import PatchMask, Wants


@dataclass(frozen=True)
class Reconstruction:
    """Masks and predictions of a pretraining model for a batch of images.

    Attributes:
        mask: Mask of the batch.
        guidance: Guidance scores ``(B, L)`` of each shot. They are NaN for images that are masked
            at random and for patches that an earlier shot has masked. None for a shot that masks
            all images at random, for example before the guidance schedule begins.
        attention: [CLS] attention of the trained encoder, see :func:`cls_attention`.
        images: Prediction in masked patches and input elsewhere, normalized like the input,
            ``(B, C, H, W)``; None if the target is not pixels.
    """
    mask: PatchMask
    guidance: tuple[Tensor | None, ...]
    attention: Tensor | None
    images: Tensor | None


@torch.no_grad()
def reconstruct(model: nn.Module, images: Tensor) -> Reconstruction:
    """Mask and reconstruct normalized images ``(B, C, H, W)`` with a ``MaskedImageModel``."""
    mask, _, shots = model.mask_generator.mask_by_shots(
        images, model.backbone.patch_grid(images), model.observe(images), model.encoders,
        model.clock)
    pred = model.head.predict(model.decode(model.backbone(images, mask), mask))
    return Reconstruction(
        mask=mask,
        guidance=tuple(_used_scores(shot, mask.shot, number)
                       for number, shot in enumerate(shots, start=1)),
        attention=cls_attention(model.backbone, images),
        images=model.target_generator.to_images(pred, images, mask))


@torch.no_grad()
def cls_attention(encoder: nn.Module, images: Tensor) -> Tensor | None:
    """[CLS]-to-patch attention ``(B, L)`` for unmasked, normalized images ``(B, C, H, W)``, mean
    over heads and sum over layers; None for an encoder without [CLS]."""
    if not encoder.has_cls_token:
        return None
    wants = Wants(attention=frozenset({(None, 'heads')}))
    return encoder.observe(images, wants).cls_attention(None, 'heads').sum(0)


def _used_scores(guidance: ShotGuidance, shot: Tensor, number: int) -> Tensor | None:
    """Scores of shot ``number``, see :class:`Reconstruction`; ``shot (B, L)`` is the shot of each
    patch."""
    if guidance.scores is None:
        return None
    unused = (shot > 0) & (shot < number)
    if guidance.guided is not None:
        unused = unused | ~guidance.guided
    return guidance.scores.float().masked_fill(unused, math.nan)
