"""CLIP image encoders of open_clip as teachers."""
import logging
import os
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor, nn

from mmguided.ops import cls_attention_row, split_heads
from mmguided.registry import MODELS
from mmguided.structures import Observation
from mmguided.utils.errors import ConfigError, did_you_mean

from .base import Teacher

_FOLDER = 'local-dir:'
_WEIGHTS = ('open_clip_model.safetensors', 'open_clip_pytorch_model.bin')


@MODELS.register_module()
class OpenCLIPTeacher(Teacher):
    """The image encoder of any open_clip model whose encoder is a ViT with [CLS] (CMT-MAE, MILAN).

    Its tokens are those after the final norm, before the projection.

    Args:
        model_name: Name in open_clip, such as 'ViT-B-16'; or 'local-dir:FOLDER', a folder in
            open_clip's format, which holds the weights too, so that ``pretrained`` must be None.
        pretrained: Path of the weights, or open_clip's tag of them, such as 'openai', if they are
            in the cache already.
        quick_gelu: Whether the weights were trained with QuickGELU, as OpenAI's. None tells by the
            tag, the model's name or the file, and refuses to guess.
        cache_dir: Folder of the cache; None is open_clip's default.
        download: Download weights of a tag that are not in the cache.
        patch_size, pixel_mean, pixel_std: As of :class:`Teacher`.

    Raises:
        ConfigError: If there is no such model, it has no [CLS] attention to read, or its weights
            are not there, do not fit, or may or may not want QuickGELU.
    """

    def __init__(self,
                 patch_size: int,
                 pixel_mean: Sequence[float],
                 pixel_std: Sequence[float],
                 model_name: str = 'ViT-B-16',
                 pretrained: str | None = 'openai',
                 quick_gelu: bool | None = None,
                 cache_dir: str | None = None,
                 download: bool = False) -> None:
        try:
            import open_clip
        except ImportError as error:
            raise ConfigError('model.teacher.type=OpenCLIPTeacher needs open_clip: '
                              '`pip install "mmguided[clip]"`') from error
        if model_name.startswith(_FOLDER):
            path, quick_gelu = _read_folder(model_name, pretrained, quick_gelu)
        else:
            _check_name(model_name)
            cfg = open_clip.get_pretrained_cfg(model_name, pretrained or '')
            path = _find_weights(model_name, pretrained or '', cfg, cache_dir, download)
            if quick_gelu is None:
                quick_gelu = _wants_quick_gelu(model_name, path, cfg)
        with _no_warnings():
            clip = open_clip.create_model(
                model_name, load_weights=False, force_quick_gelu=quick_gelu, pretrained_text=False)
        try:
            open_clip.load_checkpoint(clip, path, weights_only=not _is_script(path))
        except (RuntimeError, KeyError) as error:
            reason = str(error).splitlines()
            raise ConfigError(f'model.teacher.pretrained: {path!r} does not hold the weights of '
                              f'{model_name}: {" ".join(line.strip() for line in reason[:2])}'
                              ) from error
        visual, preprocess = clip.visual, open_clip.get_model_preprocess_cfg(clip)
        _check_architecture(model_name, visual)
        super().__init__(
            visual, visual.image_size, preprocess['mean'], preprocess['std'],
            embed_dims=visual.ln_post.normalized_shape[0],
            num_layers=len(visual.transformer.resblocks),
            patch_size=patch_size, pixel_mean=pixel_mean, pixel_std=pixel_std)
        self._seen: dict[str, Tensor] = {}
        visual.transformer.resblocks[-1].attn.register_forward_pre_hook(self._see_attention_input)
        visual.ln_post.register_forward_hook(self._see_tokens)

    def _see_attention_input(self, module: nn.Module, args: tuple) -> None:
        self._seen['attention_input'] = args[0]

    def _see_tokens(self, module: nn.Module, args: tuple, output: Tensor) -> None:
        self._seen['tokens'] = output

    def check_wants(self, wants):
        super().check_wants(wants)
        if any(layer != self.num_layers - 1
               for layer, _ in wants.resolve(self.num_layers).attention):
            raise ConfigError('OpenCLIPTeacher tells the attention of its last layer alone: set '
                              'layers=[-1]')

    def encode(self, images, wants):
        self.model(images)
        tokens, x = self._seen.pop('tokens'), self._seen.pop('attention_input')
        rows = {}
        if wants.attention:
            query, key = self._query_and_keys(x)
            rows = {(layer, softmax): cls_attention_row(query, key, softmax)
                    for layer, softmax in wants.attention}
        return Observation(self.num_layers, tokens, rows), self.model.grid_size

    def _query_and_keys(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Of [CLS] and of all tokens ``(B, N, D)``, ``(B, heads, 1 or N, d)``."""
        attn = self.model.transformer.resblocks[-1].attn
        weights, biases = attn.in_proj_weight.chunk(3), attn.in_proj_bias.chunk(3)
        query, key = (F.linear(tokens, weight, bias) for tokens, weight, bias in zip(
            (x[:, :1], x), weights[:2], biases[:2], strict=True))
        return tuple(split_heads(part, attn.num_heads, attn.head_dim)[0] for part in (query, key))


def _check_name(model_name: str) -> None:
    import open_clip
    known = open_clip.list_models()
    if model_name not in known:
        raise ConfigError(f'model.teacher.model_name={model_name!r}: open_clip has no such model'
                          + did_you_mean(model_name, known))


def _read_folder(model_name: str, pretrained: str | None,
                 quick_gelu: bool | None) -> tuple[str, bool]:
    """Weights in a folder of open_clip's format, and whether they want QuickGELU, as it says."""
    import open_clip
    folder = Path(model_name.removeprefix(_FOLDER))
    if pretrained is not None:
        raise ConfigError(f'model.teacher.pretrained={pretrained!r}, and model.teacher.model_name='
                          f'{model_name!r} holds the weights too: set '
                          'model.teacher.pretrained=None')
    path = next((folder / name for name in _WEIGHTS if (folder / name).is_file()), None)
    if path is None or not (folder / 'open_clip_config.json').is_file():
        raise ConfigError(f'model.teacher.model_name={model_name!r}: the folder must hold '
                          f'open_clip_config.json and {" or ".join(_WEIGHTS)}; give one that does, '
                          'such as tools/train_clip.py writes')
    if quick_gelu is None:
        quick_gelu = open_clip.get_model_config(model_name).get('quick_gelu', False)
    return str(path), quick_gelu


@contextmanager
def _no_warnings() -> Iterator[None]:
    """open_clip warns that a model has no weights, which are loaded next."""
    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _check_architecture(model_name: str, visual: nn.Module) -> None:
    from open_clip.transformer import VisionTransformer
    block = visual.transformer.resblocks[-1] if isinstance(visual, VisionTransformer) else None
    if block is None or not isinstance(block.attn, nn.MultiheadAttention) or (
            visual.final_ln_after_pool or visual.attn_pool is not None
            or visual.pool_type not in ('tok', 'avg')):
        raise ConfigError(f'model.teacher.model_name={model_name!r}: its image encoder is no plain '
                          "ViT with [CLS]; choose one, such as 'ViT-B-16' or 'ViT-L-14'")


def _find_weights(model_name: str, pretrained: str, cfg: dict, cache_dir: str | None,
                  download: bool) -> str:
    """Path of the weights that ``pretrained`` names."""
    import open_clip
    if os.path.isfile(os.path.expanduser(pretrained)):
        return os.path.expanduser(pretrained)
    if not cfg:
        tags = open_clip.list_pretrained_tags_by_model(model_name)
        raise ConfigError(f'model.teacher.pretrained={pretrained!r} is neither a file nor one of '
                          f'open_clip\'s tags for {model_name}: {", ".join(tags) or "none"}')
    path = _cached(cfg, cache_dir)
    if path is None and download:
        return open_clip.download_pretrained(cfg, cache_dir=cache_dir)
    if path is None:
        raise ConfigError(
            f'model.teacher.pretrained={pretrained!r}: the weights of {model_name} are not in the '
            f'cache. Where there is a network, get them by `python -c "import open_clip as o; '
            f"print(o.download_pretrained(o.get_pretrained_cfg('{model_name}', '{pretrained}')))"
            '"`, and set model.teacher.pretrained to the path that it prints; or set '
            'model.teacher.download=True')
    return path


def _cached(cfg: dict, cache_dir: str | None) -> str | None:
    """Where open_clip has put the weights of a tag, if it has."""
    from huggingface_hub import try_to_load_from_cache
    candidates = []
    if cfg.get('url'):
        folder = Path(cache_dir or '~/.cache/clip').expanduser()
        candidates.append(folder / Path(cfg['url']).name)
    if cfg.get('hf_hub'):
        repository, name = os.path.split(cfg['hf_hub'])
        names = [name] if name else _WEIGHTS
        candidates += [try_to_load_from_cache(repository, name, cache_dir) for name in names]
    return next((str(path) for path in candidates
                 if isinstance(path, (str, Path)) and os.path.isfile(path)), None)


def _wants_quick_gelu(model_name: str, path: str, cfg: dict) -> bool:
    """Whether weights want QuickGELU, where their source tells."""
    if cfg or model_name.endswith('-quickgelu'):
        return cfg.get('quick_gelu', False) or model_name.endswith('-quickgelu')
    if _is_script(path):  # as OpenAI, and nobody else, has released them
        return True
    raise ConfigError(f'model.teacher.quick_gelu is not set, and {path!r} does not tell whether '
                      'its weights want it: set True for those of OpenAI, DFN and MetaCLIP, '
                      "False for LAION's and DataComp's")


def _is_script(path: str) -> bool:
    """Whether a file is a TorchScript archive."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith('constants.pkl') for name in archive.namelist())
