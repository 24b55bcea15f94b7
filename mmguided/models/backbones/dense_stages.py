"""Pretrained Swin and ConvNeXt as backbones for classification, detection and segmentation."""
from mmpretrain.models import ConvNeXt, SwinTransformer

from mmguided.registry import MODELS
from mmguided.utils.converters import MASK_TOKENS

from .stages import load_stages


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
        if not load_stages(self, unused=MASK_TOKENS):
            super().init_weights()


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
        if not load_stages(self, unused=MASK_TOKENS):
            super().init_weights()

    def _freeze_stages(self) -> None:
        super()._freeze_stages()
        if self.frozen_stages == self.num_stages:
            for i in self.out_indices:
                getattr(self, f'norm{i}').requires_grad_(False)
