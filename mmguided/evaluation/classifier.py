"""Image classifier whose neck and head take their sizes from the backbone."""
from typing import Any

from mmpretrain.models import ImageClassifier as BaseImageClassifier
from torch import nn

from mmguided.registry import MODELS

WIDTH_FIELDS = ('in_channels', 'channels', 'embed_dim', 'input_features')


def fill_sizes(part: Any, backbone: nn.Module) -> Any:
    """Copy the config of a neck or head, with the backbone's values in place of None.

    In a width field, None becomes the width of the backbone's last output, and a list with one None
    per output becomes the list of all widths. ``rescales=None`` becomes
    :attr:`mmguided.models.DenseViT.rescales`. If ``part`` is a list, each of its configs is filled.
    A module or None is returned unchanged.
    """
    if isinstance(part, (list, tuple)):
        return [fill_sizes(config, backbone) for config in part]
    if not isinstance(part, dict):
        return part
    filled, widths = part.copy(), backbone.out_channels
    if filled.get('rescales', ()) is None:
        filled['rescales'] = list(backbone.rescales)
    for field in filled.keys() & set(WIDTH_FIELDS):
        if filled[field] is None:
            filled[field] = widths[-1]
        elif filled[field] == [None] * len(widths):
            filled[field] = list(widths)
    return filled


@MODELS.register_module()
class ImageClassifier(BaseImageClassifier):
    """mmpretrain's ImageClassifier whose neck and head take their width from the backbone.

    Args:
        backbone: Encoder that has ``out_channels``.
        neck: Neck, or a list of necks; see :func:`fill_sizes`.
        head: Classifier; see :func:`fill_sizes`.
        freeze_backbone: Do not train the backbone, and keep it in eval mode (linear probe).
        **kwargs: Other arguments of mmpretrain's ImageClassifier.
    """

    def __init__(self,
                 backbone: dict,
                 neck: dict | list[dict] | None = None,
                 head: dict | None = None,
                 freeze_backbone: bool = False,
                 **kwargs) -> None:
        backbone = MODELS.build(backbone)
        super().__init__(
            backbone,
            neck=fill_sizes(neck, backbone),
            head=fill_sizes(head, backbone),
            **kwargs)
        self.freeze_backbone = freeze_backbone
        if freeze_backbone:
            backbone.requires_grad_(False)

    def train(self, mode: bool = True) -> nn.Module:
        """Set the mode; a frozen backbone stays in eval mode."""
        super().train(mode)
        if self.freeze_backbone:
            self.backbone.eval()
        return self
