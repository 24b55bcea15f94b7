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
    """MAE with masking in several shots, before different layers of the encoder (Sec. 2.2).

    The decoder reconstructs the patches of all shots (Eq. 8). With a single shot before layer 0,
    the algorithm equals MAE. For hierarchical encoders (Swin, ConvNeXt V2), layers are stages. Logs
    ``error_shot_1``, ..., the mean errors of each shot (Fig. 7).

    Args:
        shot_weights: 'equal' weights all masked patches equally (Eq. 8). Otherwise the loss is the
            weighted mean of the mean errors of the shots (Table 3): 'uniform', 'ratio' (by mask
            ratio), or one number per shot.
        **kwargs: Arguments of :class:`MaskedImageModel`; ``mask_generator.shots`` are the shots.

    Raises:
        ConfigError: If the number of weights differs from the number of shots, or a weight is not
            positive.
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
                raise ConfigError(f"model.shot_weights={shot_weights!r}: invalid. Choose 'equal', "
                                  f"'uniform', 'ratio' or {len(ratios)} positive numbers.")
        self.register_buffer('shot_weights', torch.tensor(weights), persistent=False)

    def loss(self, inputs: Tensor, data_samples=None) -> dict[str, Tensor]:
        """Losses and log scalars from normalized images ``(B, 3, H, W)``."""
        observations = self.observe(inputs, data_samples)
        mask, log_vars = self.make_mask(inputs, observations)  # Eq. 5
        latent = self.backbone(inputs, mask)  # Eq. 4-6
        states = self.decode(latent, mask)  # Eq. 7
        errors = self.head.errors(states, self.target_generator(inputs, observations))
        numbers = torch.arange(1, len(self.shot_weights) + 1, device=errors.device)
        masked = mask.shot == numbers.view(-1, 1, 1)  # (shots, B, L)
        counts = masked.sum((1, 2))  # boolean indexing would synchronize with the device
        by_shot = (errors * masked).sum((1, 2)) / counts.clamp(min=1)
        log_vars |= {f'error_shot_{number}': error.detach()
                     for number, error in enumerate(by_shot, start=1)}
        loss = (masked_mean(by_shot, self.shot_weights * (counts > 0)) if self.weights_shots else
                masked_mean(errors, mask.mask))  # Eq. 8
        return dict(loss_reconstruction=self.head.loss_weight * loss, **log_vars)
