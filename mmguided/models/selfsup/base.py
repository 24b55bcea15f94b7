"""Base class of the algorithms."""
from collections.abc import Callable, Iterable, Mapping

from mmengine.logging import print_log
from mmpretrain.models import BaseSelfSupervisor
from torch import Tensor

from mmguided.registry import MODELS
from mmguided.structures import Clock, Observation, PatchMask, unite_wants
from mmguided.utils.checkpoints import check_backbone
from mmguided.utils.configs import converts_to_rgb, pretrained_settings
from mmguided.utils.converters import from_older_version
from mmguided.utils.errors import ConfigError

from ..backbones import Encoder
from ..heads import PredictionHead
from ..mask_generators import Guidance, MaskGenerator
from ..necks import Decoder
from ..target_generators import TargetGenerator
from ..teachers import DecoderView, ImageView, MomentumEncoder, Teacher


class MaskedImageModel(BaseSelfSupervisor):
    """Base class of the algorithms: encoder, mask generator, decoder, target and head.

    Widths, patch size and grid are defined in the backbone and passed to the other parts.

    Args:
        backbone: Config of the :class:`Encoder`.
        mask_generator: Config of the :class:`MaskGenerator`.
        neck: Config of the :class:`Decoder`. None lets the head read the latents (SimMIM), for
            encoders that output all patches.
        target_generator: Config of the :class:`TargetGenerator`.
        head: Config of the :class:`ReconstructionHead`.
        momentum_encoder: Config of a :class:`MomentumEncoder`, if the algorithm, guidance or target
            uses one.
        teacher: Config of a frozen :class:`Teacher`, if guidance or target uses one.
        data_preprocessor: Config of a :class:`DataPreprocessor`.
        init_cfg: MMEngine initialization config.

    Attributes:
        num_views: Number of views per image in :meth:`loss`; several views form a list of tensors.
        reads_momentum_encoder: True if the algorithm itself uses the momentum encoder.
        clock: :class:`Clock` of the run.
        latent_readers: Functions that hooks add. Each training step calls them with the detached
            latents and the mask.

    Raises:
        ConfigError: If parts do not match: guidance or target need a missing encoder or layer, the
            decoder does not support the encoder, or the mask ratio leaves no visible or no masked
            patch.
    """

    num_views = 1
    reads_momentum_encoder = False

    def __init__(self,
                 backbone: dict,
                 mask_generator: dict,
                 target_generator: dict,
                 head: dict,
                 neck: dict | None = None,
                 momentum_encoder: dict | None = None,
                 teacher: dict | None = None,
                 data_preprocessor: dict | None = None,
                 init_cfg: dict | None = None) -> None:
        backbone = MODELS.build(backbone)
        backbone.freeze_positions()
        if momentum_encoder is not None:
            momentum_encoder = MODELS.build(momentum_encoder, default_args=dict(encoder=backbone))
        if teacher is not None:
            teacher = self.build_teacher(teacher, backbone, data_preprocessor)
        encoders = _encoders(backbone, momentum_encoder, teacher)
        target_generator = MODELS.build(target_generator, default_args=dict(encoders=encoders))
        neck = None if neck is None else self.build_decoder(neck, backbone)
        head = self.build_head(head, neck, backbone, target_generator.dims)
        super().__init__(
            backbone=backbone, neck=neck, head=head, target_generator=target_generator,
            data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        self.momentum_encoder = momentum_encoder
        self.teacher = teacher
        self.mask_generator = MODELS.build(mask_generator)
        self.mask_generator.check(self.encoders, backbone.patch_resolution)
        self.clock = Clock()
        self.latent_readers: list[Callable[[Tensor, PatchMask], None]] = []
        self.check_last_block('head', head, 'neck', neck)
        asked = self.mask_generator.sources | set(target_generator.wants(self.clock))
        reads = {'momentum'} if self.reads_momentum_encoder else set()
        for name, field in (('momentum', 'momentum_encoder'), ('teacher', 'teacher')):
            if name in encoders and name not in asked | reads:
                raise ConfigError(f'model.{field}: no guidance or target has source={name!r}. Set '
                                  f'model.{field}=None.')

    @staticmethod
    def build_teacher(cfg: dict, backbone: Encoder, data_preprocessor: dict | None) -> Teacher:
        """Build a teacher for images normalized by ``data_preprocessor``; None means RGB images in
        [0, 255]."""
        settings = data_preprocessor or dict(to_rgb=True)
        if backbone.in_channels == 3 and not converts_to_rgb(settings):
            raise ConfigError('model.data_preprocessor.to_rgb=False: the teacher needs RGB, but '
                              'image files are loaded as BGR. Set it to True.')
        return MODELS.build(cfg, default_args=dict(
            patch_size=backbone.patch_size,
            pixel_mean=settings.get('mean') or (0., 0., 0.),
            pixel_std=settings.get('std') or (1., 1., 1.)))

    @staticmethod
    def build_decoder(cfg: dict, backbone: Encoder) -> Decoder:
        """Build a decoder; raise ConfigError if it does not support the encoder's latents."""
        decoder = MODELS.build(
            cfg, default_args=dict(in_dims=backbone.embed_dims, grid=backbone.patch_resolution))
        if decoder.reads_all_patches == backbone.drops_masked_tokens:
            needs = 'all patches' if decoder.reads_all_patches else '[CLS] and visible patches'
            raise ConfigError(f'neck.type={type(decoder).__name__}: needs latents of {needs}, '
                              f'but backbone.type={type(backbone).__name__} does not output '
                              'them. Choose another decoder.')
        return decoder

    @staticmethod
    def build_head(cfg: dict, decoder: Decoder | None, backbone: Encoder,
                   out_dims: int) -> PredictionHead:
        """Build a head with ``out_dims`` values per patch on a decoder, or on the latents."""
        if decoder is None and backbone.drops_masked_tokens:
            raise ConfigError(f'neck=None: backbone.type={type(backbone).__name__} outputs visible '
                              "patches only. Set neck=dict(type='mmguided.MAEDecoder').")
        width, depth = (backbone.embed_dims, 0) if decoder is None else (
            decoder.embed_dims, decoder.depth)
        return MODELS.build(cfg, default_args=dict(in_dims=width, out_dims=out_dims, depth=depth))

    @staticmethod
    def check_last_block(name: str, head: PredictionHead, decoder_name: str,
                         decoder: Decoder | None) -> None:
        """Raise ConfigError if a head does not read the last block of its decoder."""
        if decoder is not None and head.block < decoder.depth:
            raise ConfigError(f'{name}.block={head.block}: later decoder blocks would not be '
                              f'trained. Set {decoder_name}.depth={head.block} instead.')

    @property
    def encoders(self) -> Mapping[str, Encoder]:
        """Encoders that guidance and targets can observe, by name; 'image' provides the pixels."""
        encoders = _encoders(self.backbone, self.momentum_encoder, self.teacher)
        encoders['image'] = ImageView(self.backbone, self.data_preprocessor)
        if self.neck is not None and self.neck.has_attention:
            encoders['decoder'] = DecoderView(
                self.backbone, self.neck, self.mask_generator.mask_ratios[0])
        return encoders

    @property
    def observers(self) -> Iterable[MaskGenerator | TargetGenerator]:
        """Parts that request observations of the images; subclasses may add parts."""
        return self.mask_generator, self.target_generator

    def init_weights(self) -> None:
        """Initialize all parts; the momentum encoder starts as a copy of the encoder."""
        super().init_weights()
        if self.momentum_encoder is not None and not pretrained_settings(self.init_cfg):
            self.momentum_encoder.reset()

    def _load_from_state_dict(self, state_dict, prefix, *args) -> None:
        """Accept checkpoints of older versions, MAE and mmpretrain. The encoder must match even in
        non-strict loading; otherwise raise ConfigError."""
        from_older_version(state_dict, prefix)
        check_backbone({prefix + name: value for name, value in self.state_dict().items()},
                       state_dict, f'{prefix}backbone.')
        if self.momentum_encoder is not None:
            self._complete_ema_weights(state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def _complete_ema_weights(self, state_dict: dict[str, Tensor], prefix: str) -> None:
        """Initialize EMA weights missing from a checkpoint from the online weights; raise
        ConfigError if only a part of a module is missing."""
        names = {module: f'{prefix}{name}.' for name, module in self.named_modules()}
        for ema, source in self.momentum_encoder.pairs:
            missing = [name for name in ema.state_dict() if names[ema] + name not in state_dict]
            if missing and len(missing) < len(ema.state_dict()):
                raise ConfigError(f'{names[ema][:-1]}: the checkpoint lacks {missing[0]} and '
                                  f'{len(missing) - 1} other weights. Use a complete checkpoint.')
            current = source.state_dict()
            for name in missing:
                state_dict[names[ema] + name] = state_dict.get(names[source] + name, current[name])
            if missing:
                metadata = getattr(state_dict, '_metadata', {})
                metadata[names[ema][:-1]] = metadata.get(names[source][:-1], {})
                print_log(f'{names[ema][:-1]} is missing from the checkpoint and is initialized '
                          f'from {names[source][:-1]}', 'current')

    def forward(self, inputs, data_samples=None, mode: str = 'tensor'):
        """See mmpretrain's base class; raises ConfigError when training without a running clock."""
        reads_clock = self.momentum_encoder is not None or self.mask_generator.is_scheduled
        if mode == 'loss' and self.training and reads_clock and self.clock.max_epochs is None:
            raise ConfigError(
                "model.clock: no hook updates the clock, so guidance or momentum would never "
                "change. Set default_hooks.clock=dict(type='mmguided.ClockHook'), or without a "
                'Runner call model.clock.set(epoch, max_epochs) before each step.')
        return super().forward(inputs, data_samples, mode)

    def observe(self,
                images: Tensor,
                data_samples: object = None,
                parts: Iterable[MaskGenerator | TargetGenerator | Guidance] | None = None
                ) -> dict[str, Observation]:
        """Observations of images ``(B, C, H, W)`` requested by ``parts`` (default:
        :attr:`observers`), by encoder name, from one forward of each encoder. Scores in
        ``data_samples`` (see :class:`mmguided.datasets.WithScores`) become the observation
        'cache'."""
        parts = self.observers if parts is None else parts
        wants = unite_wants(*(part.wants(self.clock) for part in parts))
        encoders = self.encoders
        observations = {name: encoders[name].observe(images, asked)
                        for name, asked in wants.items()}
        if isinstance(data_samples, Mapping) and 'scores' in data_samples:
            observations['cache'] = Observation(0, scores=data_samples['scores'])
        return observations

    def make_mask(self,
                  images: Tensor,
                  observations: Mapping[str, Observation],
                  mask_generator: MaskGenerator | None = None
                  ) -> tuple[PatchMask, dict[str, Tensor]]:
        """Generate the mask of a batch and log scalars; ``mask_generator`` defaults to the
        algorithm's mask generator."""
        return (mask_generator or self.mask_generator)(
            images, self.backbone.patch_grid(images), observations, self.encoders, self.clock)

    def decode(self, latent: Tensor, mask: PatchMask) -> list[Tensor]:
        """Hidden states for the head, see :class:`Decoder`. Algorithms call it once per step."""
        if self.training:
            for read in self.latent_readers:
                read(latent.detach(), mask)
        return [latent] if self.neck is None else self.neck(latent, mask)

    def check_pairs(self, images: Tensor) -> None:
        """Raise ConfigError if a process has too few images for contrast and normalization."""
        if self.training and len(images) < 2:
            raise ConfigError(f'train_dataloader.batch_size: a batch has {len(images)} image per '
                              'process; contrast and batch normalization need two images. Set '
                              'train_dataloader.drop_last=True or another batch size.')


def _encoders(backbone: Encoder, momentum_encoder: MomentumEncoder | None,
              teacher: Teacher | None) -> dict[str, Encoder]:
    encoders = dict(student=backbone)
    if momentum_encoder is not None:
        encoders['momentum'] = momentum_encoder.encoder
    if teacher is not None:
        encoders['teacher'] = teacher
    return encoders
