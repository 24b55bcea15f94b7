"""Contrastive losses against values computed by hand from the papers' equations."""
import math

import pytest
import torch
import torch.nn.functional as F

from mmguided.models.losses import info_nce, negative_cosine

# Two images on the unit circle: students at 0 and 90 degrees, teachers at 60 and 90.
STUDENT = torch.tensor([[2., 0.], [0., 3.]])
TEACHER = torch.tensor([[.5, math.sqrt(3) / 2], [0., 1.]])
TAU = 0.5


def test_released_form():
    # s0.t = (1/2, 0), s1.t = (sqrt(3)/2, 1); student i finds teacher i.
    e = [[math.exp(c / TAU) for c in row] for row in ([.5, 0.], [math.sqrt(3) / 2, 1.])]
    expected = -(math.log(e[0][0] / sum(e[0])) + math.log(e[1][1] / sum(e[1]))) / 2
    loss, accuracy = info_nce(STUDENT, TEACHER, TAU)
    assert loss.item() == pytest.approx(expected, abs=1e-6)
    assert accuracy == 1, 'both find their own teacher: 1/2 > 0 and 1 > sqrt(3)/2'


def test_equation_7():
    # t0.s = (1/2, sqrt(3)/2), t1.s = (0, 1); s0.s1 = 0.
    across = [[math.exp(c / TAU) for c in row] for row in ([.5, math.sqrt(3) / 2], [0., 1.])]
    expected = -sum(math.log(row[i] / (1. + sum(row))) for i, row in enumerate(across)) / 2
    loss, accuracy = info_nce(STUDENT, TEACHER, TAU, student_negatives=True)
    assert loss.item() == pytest.approx(expected, abs=1e-6)
    assert accuracy == .5, 'teacher 0 is nearer to student 1'


def test_gradient_of_equation_7_reaches_every_student():
    student, teacher = torch.randn(4, 3, requires_grad=True), torch.randn(4, 3)
    s, t = F.normalize(student, dim=1), F.normalize(teacher, dim=1)
    across, among = (t @ s.T / TAU).exp(), (s @ s.T / TAU).exp()
    explicit = -(across.diag() / (across.sum(1) + among.sum(1) - among.diag())).log().mean()
    loss, _ = info_nce(student, teacher, TAU, student_negatives=True)
    torch.testing.assert_close(*torch.autograd.grad(loss, student),
                               *torch.autograd.grad(explicit, student))


def test_teacher_gets_no_gradient_and_the_student_does():
    for negatives in (False, True):
        student, teacher = (torch.randn(4, 3, requires_grad=True) for _ in range(2))
        info_nce(student, teacher, TAU, negatives)[0].backward()
        assert teacher.grad is None and (student.grad.norm(dim=1) > 0).all()
    student, teacher = (torch.randn(4, 3, requires_grad=True) for _ in range(2))
    negative_cosine(student, teacher).backward()
    assert teacher.grad is None and (student.grad.norm(dim=1) > 0).all()


def test_equation_8():
    expected = 1 - (.5 + 1.) / 2
    assert negative_cosine(STUDENT, TEACHER).item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize('negatives', [False, True])
def test_autocast_does_not_coarsen_the_similarities(negatives):
    student, teacher = torch.randn(2, 16, 32)
    exact = info_nce(student, teacher, .07, negatives)
    with torch.autocast('cpu', torch.bfloat16):
        assert info_nce(student, teacher, .07, negatives) == exact
