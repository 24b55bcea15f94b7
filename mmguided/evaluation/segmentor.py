"""Segmentor whose neck and heads take their sizes from the backbone. Needs mmseg."""
import torch.nn.functional as F
from mmseg.models import EncoderDecoder as BaseEncoderDecoder
from torch import Tensor

from mmguided.models import Encoder
from mmguided.registry import MODELS

from .classifier import fill_sizes


@MODELS.register_module()
class EncoderDecoder(BaseEncoderDecoder):
    """mmseg's EncoderDecoder whose neck and heads take their sizes from the backbone.

    Args:
        backbone: Encoder that has ``out_channels``.
        neck: Neck, or a list of necks; see :func:`fill_sizes`.
        **kwargs: Other arguments of mmseg's EncoderDecoder; for heads see :func:`fill_sizes`.
    """

    def __init__(self, backbone: dict, neck: dict | list[dict] | None = None, **kwargs) -> None:
        # The empty neck keeps the neck's place among the modules, before the heads.
        super().__init__(backbone=backbone, neck=None if neck is None else [], **kwargs)
        if neck is not None:
            self.neck = MODELS.build(fill_sizes(neck, self.backbone))

    def _init_decode_head(self, decode_head: dict) -> None:
        super()._init_decode_head(fill_sizes(decode_head, self.backbone))

    def _init_auxiliary_head(self, auxiliary_head: dict | list[dict] | None) -> None:
        super()._init_auxiliary_head(fill_sizes(auxiliary_head, self.backbone))

    def extract_feat(self, inputs: Tensor) -> list[Tensor]:
        """Maps of images ``(B, C, H, W)``.

        Raises:
            ConfigError: If the patch size does not divide the image, because mmseg would stretch
                the map of the padded image over the image.
        """
        if isinstance(self.backbone, Encoder):
            self.backbone.check_size(*inputs.shape[-2:])
        return super().extract_feat(inputs)

    def slide_inference(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Logits of images ``(B, C, H, W)``. Images smaller than the window are padded as in
        training, because the patch size may not divide them."""
        height, width = inputs.shape[-2:]
        bottom, right = (max(window - side, 0) for window, side in zip(
            self.test_cfg.crop_size, (height, width), strict=True))
        padded = F.pad(inputs, (0, right, 0, bottom))
        return super().slide_inference(padded, batch_img_metas)[..., :height, :width]
