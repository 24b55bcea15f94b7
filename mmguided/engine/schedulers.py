"""Parameter schedulers."""
from mmengine.optim import LinearLR

from mmguided.registry import PARAM_SCHEDULERS
from mmguided.utils.errors import ConfigError


@PARAM_SCHEDULERS.register_module()
class WarmupLR(LinearLR):
    """Linear warm-up of the learning rate over a share of the run.

    The warm-up multiplies the other schedules, so a cosine over the whole run needs no ``begin``.

    Args:
        *args: Arguments of MMEngine's ``LinearLR``.
        share: Share of the run, in (0, 1].
        end: Length of the run. MMEngine sets it.
        **kwargs: Arguments of MMEngine's ``LinearLR``.

    Raises:
        ConfigError: If ``share`` is not in (0, 1].
    """

    def __init__(self, *args, share: float, end: int, **kwargs) -> None:
        if not 0 < share <= 1:
            raise ConfigError(f'WarmupLR.share={share}: not in (0, 1]. Give a share of the run, '
                              'such as 0.05.')
        # LinearLR reaches its last factor in the step before `end`.
        super().__init__(*args, end=max(2, round(share * end)), **kwargs)
