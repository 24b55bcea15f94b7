"""Mask R-CNN whose neck and heads take their sizes from the backbone. Needs mmdet."""
import copy

from mmdet.models import MaskRCNN as BaseMaskRCNN
from torch import Tensor

from mmguided.registry import MODELS

from .classifier import fill_sizes


@MODELS.register_module()
class MaskRCNN(BaseMaskRCNN):
    """mmdet's MaskRCNN whose neck and heads take their sizes from the backbone.

    Args:
        backbone: Encoder that has ``out_channels`` and ``pyramid_strides``.
        neck: Neck, or a list of necks, with one more level than ``pyramid_strides``; see
            :func:`fill_sizes`. Its ``rescales``, if set, determine the strides of the levels.
        rpn_head: RPN head. If ``anchor_generator.strides`` is None, the strides of all levels are
            used.
        roi_head: RoI head. If ``featmap_strides`` of an extractor is None, the strides of all
            levels except the last are used, and ``finest_scale`` defaults to 14 times the first
            stride (56 for a stride of 4).
        **kwargs: Other arguments of mmdet's MaskRCNN.
    """

    def __init__(self, backbone: dict, neck: dict | list[dict], rpn_head: dict, roi_head: dict,
                 **kwargs) -> None:
        encoder = MODELS.build(backbone)
        necks = neck if isinstance(neck, (list, tuple)) else [neck]
        factors = [part['rescales'] for part in necks if part.get('rescales')]
        strides = ([encoder.patch_size / factor for factor in factors[0]] if factors else
                   list(encoder.pyramid_strides))
        rpn_head, roi_head = copy.deepcopy(rpn_head), copy.deepcopy(roi_head)
        if rpn_head['anchor_generator'].get('strides', ()) is None:
            rpn_head['anchor_generator']['strides'] = [*strides, 2 * strides[-1]]
        for name in ('bbox_roi_extractor', 'mask_roi_extractor'):
            if roi_head[name].get('featmap_strides', ()) is None:
                roi_head[name]['featmap_strides'] = strides
                roi_head[name].setdefault('finest_scale', 14 * strides[0])
        # The empty neck keeps the neck's place among the modules, before the heads.
        super().__init__(backbone=dict(type=lambda: encoder), neck=[], rpn_head=rpn_head,
                         roi_head=roi_head, **kwargs)
        self.neck = MODELS.build(fill_sizes(neck, encoder))

    def extract_feat(self, batch_inputs: Tensor) -> tuple[Tensor, ...]:
        """Maps of the neck in float32. mmdet converts RoIs to the type of the maps; bfloat16 would
        round their coordinates to multiples of up to 8 pixels."""
        return tuple(maps.float() for maps in super().extract_feat(batch_inputs))
