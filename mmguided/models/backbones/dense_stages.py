"""Pretrained Swin and ConvNeXt as backbones of detectors and segmentors."""
from mmpretrain.models import ConvNeXt, SwinTransformer
from torch import nn

from mmguided.registry import MODELS
from mmguided.utils.checkpoints import load_encoder
from mmguided.utils.configs import pretrained_settings


@MODELS.register_module()
class DenseSwin(SwinTransformer):
    """mmpretrain's SwinTransformer, which loads the weights of :class:`MaskedSwin` strictly.

    With ``init_cfg=dict(type='Pretrained', checkpoint=..., prefix='backbone.')`` a wrong or partial
    checkpoint is an error. Two differences are none: mask tokens, which a checkpoint alone has, and
    the norms of all stages but the last, which pretraining does not use and which start anew.
    """

    def init_weights(self) -> None:
        """mmpretrain's initialization, and the checkpoint of ``init_cfg``, strictly."""
        if not _load_pretrained(self):
            super().init_weights()


@MODELS.register_module()
class DenseConvNeXt(ConvNeXt):
    """mmpretrain's ConvNeXt, which loads the weights of :class:`MaskedConvNeXt` strictly.

    See :class:`DenseSwin`. The norm of the last stage is in a checkpoint of FCMAE too, untrained.
    ``gap_before_final_norm`` is False unless said: maps are wanted, not their averages.
    """

    def __init__(self, *args, gap_before_final_norm: bool = False, **kwargs) -> None:
        super().__init__(*args, gap_before_final_norm=gap_before_final_norm, **kwargs)

    def init_weights(self) -> None:
        """mmpretrain's initialization, or the checkpoint of ``init_cfg``, strictly."""
        if not _load_pretrained(self):
            super().init_weights()


def _load_pretrained(encoder: nn.Module) -> bool:
    """Whether ``encoder.init_cfg`` names a checkpoint; if so, its weights are loaded.

    Raises:
        ConfigError: If there is no such file, or if it lacks or contradicts a weight.
    """
    settings = pretrained_settings(encoder.init_cfg)
    if settings is None:
        return False
    last = len(encoder.stages) - 1
    load_encoder(
        encoder,
        settings,
        unused=r'(stage_mask_tokens\.\d+|mask_token)$',
        new=rf'norm(?!{last}\.)\d+\.')
    return True
