"""HOG targets."""
from collections.abc import Mapping

from mmguided.ops import hog
from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError

from ..backbones.base import Encoder
from .base import TargetGenerator


@MODELS.register_module()
class HOGTarget(TargetGenerator):
    """Histograms of oriented gradients of each patch and channel (MaskFeat; ccMIM Eq. 3).

    Args:
        encoders: See :class:`TargetGenerator`; the patch size comes from the student.
        num_bins: Number of orientation bins.
        cell: Side of a histogram cell in pixels; must divide the patch size.

    Attributes:
        dims: Values per patch, ordered by channel, bin, cell.

    Raises:
        ConfigError: If the cell does not divide the patch size.
    """

    def __init__(self,
                 encoders: Mapping[str, Encoder],
                 num_bins: int = 9,
                 cell: int = 8) -> None:
        super().__init__(encoders)
        student = encoders['student']
        patch_size = student.patch_size
        if patch_size % cell:
            raise ConfigError(f'target_generator.cell={cell}: does not divide patch_size='
                              f'{patch_size}. Choose a divisor.')
        self.patch_size = patch_size
        self.num_bins = num_bins
        self.cell = cell
        self.dims = student.in_channels * num_bins * (patch_size // cell)**2

    def forward(self, images, observations):
        histogram = hog(images, self.num_bins, self.cell, window=self.patch_size)
        per_patch = self.patch_size // self.cell
        # (B, C, bins, h, per_patch, w, per_patch) to (B, h * w, C * bins * per_patch**2)
        cells = histogram.unflatten(-1, (-1, per_patch)).unflatten(3, (-1, per_patch))
        return cells.permute(0, 3, 5, 1, 2, 4, 6).flatten(3).flatten(1, 2)
