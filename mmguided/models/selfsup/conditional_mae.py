"""Conditional MAE: masking in several shots inside the encoder."""
from collections.abc import Sequence

import torch
from torch import Tensor

from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError

from ..losses import masked_mean
from .base import MaskedImageModel


@MODELS.register_module()
class ConditionalMAE(MaskedImageModel):
    """MAE whose patches are masked in shots, before several layers of the encoder (Sec. 2.2).

    The decoder rebuilds all of them, whichever shot masked them (Eq. 8). With one shot before layer
    0, or without a second, it is MAE. On encoders whose tokens cannot leave a grid (Swin, ConvNeXt
    V2), layers are stages.

    In the log, ``error_shot_1``, ... are the errors of each shot's patches (Fig. 7).

    Args:
        shot_weights: 'equal' lets every masked patch count alike, as Eq. 8. The others weight the
            mean error of each shot (Table 3): 'uniform' alike, 'ratio' by its mask ratio, or by a
            number for each shot; the loss is their weighted mean, so that only ratios of the
            weights matter.
        **kwargs: Arguments of :class:`MaskedImageModel`; ``mask_generator.shots`` are the shots.

    Raises:
        ConfigError: If there are not as many weights as shots, or they are not positive.
    """

    def __init__(self, *, shot_weights: str | Sequence[float] = 'equal', **kwargs) -> None:
        super().__init__(**kwargs)
        ratios = self.mask_generator.mask_ratios
        self.weights_shots = shot_weights != 'equal'
        if shot_weights in ('equal', 'uniform'):
            weights = [1.] * len(ratios)
        elif shot_weights == 'ratio':
            weights = ratios
        else:
            weights = shot_weights
            fits = isinstance(weights, (list, tuple)) and len(weights) == len(ratios)
            if not fits or not all(weight > 0 for weight in weights):
                raise ConfigError(f"shot_weights={shot_weights!r}: choose 'equal', 'uniform', "
                                  f"'ratio' or a positive number for each of the {len(ratios)} "
                                  'shots')
        self.register_buffer('shot_weights', torch.tensor(weights), persistent=False)

    def loss(self, inputs: Tensor, data_samples=None) -> dict[str, Tensor]:
        """Losses and scalars for the log, from normalized images ``(B, 3, H, W)``."""
        observations = self.observe(inputs, data_samples)
        mask, log_vars = self.make_mask(inputs, observations)  # Eq. 5
        latent = self.backbone(inputs, mask)  # Eq. 4-6
        states = self.decode(latent, mask)  # Eq. 7
        errors = self.head.errors(states, self.target_generator(inputs, observations))
        by_shot = shot_errors(errors, mask.shot, len(self.shot_weights))
        log_vars |= {f'error_shot_{number}': error.detach()
                     for number, error in enumerate(by_shot, start=1)}
        loss = (masked_mean(by_shot, self.shot_weights) if self.weights_shots else
                masked_mean(errors, mask.mask))  # Eq. 8
        return dict(loss_reconstruction=self.head.loss_weight * loss, **log_vars)


def shot_errors(errors: Tensor, shot: Tensor, num_shots: int) -> Tensor:
    """Mean error of each shot's patches, ``(num_shots, )``, from errors and shots ``(B, L)``; 0 for
    a shot that masks none."""
    masked = shot == torch.arange(1, num_shots + 1, device=shot.device).view(-1, 1, 1)
    # Not a mean of selected entries: their number would have to be fetched from the device.
    return (errors * masked).sum((1, 2)) / masked.sum((1, 2)).clamp(min=1)
