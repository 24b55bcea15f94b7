"""Operators for mmcv that are built on torchvision, called through mmcv's own functions."""
import importlib
import subprocess
import sys
from importlib.util import module_from_spec

import pytest
import torch
from mmcv import _ext
from mmcv.ops import RoIAlign, batched_nms, nms, roi_align, soft_nms

from mmguided.utils.versions import OperatorFinder

SPEC = OperatorFinder.find_spec('mmcv._ext')
needs_compiled = pytest.mark.skipif(
    _ext.__file__ == SPEC.origin, reason='mmcv is installed without compiled operators')


@pytest.fixture(autouse=True)
def use_torchvision(monkeypatch):
    """Make mmcv use torchvision's operators; calling the fixture restores mmcv's own."""
    operators = module_from_spec(SPEC)
    SPEC.loader.exec_module(operators)
    with monkeypatch.context() as context:
        for name in ('nms', 'roi_align'):
            context.setattr(importlib.import_module(f'mmcv.ops.{name}'), 'ext_module', operators)
        yield context.undo


def random_boxes(num, classes=1):
    corners = torch.rand(num, 2) * 60
    boxes = torch.cat([corners, corners + torch.rand(num, 2) * 30], 1).round(decimals=1)
    scores = (torch.rand(num) * 100).round() / 100  # with ties
    return boxes, scores, torch.randint(classes, (num, ))


def roi_align_with_gradient(x, rois, *args):
    x = x.clone().requires_grad_()
    y = roi_align(x, rois, *args)
    (y * torch.linspace(-1, 1, y.numel()).view_as(y)).sum().backward()
    return y.detach(), x.grad


@needs_compiled
@pytest.mark.parametrize('aligned', [True, False])
@pytest.mark.parametrize('sampling_ratio', [0, 2])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_roi_align_equals_the_compiled_operator(use_torchvision, aligned, sampling_ratio, dtype):
    boxes, _, indices = random_boxes(50, classes=2)
    rois = torch.cat([indices[:, None].float(), 8 * boxes - 40], 1).to(dtype)  # some leave the map
    arguments = (torch.randn(2, 3, 64, 80, dtype=dtype), rois, (7, 5), 1 / 8, sampling_ratio, 'avg',
                 aligned)
    ours = roi_align_with_gradient(*arguments)
    use_torchvision()
    theirs = roi_align_with_gradient(*arguments)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-6)


@needs_compiled
@pytest.mark.parametrize('iou_threshold', [.1, .5, .6, .7])
def test_nms_equals_the_compiled_operator(use_torchvision, iou_threshold):
    boxes, scores, labels = random_boxes(400, classes=5)
    whole = boxes.round()  # whose IoU is a simple fraction, often the threshold itself

    def results():
        settings = dict(iou_threshold=iou_threshold)
        return [*nms(boxes, scores, iou_threshold), *nms(whole, scores, iou_threshold),
                *nms(boxes, scores, iou_threshold, score_threshold=.3, max_num=20),
                *batched_nms(boxes, scores, labels, settings),
                *batched_nms(boxes, scores, labels, dict(settings, split_thr=100)),
                *nms(boxes[:0], scores[:0], iou_threshold)]

    ours = results()
    use_torchvision()
    for a, b in zip(ours, results(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize('sampling_ratio', [0, 1, 3])
@pytest.mark.parametrize('aligned, shift', [(True, .5), (False, 0.)])
def test_roi_align_of_a_linear_function_is_its_value_at_the_bin_center(
        aligned, shift, sampling_ratio):
    """Bilinear interpolation reproduces a linear function, and so does its average over a bin."""
    x, y = torch.arange(16.), torch.arange(12.)[:, None]
    maps = torch.stack([2 * x + 3 * y, -x + .5 * y])[None]  # 2 images of 1 channel
    rois = torch.tensor([[0., 4, 4, 20, 16], [1., 8, 6, 12, 18]])
    pooled = RoIAlign((2, 4), .5, sampling_ratio, aligned=aligned)(maps.transpose(0, 1), rois)
    # At half scale: x from 2 to 10 in 4 bins, y from 2 to 8 in 2; x from 4 to 6, y from 3 to 9.
    x0, y0 = torch.tensor([3., 5, 7, 9]) - shift, torch.tensor([[3.5], [6.5]]) - shift
    x1, y1 = torch.tensor([4.25, 4.75, 5.25, 5.75]) - shift, torch.tensor([[4.5], [7.5]]) - shift
    torch.testing.assert_close(pooled, torch.stack([2 * x0 + 3 * y0, -x1 + .5 * y1])[:, None])


@pytest.mark.parametrize('aligned', [True, False])
def test_gradient_of_roi_align(aligned):
    x = torch.randn(2, 2, 6, 5, dtype=torch.float64, requires_grad=True)
    rois = torch.tensor([[0., 1, 1, 8, 9], [1., -3, 2, 4, 15]], dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda x: roi_align(x, rois, (2, 2), .5, 0, 'avg', aligned), (x, ))


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
@pytest.mark.parametrize('autocast', [True, False])
@pytest.mark.parametrize('device', ['cpu', pytest.param('cuda', marks=pytest.mark.gpu)])
def test_half_precision(dtype, autocast, device):
    """The result and the gradient are those of float32, rounded once."""
    if device == 'cuda' and not torch.cuda.is_available():
        pytest.skip('no CUDA device')
    x = torch.randn(1, 2, 16, 16).to(dtype)
    rois = torch.tensor([[0., 2, 3, 12, 14], [0., 0, 0, 16, 8]]).to(dtype)
    expected, gradient = roi_align_with_gradient(x.float(), rois.float(), (4, 4))
    half = x.to(device, copy=True).requires_grad_()
    with torch.autocast(device, dtype, enabled=autocast):
        pooled = roi_align(half, rois.to(device), (4, 4))
    weight = torch.linspace(-1, 1, pooled.numel()).view_as(pooled).to(device, dtype)
    pooled.backward(weight)
    assert pooled.dtype == half.grad.dtype == dtype
    eps = torch.finfo(dtype).eps
    torch.testing.assert_close(pooled.float().cpu(), expected, rtol=eps, atol=1e-6)
    torch.testing.assert_close(half.grad.float().cpu(), gradient, rtol=4 * eps, atol=4 * eps)


def test_nms_by_hand():
    """IoU of boxes 0 and 1: 6/10; of boxes 0 and 2: 1/15; box 3 is apart."""
    boxes = torch.tensor([[0., 0, 8, 1], [2., 0, 10, 1], [7., 0, 15, 1], [0., 5, 1, 6]])
    scores = torch.tensor([.6, .9, .8, .7])
    assert nms(boxes, scores, .61)[1].tolist() == [1, 2, 3, 0]
    assert nms(boxes, scores, .6)[1].tolist() == [1, 2, 3, 0]  # only more than the threshold counts
    dets, keep = nms(boxes, scores, .59)
    assert keep.tolist() == [1, 2, 3]
    assert torch.equal(dets, torch.cat([boxes, scores[:, None]], 1)[keep])
    labels = torch.tensor([0, 1, 1, 0])  # boxes of different classes do not suppress each other
    assert batched_nms(boxes, scores, labels, dict(type='nms', iou_threshold=.5))[1].tolist() == [
        1, 2, 3, 0]
    equal = nms(boxes[[0, 0, 0]], torch.full((3, ), .5), .5)[1]
    assert equal.tolist() == [0]
    assert nms(boxes, scores.half(), .59)[1].tolist() == [1, 2, 3]  # as in mixed precision


@pytest.mark.parametrize('operator, call', [
    ('softnms', lambda boxes, scores: soft_nms(boxes, scores)),
    ('nms', lambda boxes, scores: nms(boxes, scores, .5, offset=1)),
    ('roi_align_forward', lambda boxes, scores: RoIAlign(1, pool_mode='max')(
        torch.zeros(1, 1, 4, 4), torch.zeros(1, 5))),
])
def test_operators_that_torchvision_lacks_say_how_to_get_them(operator, call):
    with pytest.raises(NotImplementedError) as error:
        call(torch.rand(2, 4), torch.rand(2))
    message = str(error.value)
    assert message.startswith(f'mmcv._ext.{operator}: ') and 'docs/downstream.md' in message
    assert '\n' not in message


def test_import_of_mmguided_lets_mmcv_find_operators():
    """Compiled ones if they exist; without importing torch before mmcv asks for them."""
    code = '\n'.join([
        'import sys, mmguided', "print('torch' in sys.modules)",
        "from mmengine.utils.dl_utils import mmcv_full_available", 'print(mmcv_full_available())',
        'from mmcv import _ext', 'print(_ext.__file__)'])
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert result.stdout.split() == ['False', 'True', _ext.__file__], result.stderr
