"""Image features from encoder tokens, and checks of settings."""
from collections.abc import Container

import torch
from torch import Tensor

from mmguided.models.backbones import Encoder
from mmguided.ops import gather_tokens
from mmguided.structures import PatchMask
from mmguided.utils.errors import ConfigError


def check_feature(field: str, encoder: Encoder, feature: str) -> None:
    """Raise ConfigError if an encoder does not have ``feature``."""
    if feature not in ('mean', 'cls'):
        raise ConfigError(f"{field}={feature!r}: unknown. Choose 'mean' (mean patch token) or "
                          "'cls'.")
    if feature == 'cls' and not encoder.has_cls_token:
        raise ConfigError(f"{field}='cls': backbone.type={type(encoder).__name__} has no [CLS] "
                          "token. Set 'mean'.")


def check_sample(field: str, sample: Container, *names: str) -> None:
    """Raise ConfigError if a sample of the dataset ``field`` lacks a value."""
    remedies = dict(gt_label='Put the images of each class into a separate folder.',
                    sample_idx='Add it to meta_keys of PackInputs.')
    for name in names:
        if name not in sample:
            raise ConfigError(f'{field}: samples have no {name!r}. {remedies[name]}')


def pool_latents(encoder: Encoder, latent: Tensor, mask: PatchMask | None = None,
                 feature: str = 'mean') -> Tensor:
    """Features ``(B, D)``, float32, from an encoder's output.

    Args:
        latent: Output of the encoder, ``(B, [1 +] n, D)``.
        mask: Mask of the images; None if nothing is masked.
        feature: 'mean' for the mean of the visible patches, 'cls' for [CLS].
    """
    if feature == 'cls':
        return latent[:, 0].float()
    patches = encoder.patch_tokens(latent)
    if mask is not None and not encoder.drops_masked_tokens:
        patches = gather_tokens(patches, mask.ids_keep)
    return patches.float().mean(dim=1)


@torch.no_grad()
def image_features(encoder: Encoder, images: Tensor, feature: str = 'mean') -> Tensor:
    """Features ``(B, D)``, float32, of unmasked images ``(B, C, H, W)``. For a ViT, they
    are the same as the features of :class:`KNNClassifier`."""
    return pool_latents(encoder, encoder.image_tokens(images), feature=feature)
