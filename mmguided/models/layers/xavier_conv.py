"""A convolution with Xavier initialization, inside of mmcv's modules too."""
from mmengine.model import xavier_init
from torch import nn

from mmguided.registry import MODELS


@MODELS.register_module()
class XavierConv2d(nn.Conv2d):
    """``conv_cfg=dict(type='mmguided.XavierConv2d')`` of a neck or head: Xavier's uniform
    initialization for its convolutions (CMAE Sec. 4.3).

    Its ``init_cfg`` alone cannot give them that: mmcv's ConvModule initializes its convolution
    afterwards by Kaiming's rule, unless it has an ``init_weights`` of its own.
    """

    def reset_parameters(self) -> None:
        """Draw the weights; the bias, where there is one, is 0."""
        xavier_init(self, distribution='uniform')

    init_weights = reset_parameters
