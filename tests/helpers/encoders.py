"""Small ViT, and timm's ViT of the same size."""
import functools

import torch
from timm.models.vision_transformer import VisionTransformer as TimmViT

from mmguided.models import MaskedViT


def build_vit() -> MaskedViT:
    """ViT with 4 x 4 patches, width 32, three blocks."""
    arch = dict(embed_dims=32, num_layers=3, num_heads=2, feedforward_channels=128)
    return MaskedViT(arch, img_size=32, patch_size=8)


def build_timm_vit(**options) -> TimmViT:
    """timm ViT of the same size."""
    return TimmViT(**dict(
        img_size=32, patch_size=8, embed_dim=32, depth=3, num_heads=2, num_classes=0,
        global_pool='', norm_layer=functools.partial(torch.nn.LayerNorm, eps=1e-6)) | options)
