"""What a model makes of a few images, as arrays."""
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from mmpretrain.models import ImageClassifier
from PIL import Image, ImageOps
from torch import Tensor, nn

from mmguided.models import Encoder, MaskedImageModel
from mmguided.utils.errors import ConfigError
from mmguided.utils.modules import eval_mode
from mmguided.utils.rng_state import preserve_rng_state

from .reconstruction import cls_attention, reconstruct

Picture = str | os.PathLike | Image.Image | np.ndarray


@dataclass(frozen=True)
class Inspection:
    """What a model makes of B images of ``h x w`` patches, as NumPy arrays on the CPU. Of a
    classifier, what masks and rebuilds is None.

    Attributes:
        images: RGB as the model sees them, ``(B, H, W, 3)`` in [0, 1].
        guidance: Scores that made the mask, ``(B, h, w)``, of the first shot that is guided; NaN
            for images masked at random and for patches masked before. None if all masks are random,
            as they are while the schedule of a guidance has not begun.
        attention: [CLS] attention of the encoder that is trained, summed over its layers,
            ``(B, h, w)``; None for an encoder without [CLS].
        mask: ``(B, h, w)``, bool, True = masked.
        shot: The shot that masks each patch, counted from 1; 0 = visible. ``(B, h, w)``.
        reconstruction: The prediction where masked and the image elsewhere, ``(B, H, W, 3)`` in
            [0, 1]; None where the target is not made of pixels. Where patches are normalized (MAE)
            it has mean and contrast of the true ones.
        features: Output of the encoder for the patches of the whole image, ``(B, h, w, D)``.
        cls_token: The same for [CLS], ``(B, D)``; None for an encoder without.
    """
    images: np.ndarray
    guidance: np.ndarray | None
    attention: np.ndarray | None
    mask: np.ndarray | None
    shot: np.ndarray | None
    reconstruction: np.ndarray | None
    features: np.ndarray
    cls_token: np.ndarray | None

    def sheet(self, title: str = '') -> np.ndarray:
        """A picture with a row for each image, uint8 RGB: :func:`mmguided.visualization.draw_sheet`
        of a model of pretraining."""
        from mmguided.visualization import draw_sheet
        return draw_sheet(
            images=self.images, shot=self.shot, guidance=self.guidance, attention=self.attention,
            reconstruction=self.reconstruction, title=title)


def inspect(model: nn.Module, images: Picture | Sequence[Picture], seed: int = 0) -> Inspection:
    """What a model of pretraining, or a classifier with an encoder of ours, makes of images.

    Args:
        model: Such as of :func:`mmguided.get_model`.
        images: A path, a Pillow image, an array ``(H, W, 3)`` of uint8 in RGB, or a list of these;
            each is resized to cover the model's usual input, and the middle is cut out.
        seed: Of the masks. Random numbers that are drawn later are as if nothing had been drawn.

    Raises:
        ConfigError: If the model has no encoder of ours, a file is missing or no image, or an array
            has another shape or type.
    """
    encoder = _encoder_of(model)
    height, width = (side * encoder.patch_size for side in encoder.patch_resolution)
    if isinstance(images, (str, os.PathLike, Image.Image, np.ndarray)):
        images = [images]
    if not len(images):
        raise ConfigError('images=[]: give one or more')
    pixels = np.stack([
        np.asarray(ImageOps.fit(_read(image, f'images[{i}]'), (width, height),
                                Image.Resampling.BICUBIC))
        for i, image in enumerate(images)])
    # As mmcv's transforms give them.
    batch = torch.from_numpy(pixels[..., ::-1].copy()).permute(0, 3, 1, 2)
    return inspect_batch(model, dict(inputs=batch, data_samples=None), seed)


@torch.no_grad()
def inspect_batch(model: nn.Module, batch: dict, seed: int = 0) -> Inspection:
    """:func:`inspect` of a batch as a data loader gives it, with one view of each image."""
    encoder = _encoder_of(model)
    with preserve_rng_state(), eval_mode(model):
        torch.manual_seed(seed)
        inputs = model.data_preprocessor(batch)['inputs']
        grid = encoder.patch_grid(inputs)
        guidance = mask = shot = rebuilt = None
        if isinstance(model, MaskedImageModel):
            result = reconstruct(model, inputs)
            attention, mask, shot = result.attention, result.mask.mask.bool(), result.mask.shot
            guidance = next((scores for scores in result.guidance if scores is not None), None)
            rebuilt = result.images
        else:
            attention = cls_attention(encoder, inputs)
        tokens = encoder.image_tokens(inputs).float()

    def pixels(images: Tensor | None) -> np.ndarray | None:
        if images is None:
            return None
        images = images * model.data_preprocessor.std + model.data_preprocessor.mean
        return (images / 255).clamp(0, 1).permute(0, 2, 3, 1).float().cpu().numpy()

    def patches(values: Tensor | None) -> np.ndarray | None:
        return None if values is None else values.unflatten(1, grid).cpu().numpy()

    return Inspection(
        images=pixels(inputs), guidance=patches(guidance), attention=patches(attention),
        mask=patches(mask), shot=patches(shot), reconstruction=pixels(rebuilt),
        features=patches(encoder.patch_tokens(tokens)),
        cls_token=tokens[:, 0].cpu().numpy() if encoder.has_cls_token else None)


def _encoder_of(model: nn.Module) -> Encoder:
    backbone = getattr(model, 'backbone', None)
    if isinstance(backbone, Encoder) and isinstance(model, (MaskedImageModel, ImageClassifier)):
        return backbone
    raise ConfigError(f'model: a {type(model).__name__} with a backbone of '
                      f'{type(backbone).__name__} cannot be inspected: give a model of '
                      "pretraining, or a classifier with an encoder such as 'mmguided.MaskedViT'")


def _read(image: Picture, field: str) -> Image.Image:
    """In RGB."""
    if isinstance(image, np.ndarray):
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ConfigError(f'{field}: an array of {image.dtype} and shape {image.shape}: give '
                              'uint8 and (height, width, 3), RGB; several images as a list')
        return Image.fromarray(image)
    if isinstance(image, (str, os.PathLike)):
        try:
            with Image.open(image) as file:
                return _read(file, field)
        except (OSError, SyntaxError, ValueError) as error:  # as Pillow's decoders fail
            reason = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise ConfigError(f'{field}={os.fspath(image)!r} cannot be read: {reason}; give the '
                              'path of an image') from error
    if isinstance(image, Image.Image):
        return ImageOps.exif_transpose(image).convert('RGB')
    raise ConfigError(f'{field}: a {type(image).__name__}; give a path, a Pillow image or an array '
                      'of uint8')
