"""The decoder of SimMIM."""
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmguided.registry import MODELS

from ..mask_generators import PatchMask


@MODELS.register_module()
class LinearDecoder(BaseModule):
    """Predicts every patch from its own latent, by one linear layer (SimMIM Sec. 3.3).

    For encoders that keep masked patches in their sequence or grid.

    Args:
        in_dims: Width of the encoder; algorithms fill in their backbone's.
        out_dims: Values to predict per patch; algorithms fill in their target's.
        grid: What algorithms tell every decoder; here of no use.
    """

    def __init__(self, in_dims: int, out_dims: int, grid: tuple[int, int] | None = None) -> None:
        super().__init__()
        self.decoder_pred = nn.Linear(in_dims, out_dims)

    def forward(self,
                latent: Tensor,
                mask: PatchMask | None = None,
                grid: tuple[int, int] | None = None) -> Tensor:
        """Predictions ``(B, L, out_dims)`` from the latents of all patches, ``(B, L, in_dims)``,
        whatever their mask and grid."""
        return self.decoder_pred(latent)
