"""ccMIM: Contextual Image Masking Modeling via Synergized Contrasting (Zhang et al., ICLR 2023)."""
import torch
from torch import Tensor

from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError

from .base import MaskedImageModel


@MODELS.register_module()
class CCMIM(MaskedImageModel):
    """Reconstruction of patches masked by [CLS] attention, and contrast between the [CLS] tokens of
    visible and of masked patches.

    Args:
        projector: Config of the MLP shared by both branches (mmpretrain's NonLinearNeck); its input
            and hidden width default to the backbone's width.
        contrast_head: Config of :class:`InfoNCEHead` (Eq. 7) or :class:`CosineHead` (Eq. 8); its
            ``loss_weight`` is lambda of Eq. 10.
        **kwargs: Arguments of :class:`MaskedImageModel`.
    """

    def __init__(self, *, projector: dict, contrast_head: dict, **kwargs) -> None:
        super().__init__(**kwargs)
        if not self.backbone.patches_are_independent:
            raise ConfigError(f'backbone.type={type(self.backbone).__name__}: mixes visible and '
                              "masked patches in its embedding. Choose type='mmguided.MaskedViT'.")
        if self.mask_generator.layers != [0]:
            raise ConfigError(f'mask_generator.shots: ccMIM needs one shot before layer 0, not '
                              f'{self.mask_generator.layers}. Set mask_generator.mask_ratio.')
        width = self.backbone.embed_dims
        self.projector = MODELS.build(
            projector, default_args=dict(in_channels=width, hid_channels=width))
        self.contrast_head = MODELS.build(contrast_head)

    def loss(self, inputs: Tensor, data_samples=None) -> dict[str, Tensor]:
        """Losses and log scalars from normalized images ``(B, 3, H, W)``."""
        self.check_pairs(inputs)
        observations = self.observe(inputs, data_samples)
        mask, log_vars = self.make_mask(inputs, observations)  # Eq. 4-6
        embedded = self.backbone.embed(inputs)
        visible = self.backbone.encode(embedded, mask.ids_keep)
        with torch.no_grad():  # stop-gradient of Eq. 7-8: the masked branch is the teacher
            masked = self.backbone.encode_cls(embedded, mask.ids_mask)
        student = self.projector((visible[:, 0], ))[0]
        with torch.no_grad():
            teacher = self.projector((masked, ))[0]
        states = self.decode(visible, mask)
        target = self.target_generator(inputs, observations)
        return dict(
            loss_reconstruction=self.head(states, target, mask.mask),  # Eq. 9
            **self.contrast_head(student, teacher),  # Eq. 7 or 8
            **log_vars)
