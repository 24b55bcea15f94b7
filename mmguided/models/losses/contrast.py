"""Alignment of one global representation per image with another of the same image."""
import torch
import torch.nn.functional as F
from mmengine.dist import get_rank
from torch import Tensor

from mmguided.ops import all_gather_with_grad, concat_all_gather


def info_nce(student: Tensor,
             teacher: Tensor,
             temperature: float,
             student_negatives: bool = False) -> tuple[Tensor, Tensor]:
    """InfoNCE between a student and a teacher view, over the batch of all processes.

    Without ``student_negatives`` (CMAE Eq. 7; the released codes of ccMIM and CMAE), student i is
    classified among the teachers: ``-log e^{s_i.t_i/tau} / sum_j e^{s_i.t_j/tau}``.

    With them (ccMIM Eq. 7) the students are contrasted with each other too, and, as the equation is
    written, teacher i is classified among the students::

        -log e^{t_i.s_i/tau} / (sum_{j != i} e^{s_i.s_j/tau} + sum_j e^{t_i.s_j/tau})

    All vectors are L2-normalized first, and compared in float32 whatever the autocast. The teacher
    gets no gradient; the student gets that of every process's loss.

    Args:
        student: ``(B, D)``.
        teacher: ``(B, D)``.
        temperature: tau.
        student_negatives: Add the student-student terms.

    Returns:
        Two scalars, means over this process's images: the loss, and the share of images whose own
        partner is the most similar of all candidates.
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
    """``1 - cos``, averaged over the batch; the teacher gets no gradient (ccMIM Eq. 8).

    Args:
        student: ``(B, D)``, after the predictor.
        teacher: ``(B, D)``.

    Returns:
        Scalar in [0, 2].
    """
    return 1 - F.cosine_similarity(student.float(), teacher.detach().float(), dim=-1).mean()
