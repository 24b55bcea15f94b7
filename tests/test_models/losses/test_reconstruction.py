"""Errors of patches and their mean, by hand."""
import torch

from mmguided.models.losses import masked_mean, patch_errors

PRED = torch.zeros(1, 3, 2)
TARGET = torch.tensor([[[1., 3.], [9., 9.], [2., 0.]]])


def test_squared_and_absolute_errors_of_each_patch():
    assert patch_errors(PRED, TARGET).tolist() == [[5., 81., 2.]]
    assert patch_errors(PRED, TARGET, 'l1').tolist() == [[2., 9., 1.]]


def test_errors_are_float32_whatever_the_prediction():
    pred = torch.full((1, 1, 2), 1.001, dtype=torch.bfloat16)
    assert patch_errors(pred, torch.ones(1, 1, 2)).dtype == torch.float32


def test_weighted_mean():
    errors = torch.tensor([[5., 81., 2.]])
    assert masked_mean(errors, torch.tensor([[1., 0., 1.]])).item() == 3.5
    assert masked_mean(errors, torch.tensor([[1., 0., 3.]])).item() == (5 + 6) / 4
