"""Contrastive heads: loss scale and predictor."""
import pytest
import torch

from mmguided.models import InfoNCEHead
from mmguided.models.losses import info_nce
from mmguided.registry import MODELS

STUDENT, TEACHER = torch.tensor([[2., 0.], [0., 3.]]), torch.tensor([[.5, .75**.5], [0., 1.]])


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
