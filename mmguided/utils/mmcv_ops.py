"""Operators of ``mmcv._ext`` built on torchvision.

If mmcv was installed without its compiled operators, this file is loaded under the name
``mmcv._ext`` (:func:`mmguided.utils.versions.provide_operators`). The functions have the arguments
and in-place outputs of the compiled functions. Mask R-CNN and UPerNet need no other operators.
"""
from collections.abc import Callable

import torch
import torchvision  # noqa: F401  registers torch.ops.torchvision
from torch import Tensor

BUILD = 'Build mmcv with its operators: see docs/downstream.md.'


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int) -> Tensor:
    """Non-maximum suppression, in float32 as in the compiled operator.

    Args:
        boxes: Corners x1, y1, x2, y2, shape ``(N, 4)``.
        scores: Shape ``(N, )``.
        iou_threshold: A box is dropped if its IoU with a box of a higher score exceeds this value.
        offset: Must be 0; the width of a box is then ``x2 - x1``.

    Returns:
        Indices of the kept boxes, in order of decreasing score.
    """
    if offset != 0:
        raise NotImplementedError(f'mmcv._ext.nms: offset={offset}: torchvision has offset 0 only. '
                                  f'{BUILD}')
    threshold = torch.tensor(iou_threshold, dtype=torch.float32).item()
    order = scores.argsort(descending=True)  # breaks ties as the compiled operator does
    return order[torch.ops.torchvision.nms(
        boxes[order].float(), scores[order].float(), threshold)]


def roi_align_forward(input: Tensor, rois: Tensor, output: Tensor, argmax_y: Tensor,
                      argmax_x: Tensor, aligned_height: int, aligned_width: int,
                      spatial_scale: float, sampling_ratio: int, pool_mode: int,
                      aligned: bool) -> None:
    """Average pooling of ``input (B, C, H, W)`` in ``rois (N, 5)`` (image index, corners).

    The result is written to ``output (N, C, aligned_height, aligned_width)``. ``argmax_y`` and
    ``argmax_x`` are outputs of max pooling, which is not supported.
    """
    _check_pool_mode('roi_align_forward', pool_mode)
    dtype = _dtype(input)
    output.copy_(torch.ops.torchvision.roi_align(
        input.to(dtype), rois.to(dtype), spatial_scale, aligned_height, aligned_width,
        sampling_ratio, aligned))


def roi_align_backward(grad_output: Tensor, rois: Tensor, argmax_y: Tensor, argmax_x: Tensor,
                       grad_input: Tensor, aligned_height: int, aligned_width: int,
                       spatial_scale: float, sampling_ratio: int, pool_mode: int,
                       aligned: bool) -> None:
    """Add the gradient of :func:`roi_align_forward` with respect to its input to ``grad_input``."""
    _check_pool_mode('roi_align_backward', pool_mode)
    dtype = _dtype(grad_output)
    grad_input.add_(torch.ops.torchvision._roi_align_backward(
        grad_output.to(dtype), rois.to(dtype), spatial_scale, aligned_height, aligned_width,
        *grad_input.shape, sampling_ratio, aligned))


def get_compiler_version() -> str:
    """Compiler of the operators, for mmcv's report of the environment."""
    return 'n/a (torchvision)'


get_compiling_cuda_version = get_compiler_version


def _dtype(tensor: Tensor) -> torch.dtype:
    """Computation type: float32 instead of half precision, which torchvision supports only in
    part."""
    return torch.promote_types(tensor.dtype, torch.float32)


def _check_pool_mode(operator: str, pool_mode: int) -> None:
    if pool_mode != 1:
        raise NotImplementedError(f'mmcv._ext.{operator}: pool_mode={pool_mode}: torchvision has '
                                  f'average pooling (1) only. {BUILD}')


def __getattr__(name: str) -> Callable:
    """Return a function that raises an error when called, for any other operator. mmcv looks up all
    operators at import, so the look-up itself must not fail."""
    if name.startswith('__'):
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')

    def operator(*args, **kwargs):
        raise NotImplementedError(f'mmcv._ext.{name}: torchvision has no such operator. {BUILD}')

    return operator
