"""What guided a mask."""
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class ShotGuidance:
    """What guided a shot.

    Attributes:
        scores: Those of the guidance, ``(B, L)``; 0 for patches that an earlier shot has masked,
            NaN for images of which the guidance abstains. None if the shot is random at this time.
        guided: Which images the scores have guided, ``(B, 1)``, bool; None if all, or none.
    """
    scores: Tensor | None = None
    guided: Tensor | None = None
