"""The pretrained hybrid ViT as a backbone of detectors and segmentors."""
import torch.nn.functional as F
from torch import Tensor

from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError

from .dense_vit import DenseViT
from .hybrid_vit import MaskedConvBlock, MaskedHybridViT


@MODELS.register_module()
class DenseHybridViT(DenseViT, MaskedHybridViT):
    """MaskedHybridViT's weights on images of any size, with four maps as output.

    As in ConvMAE's detector (arXiv:2205.03892): the outputs of the convolutional stages,
    of strides 4 and 8 in the usual arch, that of the last transformer block, of stride 16, and the
    same pooled to half its size. The released code drops the fusion of the stages and the final
    norm; they are kept here, so that the third map is what the decoder read in pretraining.

    Args:
        with_cp: As in :class:`DenseViT`, of the convolutional blocks too.
        **kwargs: Arguments of :class:`DenseViT`, whose windows concern the transformer blocks, and
            of :class:`MaskedHybridViT`, without ``out_indices``.

    Raises:
        ConfigError: Beside their reasons, if ``out_indices`` is given.
    """

    def __init__(self, *args, with_cp: bool = False, **kwargs) -> None:
        if 'out_indices' in kwargs:
            raise ConfigError(f'backbone.out_indices={kwargs["out_indices"]}: DenseHybridViT '
                              'always gives its stages and its last block; remove it')
        super().__init__(*args, with_cp=with_cp, **kwargs)
        for module in self.patch_embed.modules():
            if isinstance(module, MaskedConvBlock):
                module.with_cp = with_cp

    @property
    def out_channels(self) -> tuple[int, ...]:
        return (*self.arch_settings['stage_dims'], self.embed_dims, self.embed_dims)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Maps ``(B, C_i, H_i, W_i)``, finest first; images are padded to whole patches."""
        images = self._pad(images)
        grid = self.patch_grid(images)
        embedded, outputs = self._run(images, grid)
        # Contiguous, because mmcv's compiled RoIAlign ignores strides.
        last = self._format_output(outputs[-1], grid).contiguous()
        stages = (stage.permute(0, 3, 1, 2).contiguous() for stage in embedded.stages)
        return (*stages, last, F.max_pool2d(last, 2))
