"""Small encoders of each family, and the same models of timm and transformers."""
import torch
from timm.models.convnext import ConvNeXt
from timm.models.swin_transformer import SwinTransformer
from torch import nn

from mmguided.models import MaskedConvNeXt, MaskedSwin
from tests.helpers.encoders import build_timm_vit, build_vit
from tests.helpers.models import as_trained

OURS = dict(
    vit=build_vit,
    swin=lambda: MaskedSwin(
        dict(embed_dims=16, depths=[2, 1], num_heads=[1, 2]), img_size=32, patch_size=4,
        window_size=4, out_indices=(1, )),
    convnextv2=lambda: MaskedConvNeXt(
        dict(depths=[1, 1, 2, 1], channels=[8, 8, 16, 16]), img_size=64, stem_patch_size=4,
        use_grn=True, layer_scale_init_value=0.))
TIMM = dict(
    vit=build_timm_vit,
    swin=lambda: SwinTransformer(
        img_size=32, patch_size=4, window_size=4, embed_dim=16, depths=(2, 1), num_heads=(1, 2),
        num_classes=0),
    convnextv2=lambda: ConvNeXt(
        depths=(1, 1, 2, 1), dims=(8, 8, 16, 16), use_grn=True, ls_init_value=None, num_classes=0))
SIDE = dict(vit=32, swin=32, convnextv2=64)


def trained(family: str) -> nn.Module:
    """Encoder of mmguided in eval mode with perturbed weights."""
    torch.manual_seed(0)
    model = as_trained(OURS[family]())
    model.eval()  # returns None for some encoders of mmpretrain
    return model


def last_map(family: str, encoder: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Final features of an encoder of mmguided in the order of :func:`timm_features`."""
    features = encoder(images)[-1]
    return features.permute(0, 2, 3, 1) if family == 'swin' else features


def timm_features(family: str, model: nn.Module, images: torch.Tensor) -> torch.Tensor:
    return model(images) if family == 'convnextv2' else model.forward_features(images)
