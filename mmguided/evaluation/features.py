"""One feature of an image from the tokens of an encoder."""
import torch
from torch import Tensor

from mmguided.models.backbones import Encoder
from mmguided.ops import gather_tokens
from mmguided.structures import PatchMask
from mmguided.utils.errors import ConfigError


def check_feature(field: str, encoder: Encoder, feature: str) -> None:
    """Raise ConfigError if ``feature`` is none that the encoder has."""
    if feature not in ('mean', 'cls'):
        raise ConfigError(f"{field}={feature!r}: choose 'mean', the mean patch token, or 'cls'")
    if feature == 'cls' and not encoder.has_cls_token:
        raise ConfigError(f"{field}='cls': backbone.type={type(encoder).__name__} has no [CLS]; "
                          "set it to 'mean'")


def pool_latents(encoder: Encoder, latent: Tensor, mask: PatchMask,
                 feature: str = 'mean') -> Tensor:
    """Features ``(B, D)``, float32, from what an encoder makes of masked images.

    Args:
        encoder: The encoder.
        latent: Its output, ``(B, [1 +] n, D)``.
        mask: The mask of the images.
        feature: 'mean' for the mean of the visible patches, 'cls' for [CLS].
    """
    if feature == 'cls':
        return latent[:, 0].float()
    patches = latent[:, 1:] if encoder.has_cls_token else latent
    if not encoder.drops_masked_tokens:
        patches = gather_tokens(patches, mask.ids_keep)
    return patches.float().mean(dim=1)


def image_tokens(encoder: Encoder, images: Tensor) -> Tensor:
    """What an encoder makes of whole images ``(B, 3, H, W)``: ``([CLS] +) L`` tokens in the order
    of the patches, ``(B, [1 +] L, D)``."""
    return encoder(images, _nothing_masked(encoder, images))


@torch.no_grad()
def image_features(encoder: Encoder, images: Tensor, feature: str = 'mean') -> Tensor:
    """Features ``(B, D)``, float32, of whole images ``(B, 3, H, W)``, of which nothing is masked;
    for a ViT those that :class:`KNNClassifier` takes."""
    return pool_latents(encoder, image_tokens(encoder, images), _nothing_masked(encoder, images),
                        feature)


def _nothing_masked(encoder: Encoder, images: Tensor) -> PatchMask:
    grid = encoder.patch_grid(images)
    patches = torch.arange(grid[0] * grid[1], device=images.device).expand(len(images), -1)
    return PatchMask.from_ids(patches, (), grid)
