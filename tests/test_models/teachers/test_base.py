"""Teacher: values on the student's grid."""
import torch

from mmguided.models.teachers.base import _resample


def test_bfloat16_values_are_resampled_in_float32():
    values = torch.randn(2, 16, 3)
    halves = _resample(values.bfloat16(), (4, 4), (2, 2))
    torch.testing.assert_close(halves, _resample(values, (4, 4), (2, 2)), atol=1e-2, rtol=0)
