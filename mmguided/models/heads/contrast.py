"""What else is aligned: heads beside the reconstruction."""
from mmengine.model import BaseModule
from torch import Tensor

from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError

from ..losses import info_nce, negative_cosine


@MODELS.register_module()
class InfoNCEHead(BaseModule):
    """InfoNCE of a student's projection against a teacher's.

    Args:
        temperature: tau.
        student_negatives: Contrast the students with each other too (ccMIM Eq. 7).
        temperature_scale: Multiply the loss by ``2 * temperature``, as the released codes of ccMIM
            and CMAE do and the papers' equations do not.
        loss_weight: lambda, the factor of the loss.
    """

    def __init__(self,
                 temperature: float = 0.5,
                 student_negatives: bool = False,
                 temperature_scale: bool = False,
                 loss_weight: float = 1.0) -> None:
        super().__init__()
        if temperature <= 0:
            raise ConfigError(f'contrast_head.temperature={temperature} must be positive')
        self.temperature = temperature
        self.student_negatives = student_negatives
        self.loss_weight = loss_weight * (2 * temperature if temperature_scale else 1)

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Loss of projections ``(B, D)``; the teacher gets no gradient."""
        loss = info_nce(student, teacher, self.temperature, self.student_negatives)
        return self.loss_weight * loss


@MODELS.register_module()
class CosineHead(BaseModule):
    """Negative cosine of a student's prediction against a teacher's projection (ccMIM Eq. 8).

    Args:
        predictor: Config of the MLP between the student's projection and the loss.
        loss_weight: lambda, the factor of the loss.
    """

    def __init__(self, predictor: dict, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.predictor = MODELS.build(predictor)
        self.loss_weight = loss_weight

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Loss of projections ``(B, D)``; the teacher gets no gradient."""
        predicted, = self.predictor((student, ))
        return self.loss_weight * negative_cosine(predicted, teacher)
