"""Mask R-CNN whose neck takes its width from the backbone. Needs mmdet."""
from mmdet.models import MaskRCNN as BaseMaskRCNN

from mmguided.registry import MODELS

from .classifier import fill_widths


@MODELS.register_module()
class MaskRCNN(BaseMaskRCNN):
    """mmdet's MaskRCNN whose neck takes its width from the backbone.

    Args:
        backbone: Encoder that has ``out_channels``.
        neck: Neck, or a list of necks; see :func:`fill_widths`.
        **kwargs: Other arguments of mmdet's MaskRCNN.
    """

    def __init__(self, backbone: dict, neck: dict | list[dict], **kwargs) -> None:
        # The empty neck keeps the neck's place among the modules, before the heads.
        super().__init__(backbone=backbone, neck=[], **kwargs)
        self.neck = MODELS.build(fill_widths(neck, self.backbone.out_channels))
