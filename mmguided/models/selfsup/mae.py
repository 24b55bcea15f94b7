"""MAE: Masked Autoencoders Are Scalable Vision Learners (arXiv:2111.06377)."""
from torch import Tensor

from mmguided.registry import MODELS

from .base import MaskedImageModel


@MODELS.register_module()
class MAE(MaskedImageModel):
    """Encode the visible patches, decode all, and compare the masked ones with their targets.

    With a guided mask generator this is any method that changes nothing but the mask.
    """

    def loss(self, inputs: Tensor, data_samples=None) -> dict[str, Tensor]:
        """Losses and scalars for the log, from normalised images ``(B, 3, H, W)``."""
        mask, log_vars = self.make_mask(inputs)
        latent = self.backbone(inputs, mask)
        return dict(loss_reconstruction=self.reconstruction_loss(inputs, latent, mask), **log_vars)
