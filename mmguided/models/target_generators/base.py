"""What every target generator has in common."""
from collections.abc import Mapping

from mmengine.model import BaseModule
from torch import Tensor

from mmguided.structures import Clock, Observation, PatchMask, Wants

from ..backbones.base import Encoder


class TargetGenerator(BaseModule):
    """Base of the target generators. A new one sets ``dims``, the number of values to predict per
    patch, and implements :meth:`forward`.

    Args:
        encoders: The algorithm's encoders by name, filled in by it; 'student' is the trained one.
    """
    dims: int

    def __init__(self, encoders: Mapping[str, Encoder]) -> None:
        super().__init__()

    def wants(self, clock: Clock) -> Mapping[str, Wants]:
        """What is asked at this time of which encoder; nothing, for a target made of images."""
        return {}

    def forward(self, images: Tensor, observations: Mapping[str, Observation]) -> Tensor:
        """Targets ``(B, L, dims)`` of images ``(B, C, H, W)`` and answers to :meth:`wants`."""
        raise NotImplementedError

    def to_images(self, pred: Tensor, images: Tensor, mask: PatchMask) -> Tensor | None:
        """Normalized images ``(B, C, H, W)`` with predictions ``(B, L, dims)`` in masked patches,
        for figures; None for a target that is not made of pixels."""
        return None
