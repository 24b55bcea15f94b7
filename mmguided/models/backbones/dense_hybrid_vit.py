"""Pretrained hybrid ViT as a backbone for detection and segmentation."""
from itertools import accumulate
from operator import mul

import torch.nn.functional as F
from torch import Tensor

from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError

from .dense_vit import DenseViT
from .hybrid_vit import MaskedHybridViT


@MODELS.register_module()
class DenseHybridViT(DenseViT, MaskedHybridViT):
    """:class:`MaskedHybridViT` for images of any size, with four output maps.

    The maps follow ConvMAE's detector (arXiv:2205.03892): the outputs of the convolutional stages
    (strides 4 and 8 for 'base'), the output of the last transformer block (stride 16), and this
    output max-pooled by 2. Unlike the released code, the stage fusion and the final norm are kept,
    so that the third map equals the encoder output of pretraining.

    Args:
        **kwargs: Arguments of :class:`DenseViT`, whose windows apply to the transformer blocks, and
            of :class:`MaskedHybridViT`, except ``out_indices``.

    Raises:
        ConfigError: If ``out_indices`` is given, or in the cases of the base classes.
    """

    def __init__(self, *args, **kwargs) -> None:
        if 'out_indices' in kwargs:
            raise ConfigError(f'backbone.out_indices={kwargs["out_indices"]}: DenseHybridViT '
                              'always returns its stages and its last block. Remove it.')
        super().__init__(*args, **kwargs)

    @property
    def out_channels(self) -> tuple[int, ...]:
        return (*self.arch_settings['stage_dims'], self.embed_dims, self.embed_dims)

    @property
    def pyramid_strides(self) -> tuple[int, ...]:
        """Strides of the output maps in pixels."""
        stages = accumulate((stage.projection.stride[0] for stage in self.patch_embed.stages), mul)
        return (*stages, 2 * self.patch_size)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Maps ``(B, C_i, H_i, W_i)``, finest first; pads images to multiples of the patch size."""
        images = self._pad(images)
        grid = self.patch_grid(images)
        embedded, outputs = self._run(images, grid)
        # Contiguous, because mmcv's compiled RoIAlign ignores strides.
        last = self._format_output(outputs[-1], grid).contiguous()
        stages = (stage.permute(0, 3, 1, 2).contiguous() for stage in embedded.stages)
        return (*stages, last, F.max_pool2d(last, 2))
