"""Pretrained Swin and ConvNeXt as backbones of classifiers, detectors and segmentors."""
import math
from collections.abc import Callable

from mmpretrain.models import ConvNeXt, SwinTransformer
from torch import Tensor, nn

from mmguided.ops import resize_relative_positions
from mmguided.registry import MODELS
from mmguided.utils.checkpoints import MASK_TOKENS, load_encoder
from mmguided.utils.configs import pretrained_settings


@MODELS.register_module()
class DenseSwin(SwinTransformer):
    """mmpretrain's SwinTransformer, which loads the weights of :class:`MaskedSwin` strictly.

    With ``init_cfg=dict(type='Pretrained', checkpoint=..., prefix='backbone.')`` a wrong or partial
    checkpoint is an error. Two differences are none: mask tokens, which a checkpoint alone has, and
    the norms of all stages but the last, which pretraining does not use and which start anew.
    Relative positions of windows of another side are resized.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        # mmpretrain waits for train(), when DistributedDataParallel expects all gradients already.
        self._freeze_stages()

    @property
    def out_channels(self) -> tuple[int, ...]:
        """Widths of the outputs."""
        return tuple(self.num_features[i] for i in self.out_indices)

    def init_weights(self) -> None:
        """mmpretrain's initialization, and the checkpoint of ``init_cfg``, strictly."""
        if not _load_pretrained(self, self._resize_windows):
            super().init_weights()

    def _resize_windows(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Tables of ``state`` that are of other windows, resized, and the indices into them."""
        resized = {}
        for name, table in self.named_parameters():
            theirs = state.get(name)
            if name.endswith('relative_position_bias_table') and _is_resizable(theirs, table):
                window = (math.isqrt(len(table)) + 1) // 2
                index = name.replace('bias_table', 'index')
                resized |= {name: resize_relative_positions(theirs, window),
                            index: self.get_buffer(index)}
        return resized


def _is_resizable(theirs: Tensor | None, ours: Tensor) -> bool:
    """Whether a table has as many heads as ours, but windows of another side, above 2."""
    if theirs is None or theirs.ndim != 2 or theirs.shape[1] != ours.shape[1]:
        return False
    side = math.isqrt(len(theirs))
    return len(theirs) != len(ours) and side > 4 and side**2 == len(theirs)


@MODELS.register_module()
class DenseConvNeXt(ConvNeXt):
    """mmpretrain's ConvNeXt, which loads the weights of :class:`MaskedConvNeXt` strictly.

    See :class:`DenseSwin`. The norm of the last stage is in a checkpoint of FCMAE too, untrained.
    ``gap_before_final_norm`` is False unless said: maps are wanted, not their averages. Where
    ``frozen_stages`` are all stages, the norms are frozen too, as DenseSwin's are.
    """

    def __init__(self, *args, gap_before_final_norm: bool = False, **kwargs) -> None:
        super().__init__(*args, gap_before_final_norm=gap_before_final_norm, **kwargs)

    @property
    def out_channels(self) -> tuple[int, ...]:
        """Widths of the outputs."""
        return tuple(self.channels[i] for i in self.out_indices)

    def init_weights(self) -> None:
        """mmpretrain's initialization, or the checkpoint of ``init_cfg``, strictly."""
        if not _load_pretrained(self):
            super().init_weights()

    def _freeze_stages(self) -> None:
        super()._freeze_stages()
        if self.frozen_stages == self.num_stages:
            for i in self.out_indices:
                getattr(self, f'norm{i}').requires_grad_(False)


def _load_pretrained(encoder: nn.Module,
                     resize: Callable[[dict], dict] | None = None) -> bool:
    """Whether ``encoder.init_cfg`` names a checkpoint; if so, its weights are loaded.

    Raises:
        ConfigError: If there is no such file, or if it lacks or contradicts a weight.
    """
    settings = pretrained_settings(encoder.init_cfg)
    if settings is None:
        return False
    last = len(encoder.stages) - 1
    load_encoder(
        encoder,
        settings,
        unused=MASK_TOKENS,
        new=rf'norm(?!{last}\.)\d+\.',
        resize=resize)
    return True
