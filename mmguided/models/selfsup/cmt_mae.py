"""CMT-MAE: collaborative masking and targets (Mo, AAAI 2025)."""
from collections.abc import Mapping

from torch import Tensor

from mmguided.registry import MODELS
from mmguided.structures import Schedule
from mmguided.utils.errors import ConfigError

from .base import MaskedImageModel


@MODELS.register_module()
class CMTMAE(MaskedImageModel):
    """Predicts the features of a frozen teacher, and from the second stage on those of a momentum
    encoder too, where a blend of both encoders' attention masks.

    The first stage is that in which alpha is 0: nothing is asked of the momentum encoder then, and
    the head of its features gets gradients of zero, so that every parameter takes part in every
    step and DistributedDataParallel need not search for those that do not; weight decay acts on it.

    In the log, ``error_teacher`` and ``error_student`` are the parts of Eq. 4 before their weights.

    Args:
        student_target: Config of the target made of the momentum encoder, f^s.
        student_head: Config of the head that predicts it from the same decoder.
        alpha: Weight of ``student_target`` in the loss (Eq. 4): a number in [0, 1], or the
            arguments of a :class:`mmguided.structures.Schedule`. That of the masks (Eq. 3) is the
            weight of :class:`mmguided.models.Blend`.
        **kwargs: Arguments of :class:`MaskedImageModel`; ``target_generator`` and ``head`` are the
            teacher's, f^t.

    Raises:
        ConfigError: If alpha is 0 throughout.
    """

    reads_momentum_encoder = True

    def __init__(self, *, student_target: dict, student_head: dict,
                 alpha: float | Mapping = 0.3, **kwargs) -> None:
        super().__init__(**kwargs)
        self.alpha = Schedule.of(alpha, 'model.alpha')
        if self.alpha.is_zero:
            raise ConfigError('model.alpha=0 never reads student_target: set '
                              "model.type='mmguided.MAE', which predicts the teacher alone")
        self.student_target = MODELS.build(
            student_target, default_args=dict(encoders=self.encoders))
        self.student_head = self.build_head(
            student_head, self.neck, self.backbone, self.student_target.dims)

    @property
    def observers(self):
        return self.mask_generator, *(target for _, target, _, weight in self._parts if weight)

    @property
    def _parts(self):
        """Name, target, head and weight of both targets at this time."""
        alpha = self.alpha.at(self.clock)
        return (('teacher', self.target_generator, self.head, 1 - alpha),
                ('student', self.student_target, self.student_head, alpha))

    def loss(self, inputs: Tensor, data_samples=None) -> dict[str, Tensor]:
        """Losses and scalars for the log, from normalized images ``(B, 3, H, W)``."""
        observations = self.observe(inputs, data_samples)
        mask, log_vars = self.make_mask(inputs, observations)  # Eq. 3
        latent = self.backbone(inputs, mask)
        states = self.decode(latent, mask)
        losses = {}
        for name, target, head, weight in self._parts:  # Eq. 4; Eq. 2 where alpha is 0
            if weight:
                error = head(states, target(inputs, observations), mask.mask)
                log_vars[f'error_{name}'] = error.detach()
            else:
                error = sum(parameter.sum() for parameter in head.parameters())
            losses[f'loss_{name}'] = weight * error
        return dict(**losses, **log_vars)
