"""What all algorithms share: building the parts so that they fit, and asking the encoders."""
from collections.abc import Callable, Iterable, Mapping

from mmengine.logging import print_log
from mmpretrain.models import BaseSelfSupervisor
from torch import Tensor

from mmguided.registry import MODELS
from mmguided.structures import Clock, Observation, PatchMask, unite_wants
from mmguided.utils.checkpoints import check_backbone
from mmguided.utils.configs import pretrained_settings
from mmguided.utils.converters import from_older_version
from mmguided.utils.errors import ConfigError

from ..backbones import Encoder
from ..heads import PredictionHead
from ..mask_generators import Guidance, MaskGenerator
from ..necks import Decoder
from ..target_generators import TargetGenerator
from ..teachers import DecoderView, MomentumEncoder, Teacher


class MaskedImageModel(BaseSelfSupervisor):
    """Base of the algorithms: an encoder, a mask generator, a decoder, a target and a head.

    Widths, patch size and grid are said once, in the backbone; the other parts take them over.

    Args:
        backbone: Config of the :class:`Encoder`.
        mask_generator: Config of the :class:`MaskGenerator`.
        neck: Config of the :class:`Decoder`; None, for an encoder that keeps masked patches, lets
            the head read the latents (SimMIM).
        target_generator: Config of the :class:`TargetGenerator`.
        head: Config of the :class:`ReconstructionHead`.
        momentum_encoder: Config of a :class:`MomentumEncoder` of the backbone, for algorithms,
            guidance and targets that ask for one.
        teacher: Config of a frozen :class:`Teacher`, for guidance and targets that ask for one.
        data_preprocessor: Config of the normalization; mmpretrain's SelfSupDataPreprocessor.
        init_cfg: As in every MMEngine module.

    Attributes:
        num_views: Views of an image that :meth:`loss` takes: a tensor if it is one, else a list.
        reads_momentum_encoder: Whether the algorithm itself reads the momentum encoder.
        clock: The :class:`Clock` of the run.
        latent_readers: Functions that each training step hands its latents, without gradient, and
            their mask, for hooks that watch the encoder at no cost.

    Raises:
        ConfigError: If parts do not fit together: a guidance or target asks for an encoder or a
            layer that there is not, the decoder cannot read what the encoder gives, or the mask
            ratio leaves nothing visible or nothing masked.
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
            teacher = self.build_teacher(teacher, backbone, data_preprocessor or {})
        encoders = _encoders(backbone, momentum_encoder, teacher)
        target_generator = MODELS.build(target_generator, default_args=dict(encoders=encoders))
        neck = None if neck is None else self.build_decoder(neck, backbone)
        head = self.build_head(head, neck, backbone, target_generator.dims)
        super().__init__(
            backbone=backbone,
            neck=neck,
            head=head,
            target_generator=target_generator,
            data_preprocessor=data_preprocessor,
            init_cfg=init_cfg)
        self.momentum_encoder = momentum_encoder
        self.teacher = teacher
        self.mask_generator = MODELS.build(mask_generator)
        self.mask_generator.check(self.encoders, backbone.patch_resolution)
        self.clock = Clock()
        self.latent_readers: list[Callable[[Tensor, PatchMask], None]] = []
        if neck is not None and head.block < neck.depth:
            raise ConfigError(f'head.block={head.block}: nothing would train the decoder behind '
                              f'this block; set neck.depth={head.block} instead')
        asked = self.mask_generator.sources | set(target_generator.wants(self.clock))
        reads = {'momentum'} if self.reads_momentum_encoder else set()
        for name, field in (('momentum', 'momentum_encoder'), ('teacher', 'teacher')):
            if name in encoders and name not in asked | reads:
                raise ConfigError(f'{field} is set, and nothing reads it: no guidance and no '
                                  f'target has source={name!r}; set {field}=None')

    @staticmethod
    def build_teacher(cfg: dict, backbone: Encoder, data_preprocessor: dict) -> Teacher:
        """A teacher that takes the images as ``data_preprocessor`` normalizes them."""
        if not data_preprocessor.get('to_rgb', True):
            raise ConfigError('model.data_preprocessor.to_rgb=False: a teacher wants RGB; set it '
                              'to True')
        return MODELS.build(cfg, default_args=dict(
            patch_size=backbone.patch_size,
            pixel_mean=data_preprocessor.get('mean') or (0., 0., 0.),
            pixel_std=data_preprocessor.get('std') or (1., 1., 1.)))

    @staticmethod
    def build_decoder(cfg: dict, backbone: Encoder) -> Decoder:
        """A decoder of an encoder's latents; ConfigError if it cannot read them."""
        decoder = MODELS.build(
            cfg, default_args=dict(in_dims=backbone.embed_dims, grid=backbone.patch_resolution))
        if decoder.reads_all_patches == backbone.drops_masked_tokens:
            needs = 'all patches' if decoder.reads_all_patches else '[CLS] and the visible patches'
            raise ConfigError(f'neck.type={type(decoder).__name__} reads latents of {needs}, and '
                              f'backbone.type={type(backbone).__name__} gives others: choose a '
                              'decoder for this encoder')
        return decoder

    @staticmethod
    def build_head(cfg: dict, decoder: Decoder | None, backbone: Encoder,
                   out_dims: int) -> PredictionHead:
        """Predicts ``out_dims`` values per patch from a decoder's states; without one, latents."""
        if decoder is None and backbone.drops_masked_tokens:
            raise ConfigError(f'neck=None: backbone.type={type(backbone).__name__} has no latents '
                              "of masked patches; set neck=dict(type='mmguided.MAEDecoder')")
        width, depth = (backbone.embed_dims, 0) if decoder is None else (
            decoder.embed_dims, decoder.depth)
        return MODELS.build(
            cfg, default_args=dict(in_dims=width, out_dims=out_dims, depth=depth))

    @property
    def encoders(self) -> Mapping[str, Encoder]:
        """The encoders that guidance and targets may observe, by name."""
        encoders = _encoders(self.backbone, self.momentum_encoder, self.teacher)
        if self.neck is not None and self.neck.has_attention:
            encoders['decoder'] = DecoderView(
                self.backbone, self.neck, self.mask_generator.mask_ratios[0])
        return encoders

    @property
    def observers(self) -> Iterable[MaskGenerator | TargetGenerator]:
        """The parts that want observations of the images; an algorithm with more adds them."""
        return self.mask_generator, self.target_generator

    def init_weights(self) -> None:
        """Initialize every part; a momentum encoder starts as the encoder."""
        super().init_weights()
        if self.momentum_encoder is not None and not pretrained_settings(self.init_cfg):
            self.momentum_encoder.reset()

    def _load_from_state_dict(self, state_dict, prefix, *args) -> None:
        """Accept checkpoints of older versions, MAE and mmpretrain, but no other encoder: whoever
        loads, strictly or not, gets the encoder whole or a ConfigError."""
        from_older_version(state_dict, prefix)
        check_backbone({prefix + name: value for name, value in self.state_dict().items()},
                       state_dict, f'{prefix}backbone.')
        if self.momentum_encoder is not None:
            self._complete_averages(state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def _complete_averages(self, state_dict: dict[str, Tensor], prefix: str) -> None:
        """An average of which a checkpoint has nothing starts as what is averaged; ConfigError if
        it has a part of one."""
        names = {module: f'{prefix}{name}.' for name, module in self.named_modules()}
        for ema, source in self.momentum_encoder.pairs:
            missing = [name for name in ema.state_dict() if names[ema] + name not in state_dict]
            if missing and len(missing) < len(ema.state_dict()):
                raise ConfigError(f'the checkpoint is damaged: of {names[ema][:-1]} it lacks '
                                  f'{missing[0]} and {len(missing) - 1} others; give one that is '
                                  'whole')
            current = source.state_dict()
            for name in missing:
                state_dict[names[ema] + name] = state_dict.get(names[source] + name, current[name])
            if missing:
                print_log(f'{names[ema][:-1]} is not in the checkpoint: it starts as '
                          f'{names[source][:-1]}', 'current')

    def forward(self, inputs, data_samples=None, mode: str = 'tensor'):
        """As of mmpretrain's base class; trains with a clock that somebody moves only."""
        reads_clock = self.momentum_encoder is not None or self.mask_generator.is_scheduled
        if mode == 'loss' and self.training and reads_clock and self.clock.max_epochs is None:
            raise ConfigError(
                "nobody moves the clock of the model, so that its guidance or momentum would never "
                "change: set default_hooks.clock=dict(type='mmguided.ClockHook'), or without a "
                'Runner call model.clock.set(epoch, max_epochs) before each step')
        return super().forward(inputs, data_samples, mode)

    def observe(self,
                images: Tensor,
                data_samples: object = None,
                parts: Iterable[MaskGenerator | TargetGenerator | Guidance] | None = None
                ) -> dict[str, Observation]:
        """What parts, by default :attr:`observers`, want to know of encoders that see the images,
        ``(B, 3, H, W)``: one pass of each encoder that is asked. Scores in ``data_samples``, see
        :class:`mmguided.datasets.WithScores`, are the observation 'cache'."""
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
        """The mask of a batch, and scalars for the log, by the algorithm's or another generator."""
        mask_generator = mask_generator or self.mask_generator
        return mask_generator(
            images, self.backbone.patch_grid(images), observations, self.encoders, self.clock)

    def decode(self, latent: Tensor, mask: PatchMask) -> list[Tensor]:
        """The hidden states that the head reads, see :class:`Decoder`; an algorithm calls it once
        a step, with the latents of the images that it trains on."""
        if self.training:
            for read in self.latent_readers:
                read(latent.detach(), mask)
        return [latent] if self.neck is None else self.neck(latent, mask)

    def check_pairs(self, images: Tensor) -> None:
        """ConfigError if a process has too few images to contrast and to normalize."""
        if self.training and len(images) < 2:
            raise ConfigError(f'a batch of {len(images)} image per process: contrast and batch '
                              'normalization need two; set train_dataloader.drop_last=True or '
                              'another train_dataloader.batch_size')


def _encoders(backbone: Encoder, momentum_encoder: MomentumEncoder | None,
              teacher: Teacher | None) -> dict[str, Encoder]:
    encoders = dict(student=backbone)
    if momentum_encoder is not None:
        encoders['momentum'] = momentum_encoder.encoder
    if teacher is not None:
        encoders['teacher'] = teacher
    return encoders
