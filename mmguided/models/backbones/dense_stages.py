"""Pretrained Swin and ConvNeXt as backbones for classification, detection and segmentation."""
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
    """mmpretrain's SwinTransformer with strict loading of :class:`MaskedSwin` weights.

    ``init_cfg=dict(type='Pretrained', checkpoint=..., prefix='backbone.')`` raises an error for a
    wrong or partial checkpoint. Exceptions: mask tokens in the checkpoint are ignored, and the
    norms of all stages except the last may be missing because pretraining does not use them;
    these norms keep their initialization. Relative position bias tables are resized to the window
    size.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        # mmpretrain freezes stages only in train(), which is too late for DistributedDataParallel.
        self._freeze_stages()

    @property
    def out_channels(self) -> tuple[int, ...]:
        """Widths of the outputs."""
        return tuple(self.num_features[i] for i in self.out_indices)

    @property
    def pyramid_strides(self) -> tuple[int, ...]:
        """Strides of the outputs in pixels."""
        return tuple(self.patch_embed.projection.stride[0] * 2**i for i in self.out_indices)

    def init_weights(self) -> None:
        """Initialize as mmpretrain, or load the checkpoint of ``init_cfg`` strictly."""
        if not _load_pretrained(self, self._resize_windows):
            super().init_weights()

    def _resize_windows(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Resize bias tables of another window size; return them and their index buffers."""
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
    """Return True for a table with the same number of heads and another window size above 2."""
    if theirs is None or theirs.ndim != 2 or theirs.shape[1] != ours.shape[1]:
        return False
    side = math.isqrt(len(theirs))
    return len(theirs) != len(ours) and side > 4 and side**2 == len(theirs)


@MODELS.register_module()
class DenseConvNeXt(ConvNeXt):
    """mmpretrain's ConvNeXt with strict loading of :class:`MaskedConvNeXt` weights.

    See :class:`DenseSwin`. FCMAE checkpoints contain an untrained norm of the last stage.
    ``gap_before_final_norm`` defaults to False, so that outputs are maps. If all stages are frozen,
    the norms are frozen too.
    """

    def __init__(self, *args, gap_before_final_norm: bool = False, **kwargs) -> None:
        super().__init__(*args, gap_before_final_norm=gap_before_final_norm, **kwargs)

    @property
    def out_channels(self) -> tuple[int, ...]:
        """Widths of the outputs."""
        return tuple(self.channels[i] for i in self.out_indices)

    @property
    def pyramid_strides(self) -> tuple[int, ...]:
        """Strides of the outputs in pixels."""
        return tuple(self.downsample_layers[0][0].stride[0] * 2**i for i in self.out_indices)

    def init_weights(self) -> None:
        """Initialize as mmpretrain, or load the checkpoint of ``init_cfg`` strictly."""
        if not _load_pretrained(self):
            super().init_weights()

    def _freeze_stages(self) -> None:
        super()._freeze_stages()
        if self.frozen_stages == self.num_stages:
            for i in self.out_indices:
                getattr(self, f'norm{i}').requires_grad_(False)


def _load_pretrained(encoder: nn.Module, resize: Callable[[dict], dict] | None = None) -> bool:
    """Load the checkpoint of ``encoder.init_cfg`` strictly; return False if there is none."""
    settings = pretrained_settings(encoder.init_cfg)
    if settings is None:
        return False
    last = len(encoder.stages) - 1
    load_encoder(
        encoder, settings, unused=MASK_TOKENS, new=rf'norm(?!{last}\.)\d+\.', resize=resize)
    return True
