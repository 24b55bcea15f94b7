"""What else is aligned: heads beside the reconstruction."""
from mmengine.model import BaseModule
from torch import Tensor

from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError

from ..losses import info_nce, negative_cosine


class ContrastHead(BaseModule):
    """Base of the heads that compare a student's projection with a teacher's.

    Args:
        predictor: Config of an MLP between the student's projection and the loss; None for none.
        loss_weight: lambda, the factor of the loss.
    """

    def __init__(self, predictor: dict | None = None, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.predictor = MODELS.build(predictor) if predictor else None
        self.loss_weight = loss_weight

    def predict(self, student: Tensor) -> Tensor:
        """The student's projection after the predictor."""
        return student if self.predictor is None else self.predictor((student, ))[0]

    def forward(self, student: Tensor, teacher: Tensor) -> dict[str, Tensor]:
        """``loss_contrast`` and scalars for the log, of projections ``(B, D)``; the teacher gets no
        gradient."""
        raise NotImplementedError


@MODELS.register_module()
class InfoNCEHead(ContrastHead):
    """InfoNCE of a student's projection against a teacher's.

    In the log, ``contrast_accuracy`` is the share of images whose own partner is the most similar;
    by chance it is one over the candidates.

    Args:
        temperature: tau.
        student_negatives: Contrast the students with each other too (ccMIM Eq. 7).
        temperature_scale: Multiply the loss by ``2 * temperature``, as the released codes of ccMIM
            and CMAE do and the papers' equations do not.
        **kwargs: Arguments of :class:`ContrastHead`.
    """

    def __init__(self,
                 temperature: float = 0.5,
                 student_negatives: bool = False,
                 temperature_scale: bool = False,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        if temperature <= 0:
            raise ConfigError(f'contrast_head.temperature={temperature} must be positive')
        self.temperature = temperature
        self.student_negatives = student_negatives
        self.scale = 2 * temperature if temperature_scale else 1

    def forward(self, student: Tensor, teacher: Tensor) -> dict[str, Tensor]:
        loss, accuracy = info_nce(
            self.predict(student), teacher, self.temperature, self.student_negatives)
        return dict(
            loss_contrast=self.loss_weight * self.scale * loss, contrast_accuracy=accuracy)


@MODELS.register_module()
class CosineHead(ContrastHead):
    """Negative cosine of a student's prediction against a teacher's projection: SimSiam's (ccMIM
    Eq. 8), and half of BYOL's loss (CMAE Sec. 4.4)."""

    def forward(self, student: Tensor, teacher: Tensor) -> dict[str, Tensor]:
        loss = negative_cosine(self.predict(student), teacher)
        return dict(loss_contrast=self.loss_weight * loss)
