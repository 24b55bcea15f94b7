"""MAE: Masked Autoencoders Are Scalable Vision Learners (arXiv:2111.06377)."""
from torch import Tensor

from mmguided.registry import MODELS

from .base import MaskedImageModel


@MODELS.register_module()
class MAE(MaskedImageModel):
    """Masked autoencoder. Methods that change only the mask use it with a guided mask generator."""

    def loss(self, inputs: Tensor, data_samples=None) -> dict[str, Tensor]:
        """Losses and log scalars from normalized images ``(B, 3, H, W)``."""
        observations = self.observe(inputs, data_samples)
        mask, log_vars = self.make_mask(inputs, observations)
        latent = self.backbone(inputs, mask)
        states = self.decode(latent, mask)
        target = self.target_generator(inputs, observations)
        return dict(loss_reconstruction=self.head(states, target, mask.mask), **log_vars)
