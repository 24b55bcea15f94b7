"""Base class of the target generators."""
from collections.abc import Mapping

from mmengine.model import BaseModule
from torch import Tensor

from mmguided.structures import Clock, Observation, PatchMask, Wants

from ..backbones.base import Encoder


class TargetGenerator(BaseModule):
    """Base class of the target generators. Subclasses set ``dims``, the number of target values per
    patch, and implement :meth:`forward`.

    Args:
        encoders: Encoders by name, set by the algorithm; 'student' is the trained encoder.
    """
    dims: int

    def __init__(self, encoders: Mapping[str, Encoder]) -> None:
        super().__init__()

    def wants(self, clock: Clock) -> Mapping[str, Wants]:
        """Requested observations by encoder name; empty for targets computed from images."""
        return {}

    def forward(self, images: Tensor, observations: Mapping[str, Observation]) -> Tensor:
        """Targets ``(B, L, dims)`` from images ``(B, C, H, W)`` and observations."""
        raise NotImplementedError

    def to_images(self, pred: Tensor, images: Tensor, mask: PatchMask) -> Tensor | None:
        """Normalized images ``(B, C, H, W)`` with predictions ``(B, L, dims)`` pasted into masked
        patches, for figures; None for targets other than pixels. The pixels of masked patches have
        no influence."""
        return None
