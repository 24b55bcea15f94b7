"""Inspect a model on single images."""
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from mmpretrain.models import ImageClassifier
from PIL import Image
from torch import Tensor, nn

from mmguided.datasets.analysis_images import resized_center
from mmguided.models import Encoder, MaskedImageModel
from mmguided.registry import TRANSFORMS
from mmguided.utils.configs import walk
from mmguided.utils.errors import ConfigError
from mmguided.utils.images import read_image, shown_bands, to_rgb
from mmguided.utils.modules import eval_mode
from mmguided.utils.rng_state import preserve_rng_state

from .reconstruction import cls_attention, reconstruct

#: Names of methods in the papers, where they differ from the class of the model or the guidance.
METHODS = {'CCMIM': 'ccMIM', 'CMTMAE': 'CMT-MAE', 'ConditionalMAE': 'Conditional MAE',
           'NcutRelevance': 'Self-guided MAE'}
ImageLike = str | os.PathLike | Image.Image | np.ndarray


@dataclass(frozen=True, repr=False)
class Inspection:
    """Outputs of a model for B images with ``h x w`` patches, as NumPy arrays. The mask, guidance
    and reconstruction of a classifier are None.

    Attributes:
        images: RGB input of the model, or the shown bands, ``(B, H, W, 3)`` in [0, 1].
        guidance: Guidance scores of the first guided shot, ``(B, h, w)``; NaN for images that are
            masked at random and for patches that an earlier shot has masked. None if all masks are
            random, for example before the guidance schedule begins.
        attention: [CLS] attention of the trained encoder, summed over layers, ``(B, h, w)``; None
            for an encoder without [CLS].
        mask: Mask ``(B, h, w)``, bool; True = masked.
        shot: Shot that masks each patch, from 1; 0 = visible. ``(B, h, w)``.
        reconstruction: Prediction in masked patches and input elsewhere, ``(B, H, W, 3)`` in
            [0, 1]; None if the target is not pixels. With normalized targets (MAE), the mean and
            standard deviation of a predicted patch are interpolated from the visible patches.
        features: Encoder output for the patches of the unmasked image, ``(B, h, w, D)``.
        cls_token: Encoder output for [CLS], ``(B, D)``; None for an encoder without [CLS].
    """
    images: np.ndarray
    guidance: np.ndarray | None
    attention: np.ndarray | None
    mask: np.ndarray | None
    shot: np.ndarray | None
    reconstruction: np.ndarray | None
    features: np.ndarray
    cls_token: np.ndarray | None

    def __repr__(self) -> str:
        shapes = ', '.join(f'{name}={"None" if value is None else value.shape}'
                           for name, value in vars(self).items())
        return f'Inspection({shapes})'

    def sheet(self, title: str = '') -> np.ndarray:
        """Figure sheet with one row per image, uint8 RGB; see
        :func:`mmguided.visualization.draw_sheet`."""
        from mmguided.visualization import draw_sheet
        return draw_sheet(
            images=self.images, shot=self.shot, guidance=self.guidance, attention=self.attention,
            reconstruction=self.reconstruction, title=title)


def inspect(model: nn.Module, images: ImageLike | Sequence[ImageLike], seed: int = 0,
            bands: Sequence[int] | None = None) -> Inspection:
    """Run a pretraining model, or a classifier with an encoder of mmguided, on images.

    Args:
        model: Model, for example from :func:`mmguided.get_model`.
        images: An image or a list of images. An image is a path (see :func:`read_for_model`), an
            array ``(H, W, C)`` (uint8, or float32 in [0, 255]) or, if the model has three channels,
            a Pillow image. Three channels are RGB. Each image is resized and center-cropped to the
            default input size of the model.
        seed: Seed of the masks. The global RNG states are preserved.
        bands: Bands that are shown as red, green and blue; by default the first three, or the first
            as gray.

    Raises:
        ConfigError: If the model has no encoder of mmguided, a file is not a readable image, or an
            array has another shape or type.
    """
    encoder = _encoder_of(model)
    if isinstance(images, (str, os.PathLike, Image.Image, np.ndarray)):
        images = [images]
    if not len(images):
        raise ConfigError('images=[]: no image. Give one or more.')
    batch = torch.stack([_model_input(model, image, encoder.input_size, f'images[{i}]')
                         for i, image in enumerate(images)])
    return _inspect(model, normalized(model, batch), seed, bands)


def takes_bgr(model: nn.Module) -> bool:
    """True if the model takes BGR images: its loading transform returns BGR, and its preprocessor
    does not convert them. Datasets of arrays, such as CIFAR, are RGB."""
    preprocessor, cfg = model.data_preprocessor, getattr(model, 'cfg', {})
    # The attributes of MMEngine's preprocessors and of mmpretrain's ClsDataPreprocessor.
    if getattr(preprocessor, '_channel_conversion', getattr(preprocessor, 'to_rgb', False)):
        return False
    has_data = any(cfg.get(f'{split}_dataloader') for split in ('train', 'test'))
    return getattr(model.backbone, 'in_channels', 3) == 3 and bool(
        loading_transform(model) or not has_data)


def normalized(model: nn.Module, images: Tensor) -> Tensor:
    """Input of a model, on its device, from images ``(B, C, H, W)`` in [0, 255]. Three channels are
    RGB."""
    mean, std = model.data_preprocessor.mean, model.data_preprocessor.std
    images = images.flip(1) if takes_bgr(model) else images
    return (images.to(mean.device).float() - mean) / std


def read_for_model(model: nn.Module, path: str | os.PathLike, field: str
                   ) -> Image.Image | np.ndarray:
    """Read an image file for a model, with the channels in the model's order.

    Args:
        model: Model whose config is ``model.cfg``, see :func:`mmguided.get_model`.
        field: Argument that names the file, for errors.

    Returns:
        An RGB image. If the model was trained with :class:`mmguided.datasets.LoadRaster`, or does
        not have three channels: an array ``(H, W, C)``, read by the loading transform of the
        config.

    Raises:
        ConfigError: If the file is unreadable or has another number of channels, or the config has
            no loading transform.
    """
    num, load = getattr(model.backbone, 'in_channels', 3), loading_transform(model)
    if num == 3 and not str(load.get('type')).endswith('LoadRaster'):
        return read_image(path, field)
    if not load:
        raise ConfigError(f'{field}={os.fspath(path)!r}: the model takes {num} channels, and its '
                          'config has no transform that loads files. Give arrays '
                          f'(height, width, {num}).')
    try:
        image = np.atleast_3d(TRANSFORMS.build(load)(dict(img_path=os.fspath(path)))['img'])
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError(f'{field}={os.fspath(path)!r}: cannot be read by the loading transform '
                          f'of the model, {load} ({error}). Give another file.') from error
    if image.shape[2] != num:
        raise ConfigError(f'{field}={os.fspath(path)!r}: has {image.shape[2]} channels, but the '
                          f'model takes {num}. Give another file.')
    return image[..., ::-1] if num == 3 else image


def loading_transform(model: nn.Module) -> dict:
    """Config of the transform that loads the training images, or else the test images."""
    cfg = getattr(model, 'cfg', {})
    return find_loading_transform(cfg.get('train_dataloader')) or find_loading_transform(
        cfg.get('test_dataloader'))


def find_loading_transform(data: dict | None) -> dict:
    """Config of the transform that loads image files in the config of a dataset or a data loader;
    empty if there is none."""
    return next((node for _, node in walk(data, '')
                 if isinstance(node, dict) and str(node.get('type')).rpartition('.')[2] in (
                     'LoadImage', 'LoadImageFromFile', 'LoadRaster')), {})


def _model_input(model: nn.Module, image: ImageLike, size: tuple[int, int], field: str) -> Tensor:
    """Image of ``size``, ``(C, *size)``, with the channels in the model's order."""
    num = _encoder_of(model).in_channels
    if isinstance(image, (str, os.PathLike)):
        image = read_for_model(model, image, field)
    elif isinstance(image, Image.Image) and num == 3:
        try:
            image = to_rgb(image)
        except ValueError as error:
            raise ConfigError(f'{field}={image}: {error}. Give an 8-bit image.') from error
    elif not isinstance(image, np.ndarray):
        raise ConfigError(f'{field}={type(image).__name__}: unsupported type. Give a path, an '
                          f'array{" or a Pillow image" if num == 3 else ""}.')
    if isinstance(image, np.ndarray):
        if image.ndim != 3 or image.shape[2] != num or image.dtype not in (np.uint8, np.float32):
            raise ConfigError(
                f'{field}=array of {image.dtype}, shape {image.shape}: unsupported. Give '
                f'uint8, or float32 from 0 to 255, of shape (height, width, {num}), or a list of '
                'images.')
        if num == 3 and image.dtype == np.uint8:
            image = Image.fromarray(image)
    return resized_center(image, size).float()


@torch.no_grad()
def inspect_batch(model: nn.Module, batch: dict, seed: int = 0,
                  bands: Sequence[int] | None = None) -> Inspection:
    """Run :func:`inspect` on a dataloader batch with one view per image."""
    with preserve_rng_state():
        torch.manual_seed(seed)
        inputs = model.data_preprocessor(batch)['inputs']
    return _inspect(model, inputs, seed, bands)


@torch.no_grad()
def _inspect(model: nn.Module, inputs: Tensor, seed: int, bands: Sequence[int] | None
             ) -> Inspection:
    encoder = _encoder_of(model)
    bands = shown_bands(encoder.in_channels, bands)
    with preserve_rng_state(), eval_mode(model):
        torch.manual_seed(seed)
        grid = encoder.patch_grid(inputs)
        guidance = mask = shot = prediction = None
        if isinstance(model, MaskedImageModel):
            result = reconstruct(model, inputs)
            attention, mask, shot = result.attention, result.mask.mask.bool(), result.mask.shot
            guidance = next((scores for scores in result.guidance if scores is not None), None)
            prediction = result.images
        else:
            attention = cls_attention(encoder, inputs)
        tokens = encoder.image_tokens(inputs).float()

    def pixels(images: Tensor | None) -> np.ndarray | None:
        if images is None:
            return None
        images = images * model.data_preprocessor.std + model.data_preprocessor.mean
        images = images.flip(1) if takes_bgr(model) else images
        return (images[:, bands] / 255).clamp(0, 1).permute(0, 2, 3, 1).float().cpu().numpy()

    def patches(values: Tensor | None) -> np.ndarray | None:
        return None if values is None else values.unflatten(1, grid).cpu().numpy()

    return Inspection(
        images=pixels(inputs), guidance=patches(guidance), attention=patches(attention),
        mask=patches(mask), shot=patches(shot), reconstruction=pixels(prediction),
        features=patches(encoder.patch_tokens(tokens)),
        cls_token=tokens[:, 0].cpu().numpy() if encoder.has_cls_token else None)


def method_name(model: nn.Module) -> str:
    """Name of a model's method in its paper, for figures. MAE with guided masks is named by its
    guidance, unless it is a method with a name."""
    name = type(model).__name__
    guidance = model.mask_generator.shots[0].guidance if name == 'MAE' else None
    if guidance is None:
        return METHODS.get(name, name)
    guided_by = type(getattr(guidance, 'guidance', guidance)).__name__  # of CachedGuidance
    return METHODS.get(guided_by, f'MAE, guided by {guided_by}')


def _encoder_of(model: nn.Module) -> Encoder:
    backbone = getattr(model, 'backbone', None)
    if isinstance(backbone, Encoder) and isinstance(model, (MaskedImageModel, ImageClassifier)):
        if not hasattr(model.data_preprocessor, 'mean'):
            raise ConfigError('model.data_preprocessor: has no mean and std. Set both.')
        return backbone
    raise ConfigError(
        f'model={type(model).__name__} with backbone={type(backbone).__name__}: unsupported. Give '
        "a pretraining model, or a classifier with an encoder such as 'mmguided.MaskedViT'.")
