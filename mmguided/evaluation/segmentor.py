"""Segmentor whose neck and heads take their width from the backbone. Needs mmseg."""
from mmseg.models import EncoderDecoder as BaseEncoderDecoder

from mmguided.registry import MODELS

from .classifier import fill_widths


@MODELS.register_module()
class EncoderDecoder(BaseEncoderDecoder):
    """mmseg's EncoderDecoder whose neck and heads take their width from the backbone.

    Args:
        backbone: Encoder that has ``out_channels``.
        neck: Neck, or a list of necks; see :func:`fill_widths`.
        **kwargs: Other arguments of mmseg's EncoderDecoder; for heads see :func:`fill_widths`.
    """

    def __init__(self, backbone: dict, neck: dict | list[dict] | None = None, **kwargs) -> None:
        # The empty neck keeps the neck's place among the modules, before the heads.
        super().__init__(backbone=backbone, neck=None if neck is None else [], **kwargs)
        if neck is not None:
            self.neck = MODELS.build(fill_widths(neck, self.backbone.out_channels))

    def _init_decode_head(self, decode_head: dict) -> None:
        super()._init_decode_head(fill_widths(decode_head, self.backbone.out_channels))

    def _init_auxiliary_head(self, auxiliary_head: dict | list[dict] | None) -> None:
        super()._init_auxiliary_head(fill_widths(auxiliary_head, self.backbone.out_channels))
