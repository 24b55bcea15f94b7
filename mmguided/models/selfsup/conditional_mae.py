"""Conditional MAE: masking in several shots inside the encoder."""
from collections.abc import Sequence

import torch
from torch import Tensor

from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError

from .base import MaskedImageModel


@MODELS.register_module()
class ConditionalMAE(MaskedImageModel):
    """MAE whose patches are masked in shots, before several layers of the encoder (Sec. 2.2).

    The decoder rebuilds all of them, whichever shot masked them (Eq. 8). With one shot before layer
    0, or without a second, it is MAE. On encoders whose tokens cannot leave a grid (Swin, ConvNeXt
    V2), layers are stages.

    In the log, ``error_shot_1``, ... are the errors of each shot's patches (Fig. 7).

    Args:
        shot_weights: How much a patch counts, by its shot: 'equal', as Eq. 8; 'ratio', the mask
            ratio of its shot (Table 3); or a number for each shot. The loss is the weighted mean
            over all masked patches, so that only ratios of the weights matter.
        **kwargs: Arguments of :class:`MaskedImageModel`; ``mask_generator.shots`` are the shots.

    Raises:
        ConfigError: If there are not as many weights as shots, or they are not positive.
    """

    def __init__(self, *, shot_weights: str | Sequence[float] = 'equal', **kwargs) -> None:
        super().__init__(**kwargs)
        ratios = self.mask_generator.mask_ratios
        if shot_weights == 'equal':
            weights = [1.] * len(ratios)
        elif shot_weights == 'ratio':
            weights = ratios
        else:
            weights = shot_weights
            fits = isinstance(weights, (list, tuple)) and len(weights) == len(ratios)
            if not fits or not all(weight > 0 for weight in weights):
                raise ConfigError(f"shot_weights={shot_weights!r}: choose 'equal', 'ratio' or a "
                                  f'positive number for each of the {len(ratios)} shots')
        # By shot, counted from 1; 0 are the visible patches.
        self.register_buffer('shot_weights', torch.tensor([0., *weights]), persistent=False)

    def loss(self, inputs: Tensor, data_samples=None) -> dict[str, Tensor]:
        """Losses and scalars for the log, from normalized images ``(B, 3, H, W)``."""
        observations = self.observe(inputs)
        mask, log_vars = self.make_mask(inputs, observations)  # Eq. 5
        latent = self.backbone(inputs, mask)  # Eq. 4-6
        states = self.decode(latent, mask)  # Eq. 7
        errors = self.head.errors(states, self.target_generator(inputs, observations))
        shot = mask.shot
        for number in range(1, len(self.shot_weights)):
            masked = shot == number
            # Not a mean of selected entries: their number would have to be fetched from the device.
            log_vars[f'error_shot_{number}'] = (
                errors.detach() * masked).sum() / masked.sum().clamp(min=1)
        return dict(
            loss_reconstruction=self.head.mean(errors, self.shot_weights[shot]),  # Eq. 8
            **log_vars)
