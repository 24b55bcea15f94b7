"""Convolution with Xavier initialization."""
from mmengine.model import xavier_init
from torch import nn

from mmguided.registry import MODELS


@MODELS.register_module()
class XavierConv2d(nn.Conv2d):
    """Convolution with Xavier uniform initialization (CMAE Sec. 4.3), for ``conv_cfg`` of a neck or
    head.

    ``init_cfg`` is not enough because mmcv's ConvModule applies Kaiming initialization unless the
    convolution defines ``init_weights``.
    """

    def reset_parameters(self) -> None:
        """Initialize the weights; the bias, if any, is 0."""
        xavier_init(self, distribution='uniform')

    init_weights = reset_parameters
