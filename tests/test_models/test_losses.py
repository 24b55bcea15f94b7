"""Losses against values worked out by hand from the papers' equations."""
import math

import pytest
import torch

from mmguided.models import InfoNCEHead, ReconstructionHead
from mmguided.models.losses import info_nce, negative_cosine
from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError

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


def test_temperature_scale_is_two_tau():
    plain, scaled = (
        InfoNCEHead(.3, temperature_scale=s, loss_weight=.1)(STUDENT, TEACHER)['loss_contrast']
        for s in (False, True))
    assert plain == pytest.approx(.1 * info_nce(STUDENT, TEACHER, .3)[0].item())
    assert scaled / plain == pytest.approx(.6)


@pytest.mark.parametrize('head', ['InfoNCEHead', 'CosineHead'])
def test_the_predictor_is_on_the_students_side(head):
    predictor = dict(
        type='mmpretrain.NonLinearNeck', in_channels=2, hid_channels=4, out_channels=2,
        with_avg_pool=False, with_last_bn=False, norm_cfg=dict(type='BN1d'))
    module = MODELS.build(dict(type=f'mmguided.{head}', predictor=predictor, loss_weight=2.))
    plain = MODELS.build(dict(type=f'mmguided.{head}', loss_weight=2.))
    predicted, = module.predictor((STUDENT, ))
    assert module(STUDENT, TEACHER) == plain(predicted, TEACHER) != plain(STUDENT, TEACHER)


def test_reconstruction_by_hand():
    pred = torch.zeros(1, 3, 2)
    target = torch.tensor([[[1., 3.], [9., 9.], [2., 0.]]])
    mask = torch.tensor([[1., 0., 1.]])
    # (1 + 9) / 2 = 5 and (4 + 0) / 2 = 2 on the masked patches; the visible one counts nothing.
    assert ReconstructionHead()(pred, target, mask).item() == 3.5
    # (1 + 3) / 2 = 2 and (2 + 0) / 2 = 1.
    assert ReconstructionHead(order=1, loss_weight=2)(pred, target, mask).item() == 3.
    with pytest.raises(ConfigError, match='head.order=3'):
        ReconstructionHead(order=3)
