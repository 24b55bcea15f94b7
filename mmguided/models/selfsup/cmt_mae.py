"""CMT-MAE: collaborative masking and targets (Mo, AAAI 2025)."""
from collections.abc import Mapping

from torch import Tensor

from mmguided.registry import MODELS
from mmguided.structures import Schedule
from mmguided.utils.errors import ConfigError

from .base import MaskedImageModel


@MODELS.register_module()
class CMTMAE(MaskedImageModel):
    """Prediction of teacher features and, in the second stage, of momentum encoder features, with
    masks from a blend of both encoders' attention.

    In the first stage alpha is 0: the momentum encoder is not observed, and ``student_head`` gets
    no gradient, so that optimizers skip it and weight decay does not shrink it. In several
    processes, set ``find_unused_parameters=True`` in the config. Logs ``error_teacher`` and
    ``error_student``, the unweighted terms of Eq. 4.

    Args:
        student_target: Config of the target from the momentum encoder, f^s.
        student_head: Config of the head for ``student_target``, on the same decoder.
        alpha: Weight of ``student_target`` in the loss (Eq. 4): a number in [0, 1], or the
            arguments of a :class:`mmguided.structures.Schedule`. The alpha of the masks (Eq. 3) is
            a weight of :class:`mmguided.models.Blend`.
        **kwargs: Arguments of :class:`MaskedImageModel`; ``target_generator`` and ``head`` belong
            to the teacher, f^t.

    Raises:
        ConfigError: If alpha is always 0.
    """

    reads_momentum_encoder = True

    def __init__(self, *, student_target: dict, student_head: dict,
                 alpha: float | Mapping = 0.3, **kwargs) -> None:
        super().__init__(**kwargs)
        self.alpha = Schedule.of(alpha, 'model.alpha')
        if self.alpha.is_constant and self.alpha.end == 0:
            raise ConfigError('model.alpha=0: student_target is never used. Set '
                              "model.type='mmguided.MAE' to predict teacher features only.")
        self.student_target = MODELS.build(
            student_target, default_args=dict(encoders=self.encoders))
        self.student_head = self.build_head(
            student_head, self.neck, self.backbone, self.student_target.dims)

    @property
    def observers(self):
        return self.mask_generator, *(target for _, target, _, weight in self._parts if weight)

    @property
    def _parts(self):
        """Name, target, head and current weight of both targets."""
        alpha = self.alpha.at(self.clock)
        return (('teacher', self.target_generator, self.head, 1 - alpha),
                ('student', self.student_target, self.student_head, alpha))

    def loss(self, inputs: Tensor, data_samples=None) -> dict[str, Tensor]:
        """Losses and log scalars from normalized images ``(B, 3, H, W)``."""
        observations = self.observe(inputs, data_samples)
        mask, log_vars = self.make_mask(inputs, observations)  # Eq. 3
        latent = self.backbone(inputs, mask)
        states = self.decode(latent, mask)
        losses = {}
        for name, target, head, weight in self._parts:  # Eq. 4; Eq. 2 if alpha is 0
            losses[f'loss_{name}'] = latent.new_zeros(())
            if weight:
                error = head(states, target(inputs, observations), mask.mask)
                log_vars[f'error_{name}'] = error.detach()
                losses[f'loss_{name}'] = weight * error
        return dict(**losses, **log_vars)
