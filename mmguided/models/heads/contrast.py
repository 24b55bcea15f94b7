"""Contrastive heads."""
from mmengine.model import BaseModule
from torch import Tensor

from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError

from ..losses import info_nce, negative_cosine


class ContrastHead(BaseModule):
    """Base class of the heads that compare a student's and a teacher's projection.

    Args:
        predictor: Config of an MLP applied to the student's projection; None means no predictor.
        loss_weight: Loss weight lambda.
    """

    def __init__(self, predictor: dict | None = None, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.predictor = MODELS.build(predictor) if predictor else None
        self.loss_weight = loss_weight

    def predict(self, student: Tensor) -> Tensor:
        """Apply the predictor to the student's projection."""
        return student if self.predictor is None else self.predictor((student, ))[0]

    def forward(self, student: Tensor, teacher: Tensor) -> dict[str, Tensor]:
        """``loss_contrast`` and log scalars, from projections ``(B, D)``; the teacher gets no
        gradient."""
        raise NotImplementedError


@MODELS.register_module()
class InfoNCEHead(ContrastHead):
    """InfoNCE loss.

    Logs ``contrast_accuracy``, the share of images whose positive is the most similar candidate
    (chance: 1 / number of candidates).

    Args:
        temperature: Temperature tau.
        student_negatives: Also use student projections of other images as negatives (ccMIM Eq. 7).
        temperature_scale: Multiply the loss by ``2 * temperature``, as the released code of ccMIM
            and CMAE does, unlike their equations.
        **kwargs: Arguments of :class:`ContrastHead`.
    """

    def __init__(self,
                 temperature: float = 0.5,
                 student_negatives: bool = False,
                 temperature_scale: bool = False,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        if temperature <= 0:
            raise ConfigError(
                f'contrast_head.temperature={temperature}: not positive. Choose a value above 0.')
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
    """Negative cosine between a student's prediction and a teacher's projection: SimSiam's loss
    (ccMIM Eq. 8), or half of BYOL's (CMAE Sec. 4.4)."""

    def forward(self, student: Tensor, teacher: Tensor) -> dict[str, Tensor]:
        loss = negative_cosine(self.predict(student), teacher)
        return dict(loss_contrast=self.loss_weight * loss)
