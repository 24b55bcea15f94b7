"""Vision transformers of timm as teachers."""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from mmguided.ops import cls_attention_row
from mmguided.registry import MODELS
from mmguided.structures import Observation, Wants
from mmguided.utils.checkpoints import check_finite, load_checkpoint, weights_of
from mmguided.utils.errors import ConfigError, did_you_mean

from .base import Teacher

_FILES = ('model.safetensors', 'pytorch_model.bin')


@MODELS.register_module()
class TimmTeacher(Teacher):
    """ViT of timm, such as DINOv2, DINOv3, SigLIP, EVA-02 and MAE, also with registers, rotary
    positions or without [CLS].

    The forward is timm's own. Attention is read from the queries and keys of its scaled-dot-product
    attention. For models without [CLS], the first output token and the attention of [CLS] are:

    - with an attention pool (SigLIP): the output of the pool, and the attention of its latent
      query, which is available for the last layer only;
    - otherwise: the mean of the patch tokens, and the attention of the mean query of the patches.

    Args:
        model_name: timm model name, with the tag of the weights, such as
            'vit_small_patch14_reg4_dinov2.lvd142m'. The tag also defines the normalization.
        weights: Path of the weights; None reads the weights of the tag from the cache of Hugging
            Face.
        img_size: Input size, ``(height, width)`` or a side; None means the size of pretraining.
            With patches of 14 pixels, 196 gives the 14 x 14 patches of a student with 224 pixels
            and patches of 16 pixels.
        patch_size, pixel_mean, pixel_std: See :class:`Teacher`.
        **options: Other arguments of the timm model.

    Attributes:
        pooling: Token or query that takes the place of [CLS]: 'cls', 'latent' or 'mean'.

    Raises:
        ConfigError: If the model is unknown or not a ViT, the weights are missing or do not match,
            or attention of a missing layer is requested.
    """
    observable = ('tokens', 'attention', 'relations')

    def __init__(self,
                 patch_size: int,
                 pixel_mean: Sequence[float],
                 pixel_std: Sequence[float],
                 model_name: str = 'vit_small_patch14_reg4_dinov2.lvd142m',
                 weights: str | None = None,
                 img_size: int | tuple[int, int] | None = None,
                 **options) -> None:
        model = _build(model_name, weights, options | (
            {} if img_size is None else dict(img_size=img_size)))
        from timm.layers import AttentionPoolLatent
        super().__init__(
            model, model.patch_embed.img_size, model.pretrained_cfg['mean'],
            model.pretrained_cfg['std'], embed_dims=model.embed_dim, num_layers=len(model.blocks),
            patch_size=patch_size, pixel_mean=pixel_mean, pixel_std=pixel_std)
        self.model_name = model_name
        self.pooling = ('cls' if model.cls_token is not None else
                        'latent' if isinstance(model.attn_pool, AttentionPoolLatent) else 'mean')
        _, reader = self._run(torch.zeros(1, 3, *self.img_size), Wants(tokens=True))
        if reader.calls != self.num_layers + (self.pooling == 'latent'):
            raise ConfigError(
                f'model.teacher.model_name={model_name!r}: {reader.calls} attention calls in '
                f'{self.num_layers} blocks. Choose a plain ViT, and unset the variable '
                'TIMM_FUSED_ATTN.')

    def check_wants(self, wants):
        super().check_wants(wants)
        layers = {layer for layer, _ in wants.resolve(self.num_layers).attention}
        if self.pooling == 'latent' and layers - {self.num_layers - 1}:
            raise ConfigError(
                f'guidance.layers: model.teacher.model_name={self.model_name!r} has no [CLS], '
                'and its attention pool provides the attention of the last layer only. Set '
                'layers=[-1].')

    def encode(self, images, wants):
        tokens, reader = self._run(images, wants)
        return (Observation(self.num_layers, tokens, reader.attention, reader.relations),
                self.model.patch_embed.grid_size)

    def _run(self, images: Tensor, wants: Wants) -> tuple[Tensor | None, '_AttentionReader']:
        """Run the model no deeper than needed; return the tokens ``(B, 1 + L, D)`` and the
        reader."""
        model, reader = self.model, _AttentionReader(wants, self)
        with torch.no_grad(), reader:
            if not (wants.tokens or wants.attention and self.pooling == 'latent'):
                deepest = max({layer for layer, _ in wants.attention} | wants.relations)
                model.forward_intermediates(
                    images, indices=[deepest], stop_early=True, intermediates_only=True)
                return None, reader
            tokens = model.forward_features(images)
            patches = tokens[:, model.num_prefix_tokens:]
            first = (tokens[:, 0] if self.pooling == 'cls' else
                     model.pool(tokens) if self.pooling == 'latent' else patches.mean(1))
            return torch.cat((first.unsqueeze(1), patches), dim=1), reader


class _AttentionReader(TorchFunctionMode):
    """Record what resolved ``wants`` requests from the calls of scaled-dot-product attention inside
    the context: one call per block, then one of the attention pool."""

    def __init__(self, wants: Wants, teacher: TimmTeacher) -> None:
        super().__init__()
        self.wants = wants
        self.teacher = teacher
        self.calls = 0
        self.attention: dict[tuple[int, str | None], Tensor] = {}
        self.relations: dict[int, Tensor] = {}

    def __torch_function__(self, func, types, args=(), kwargs=None):
        output = func(*args, **(kwargs or {}))
        if func is F.scaled_dot_product_attention:
            self._read(*args[:2], output)
            self.calls += 1
        return output

    def _read(self, query: Tensor, key: Tensor, output: Tensor) -> None:
        """Read queries, keys and outputs ``(B, heads, N, d)`` of one call."""
        teacher = self.teacher
        grid = teacher.model.patch_embed.grid_size
        num_prefix = key.shape[2] - grid[0] * grid[1]
        for layer, softmax in self.wants.attention:
            if self.calls == layer + (teacher.pooling == 'latent'):
                first = query[:, :, :1] if teacher.pooling != 'mean' else (
                    query[:, :, num_prefix:].float().mean(dim=2, keepdim=True))
                self.attention[layer, softmax] = cls_attention_row(first, key, softmax, num_prefix)
        if self.calls in self.wants.relations:
            self.relations[self.calls] = output.transpose(1, 2).flatten(2)[:, num_prefix:]


def _build(model_name: str, weights: str | None, options: dict) -> nn.Module:
    """Build a timm ViT without classifier and load its weights strictly."""
    try:
        import timm
        from timm.models.eva import Eva
        from timm.models.vision_transformer import VisionTransformer
    except ImportError as error:
        raise ConfigError('model.teacher.type=TimmTeacher: timm is not installed. Run `pip install '
                          'timm`.') from error
    field = f'model.teacher.model_name={model_name!r}'
    if not timm.is_model(model_name):
        raise ConfigError(f'{field}: timm has no such model'
                          + did_you_mean(model_name, timm.list_models()))
    try:
        cfg = timm.get_pretrained_cfg(model_name)
    except RuntimeError as error:
        raise ConfigError(f'{field}: {error} Correct the tag.') from error
    path = weights or _cached(cfg)
    if path is None:
        raise ConfigError(
            f'model.teacher.weights=None: the weights of {model_name} are not in the cache. On a '
            'machine with a network, run `python -c "import timm; '
            f"timm.create_model('{model_name}', pretrained=True)\"`, or set "
            'model.teacher.weights=PATH.')
    state = weights_of(load_checkpoint(path, 'model.teacher.weights',
                                       'Set --cfg-options model.teacher.weights=PATH.',
                                       convert=False))
    check_finite(state)
    classifiers = (cfg.classifier, ) if isinstance(cfg.classifier, str) else cfg.classifier
    state = {name: value for name, value in state.items()
             if name.rpartition('.')[0] not in classifiers}
    try:
        # timm renames and resizes the weights. With equal num_classes, it loads them strictly.
        model = timm.create_model(
            model_name, pretrained=True, num_classes=0, **options,
            pretrained_cfg_overlay=dict(state_dict=state, num_classes=0))
    except (RuntimeError, KeyError, TypeError) as error:
        reason = ' '.join(line.strip() for line in str(error).splitlines()[:2])
        raise ConfigError(f'model.teacher.weights={path!r}: not the weights of {model_name} '
                          f'({reason}). Use matching weights and options.') from error
    if not isinstance(model, (VisionTransformer, Eva)):
        raise ConfigError(f'{field}: not a ViT. Choose a model such as '
                          "'vit_small_patch14_reg4_dinov2.lvd142m'.")
    del model.pretrained_cfg['state_dict']
    return model


def _cached(cfg) -> str | None:
    """Path of the weights of a ``PretrainedCfg`` in the cache of Hugging Face; None if missing."""
    from huggingface_hub import try_to_load_from_cache
    names = [cfg.hf_hub_filename] if cfg.hf_hub_filename else _FILES
    paths = [try_to_load_from_cache(cfg.hf_hub_id, name) for name in names if cfg.hf_hub_id]
    return next((path for path in paths if isinstance(path, str)), None)
