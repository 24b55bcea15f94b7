"""Where the information is: from images to scores per patch."""
from collections.abc import Mapping, Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor

from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError

from .patch_mask import PatchMask


@MODELS.register_module()
class ClsAttention(BaseModule):
    """Attention that a [CLS] token pays to the patches of the whole image (ccMIM Eq. 4).

    Runs without grad and no deeper than the last layer it reads.

    Args:
        source: Name of the encoder that is asked, one of those that the algorithm offers
            ('student', and where it has them 'momentum' or 'teacher').
        layers: Blocks to read, counted from 0, negative from the end; None reads all.
        softmax: 'heads' averages the attention of the heads, as ccMIM's released code; 'mean' takes
            the softmax over the patches after averaging the heads' logits, as Eq. 4 writes; None
            leaves the averaged logits.
        reduce: 'sum' or 'mean' over the layers.
    """

    def __init__(self,
                 source: str = 'student',
                 layers: Sequence[int] | None = None,
                 softmax: str | None = 'heads',
                 reduce: str = 'sum') -> None:
        super().__init__()
        if softmax not in ('heads', 'mean', None):
            raise ConfigError(f"guidance softmax={softmax!r}: choose from 'heads', 'mean' and None")
        if reduce not in ('sum', 'mean'):
            raise ConfigError(f"guidance reduce={reduce!r}: choose from 'sum' and 'mean'")
        self.source = source
        self.layers = layers
        self.softmax = softmax
        self.reduce = reduce

    def check(self, encoders: Mapping) -> None:
        """Raise ConfigError unless ``encoders`` holds the source and the source has the layers."""
        if self.source not in encoders:
            raise ConfigError(f"guidance source='{self.source}' is unknown to this algorithm: "
                              f'choose from {sorted(encoders)}')
        depth = encoders[self.source].num_layers
        wrong = [i for i in self.layers or () if not -depth <= i < depth]
        if wrong or (self.layers is not None and not self.layers):
            raise ConfigError(f'guidance layers={list(self.layers)}: the {self.source} encoder has '
                              f'{depth} blocks, choose from {-depth}..{depth - 1}')

    @torch.no_grad()
    def forward(self,
                images: Tensor,
                encoders: Mapping,
                present: PatchMask | None = None) -> Tensor:
        """Scores of the patches.

        Args:
            images: ``(B, 3, H, W)``.
            encoders: Encoders by name.
            present: What an earlier shot left: the encoder then sees its visible patches alone.

        Returns:
            ``(B, L)`` in float32, 0 for patches that are not present.
        """
        rows = encoders[self.source].cls_attention(images, self.layers, self.softmax, present)
        scores = rows.sum(0) if self.reduce == 'sum' else rows.mean(0)
        if present is None:
            return scores
        return torch.zeros_like(present.mask).scatter_(1, present.ids_keep, scores)
