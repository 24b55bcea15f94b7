"""SimpleFeaturePyramid: strides, widths, parity with ViTDet."""
import torch
import torch.nn.functional as F

from mmguided.models import SimpleFeaturePyramid
from tests.helpers.models import as_trained


def by_the_paper(x, weights, level):
    """Reference (ViTDet, Sec. 3 and its code): resampling, then 1x1 and 3x3 convolutions with
    channel norms."""
    def norm(x):
        scale, shift = next(weights), next(weights)
        x = x.permute(0, 2, 3, 1)
        return F.layer_norm(x, x.shape[-1:], scale, shift, 1e-6).permute(0, 3, 1, 2)

    def enlarge(x):
        return F.conv_transpose2d(x, next(weights), next(weights), 2)

    if level == 0:
        x = enlarge(F.gelu(norm(enlarge(x))))
    elif level == 1:
        x = enlarge(x)
    elif level == 3:
        x = F.max_pool2d(x, 2, 2)
    return norm(F.conv2d(norm(F.conv2d(x, next(weights))), next(weights), padding=1))


def test_every_level_is_the_papers():
    neck = as_trained(SimpleFeaturePyramid(16, (4, 2, 1, .5), 8))
    x = torch.randn(2, 16, 7, 10)
    weights = neck.parameters()
    *maps, last = neck([torch.zeros(1), x])  # the last map counts
    assert torch.equal(last, maps[-1][..., ::2, ::2])
    for level, ours in enumerate(maps):
        torch.testing.assert_close(ours, by_the_paper(x, weights, level))
    assert next(weights, None) is None
