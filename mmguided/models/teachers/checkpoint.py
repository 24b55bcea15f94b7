"""Pretrained mmguided encoders as teachers."""
from collections.abc import Sequence

from mmguided.registry import MODELS
from mmguided.structures import Wants
from mmguided.utils.checkpoints import load_encoder

from .base import Teacher


@MODELS.register_module()
class CheckpointTeacher(Teacher):
    """mmguided encoder with weights loaded strictly from a checkpoint.

    Args:
        backbone: Config of the encoder, a :class:`mmguided.models.MaskedViT` or
            :class:`mmguided.models.MaskedHybridViT`; images are resized to its ``img_size``.
        checkpoint: Checkpoint path.
        prefix: Prefix of the encoder's weights in the checkpoint.
        mean, std: Normalization of the encoder's pretraining, for RGB pixels in [0, 255]; None uses
            that of the config in the checkpoint or, without a config, that of the student.
        patch_size, pixel_mean, pixel_std: See :class:`Teacher`.

    Raises:
        ConfigError: If the encoder has no [CLS], or the checkpoint is missing or does not match.
    """

    def __init__(self, patch_size: int, pixel_mean: Sequence[float], pixel_std: Sequence[float],
                 backbone: dict, checkpoint: str, prefix: str = 'backbone.',
                 mean: Sequence[float] | None = None, std: Sequence[float] | None = None) -> None:
        encoder = MODELS.build(backbone)
        encoder.check_wants(Wants(tokens=True))
        load_encoder(encoder, dict(checkpoint=checkpoint, prefix=prefix),
                     field='teacher.checkpoint')
        trained = encoder.normalization or dict(mean=pixel_mean, std=pixel_std)
        mean, std = mean or trained['mean'], std or trained['std']
        super().__init__(
            encoder, encoder.input_size, *(
                [value / 255 for value in values] * (encoder.in_channels if len(values) == 1 else 1)
                for values in (mean, std)),
            embed_dims=encoder.embed_dims, num_layers=encoder.num_layers, patch_size=patch_size,
            pixel_mean=pixel_mean, pixel_std=pixel_std)
        self.observable = encoder.observable

    def encode(self, images, wants):
        return self.model.observe(images, wants), self.model.patch_grid(images)
