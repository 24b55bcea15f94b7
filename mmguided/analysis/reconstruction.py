"""What a pretrained model attends to, hides and predicts."""
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mmguided.structures import PatchMask, Wants


@dataclass(frozen=True)
class Reconstruction:
    """What an algorithm does with a batch of images.

    Attributes:
        mask: What it masks.
        attention: [CLS] attention of the encoder that is trained, summed over its layers,
            ``(B, L)``; None for an encoder without [CLS].
        images: The prediction where masked and the input elsewhere, normalized like the input,
            ``(B, 3, H, W)``; None where the target is not made of pixels.
    """
    mask: PatchMask
    attention: Tensor | None
    images: Tensor | None


@torch.no_grad()
def reconstruct(model: nn.Module, images: Tensor) -> Reconstruction:
    """Mask and reconstruct normalized images ``(B, 3, H, W)`` by a ``MaskedImageModel``."""
    mask, _ = model.make_mask(images, model.observe(images))
    pred = model.head.predict(model.decode(model.backbone(images, mask), mask))
    attention = None
    if model.backbone.has_cls_token:
        wants = Wants(attention=frozenset({(None, 'heads')}))
        attention = model.backbone.observe(images, wants).cls_attention(None, 'heads').sum(0)
    return Reconstruction(mask, attention, model.target_generator.to_images(pred, images, mask))
