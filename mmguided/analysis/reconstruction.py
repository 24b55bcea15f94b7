"""What a pretrained model attends to, hides and predicts."""
import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mmguided.models.mask_generators import ShotGuidance
from mmguided.structures import PatchMask, Wants


@dataclass(frozen=True)
class Reconstruction:
    """What an algorithm does with a batch of images.

    Attributes:
        mask: What it masks.
        guidance: For each shot the scores that made its mask, ``(B, L)``, NaN for images that it
            masks at random and for patches that are masked before it; None where it masks all
            images at random, as it does while its schedule has not begun.
        attention: That of the encoder that is trained, see :func:`cls_attention`.
        images: The prediction where masked and the input elsewhere, normalized like the input,
            ``(B, 3, H, W)``; None where the target is not made of pixels.
    """
    mask: PatchMask
    guidance: tuple[Tensor | None, ...]
    attention: Tensor | None
    images: Tensor | None


@torch.no_grad()
def reconstruct(model: nn.Module, images: Tensor) -> Reconstruction:
    """Mask and reconstruct normalized images ``(B, 3, H, W)`` by a ``MaskedImageModel``."""
    mask, _, shots = model.mask_generator.mask_by_shots(
        images, model.backbone.patch_grid(images), model.observe(images), model.encoders,
        model.clock)
    pred = model.head.predict(model.decode(model.backbone(images, mask), mask))
    return Reconstruction(
        mask=mask,
        guidance=tuple(_guiding_scores(shot, mask.shot, number)
                       for number, shot in enumerate(shots, start=1)),
        attention=cls_attention(model.backbone, images),
        images=model.target_generator.to_images(pred, images, mask))


@torch.no_grad()
def cls_attention(encoder: nn.Module, images: Tensor) -> Tensor | None:
    """Attention that [CLS] pays to the patches of whole, normalized images ``(B, 3, H, W)``,
    averaged over heads and summed over layers, ``(B, L)``; None for an encoder without [CLS]."""
    if not encoder.has_cls_token:
        return None
    wants = Wants(attention=frozenset({(None, 'heads')}))
    return encoder.observe(images, wants).cls_attention(None, 'heads').sum(0)


def _guiding_scores(guidance: ShotGuidance, shot: Tensor, number: int) -> Tensor | None:
    """Of the shot of that number, see :class:`Reconstruction`; ``shot`` is that of each patch."""
    if guidance.scores is None:
        return None
    gone = (shot > 0) & (shot < number)
    if guidance.guided is not None:
        gone = gone | ~guidance.guided
    return guidance.scores.float().masked_fill(gone, math.nan)
