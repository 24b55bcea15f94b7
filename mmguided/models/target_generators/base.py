"""What every target generator has in common."""
from collections.abc import Mapping

from mmengine.model import BaseModule
from torch import Tensor

from mmguided.structures import Clock, Observation, PatchMask, Wants

from ..backbones.base import Encoder


class TargetGenerator(BaseModule):
    """Base of the target generators. A new one sets ``dims`` and implements :meth:`forward`.

    Args:
        encoders: The algorithm's encoders by name; algorithms fill in theirs. 'student' is the
            encoder that is trained.

    Attributes:
        dims: Values to predict per patch.
    """
    dims: int

    def __init__(self, encoders: Mapping[str, Encoder]) -> None:
        super().__init__()

    def wants(self, clock: Clock) -> Mapping[str, Wants]:
        """What is asked at this time of which encoder; nothing, for a target made of images."""
        return {}

    def forward(self, images: Tensor, observations: Mapping[str, Observation]) -> Tensor:
        """Targets ``(B, L, dims)``.

        Args:
            images: ``(B, C, H, W)``.
            observations: The answers to :meth:`wants`.
        """
        raise NotImplementedError

    def to_images(self, pred: Tensor, images: Tensor, mask: PatchMask) -> Tensor | None:
        """Images whose masked patches are what was predicted, for figures.

        Args:
            pred: ``(B, L, dims)``.
            images: ``(B, C, H, W)``, normalized.
            mask: The mask.

        Returns:
            ``(B, C, H, W)``; None for a target that is not made of pixels.
        """
        return None
