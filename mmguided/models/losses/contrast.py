"""Contrastive losses between two representations of each image."""
import torch
import torch.nn.functional as F
from mmengine.dist import get_rank
from torch import Tensor

from mmguided.ops import all_gather_with_grad, concat_all_gather


def info_nce(student: Tensor,
             teacher: Tensor,
             temperature: float,
             student_negatives: bool = False) -> tuple[Tensor, Tensor]:
    """InfoNCE loss between student and teacher representations, over the batch of all processes.

    Without ``student_negatives`` (CMAE Eq. 7; released code of ccMIM and CMAE), student i is
    classified among the teachers: ``-log e^{s_i.t_i/tau} / sum_j e^{s_i.t_j/tau}``.

    With ``student_negatives`` (ccMIM Eq. 7), teacher i is classified among the students, with
    student-student negatives::

        -log e^{t_i.s_i/tau} / (sum_{j != i} e^{s_i.s_j/tau} + sum_j e^{t_i.s_j/tau})

    Vectors are L2-normalized and compared in float32, even under autocast. The teacher gets no
    gradient; the student gets the gradient of every process's loss.

    Args:
        student, teacher: ``(B, D)``.
        temperature: Temperature tau.
        student_negatives: Add the student-student terms.

    Returns:
        Loss and accuracy (share of images whose positive is the most similar candidate), scalars
        averaged over the images of this process.
    """
    with torch.autocast(student.device.type, enabled=False):
        student = F.normalize(student.float(), dim=-1)
        teacher = F.normalize(teacher.detach().float(), dim=-1)
        own = torch.arange(len(student), device=student.device) + get_rank() * len(student)
        if student_negatives:
            students = all_gather_with_grad(student)
            among_students = student @ students.t()
            among_students = among_students.scatter(1, own.unsqueeze(1), float('-inf'))
            logits = torch.cat((teacher @ students.t(), among_students), dim=1) / temperature
        else:
            logits = student @ concat_all_gather(teacher).t() / temperature
        return F.cross_entropy(logits, own), (logits.argmax(1) == own).float().mean()


def negative_cosine(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean of ``1 - cos`` over a batch ``(B, D)`` (ccMIM Eq. 8), in [0, 2]; the student is the
    output of the predictor, and the teacher gets no gradient."""
    return 1 - F.cosine_similarity(student.float(), teacher.detach().float(), dim=-1).mean()
