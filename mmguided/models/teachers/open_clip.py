"""CLIP image encoders of open_clip as teachers."""
import hashlib
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from pickle import UnpicklingError

import torch.nn.functional as F
from torch import Tensor, nn

from mmguided.ops import cls_attention_row, split_heads
from mmguided.registry import MODELS
from mmguided.structures import Observation
from mmguided.utils.checkpoints import trusts_checkpoints
from mmguided.utils.errors import ConfigError, did_you_mean

from .base import Teacher

_FOLDER = 'local-dir:'
_WEIGHTS = ('open_clip_model.safetensors', 'open_clip_pytorch_model.bin')


@MODELS.register_module()
class OpenCLIPTeacher(Teacher):
    """Image encoder of an open_clip model, a ViT with [CLS] (CMT-MAE, MILAN).

    Only the attention of the last layer is available.

    Args:
        model_name: open_clip model name, such as 'ViT-B-16'; or 'local-dir:FOLDER', a folder in
            open_clip's format that contains the weights (then ``pretrained`` must be None).
        pretrained: Path of the weights, or an open_clip tag such as 'openai' whose weights are in
            the cache.
        quick_gelu: True if the weights were trained with QuickGELU, as OpenAI's weights were. None
            infers the value from the tag, the model name or the file.
        cache_dir: Cache folder; None means open_clip's default.
        download: Download the weights of a tag if they are not in the cache.
        tokens: Tokens to return: 'last_block', its output; 'norm', after the final norm;
            'projection', after the norm and CLIP's projection to the joint space.
        patch_size, pixel_mean, pixel_std: See :class:`Teacher`.

    Raises:
        ConfigError: If the model is unknown or not a ViT with [CLS], the weights are missing or do
            not match, ``quick_gelu`` cannot be inferred, or ``tokens`` is unknown.
    """

    def __init__(self,
                 patch_size: int,
                 pixel_mean: Sequence[float],
                 pixel_std: Sequence[float],
                 model_name: str = 'ViT-B-16',
                 pretrained: str | None = 'openai',
                 quick_gelu: bool | None = None,
                 cache_dir: str | None = None,
                 download: bool = False,
                 tokens: str = 'norm') -> None:
        if tokens not in ('last_block', 'norm', 'projection'):
            raise ConfigError(f"model.teacher.tokens={tokens!r}: unknown. Choose 'last_block', "
                              "'norm' or 'projection'.")
        try:
            import open_clip
        except ImportError as error:
            raise ConfigError('model.teacher.type=OpenCLIPTeacher: open_clip is not installed. Run '
                              "`pip install -e '.[clip]'`.") from error
        if model_name.startswith(_FOLDER):
            cfg = {}
            path, quick_gelu = _read_folder(model_name, pretrained, quick_gelu)
        else:
            if model_name not in open_clip.list_models():
                raise ConfigError(f'model.teacher.model_name={model_name!r}: open_clip has no such '
                                  'model' + did_you_mean(model_name, open_clip.list_models()))
            cfg = open_clip.get_pretrained_cfg(model_name, pretrained or '')
            path = _find_weights(model_name, pretrained or '', cfg, cache_dir, download)
            if quick_gelu is None:
                quick_gelu = _wants_quick_gelu(model_name, path, cfg)
        try:
            clip = open_clip.create_model(
                model_name, None if model_name.startswith(_FOLDER) else path,
                force_quick_gelu=quick_gelu, weights_only=not _is_safe_script(model_name, path))
        except (RuntimeError, KeyError, UnpicklingError) as error:
            reason = str(error).splitlines()
            raise ConfigError(
                f'model.teacher.pretrained={path!r}: not the weights of {model_name} '
                f'({" ".join(line.strip() for line in reason[:2])}). Use matching weights.'
            ) from error
        # Some tags have their own normalization, which open_clip does not know for a path.
        visual, preprocess = clip.visual, open_clip.get_model_preprocess_cfg(clip) | {
            name: cfg[name] for name in ('mean', 'std') if name in cfg}
        _check_architecture(model_name, visual)
        super().__init__(
            visual, visual.image_size, preprocess['mean'], preprocess['std'],
            embed_dims=visual.proj.shape[tokens == 'projection'],
            num_layers=len(visual.transformer.resblocks),
            patch_size=patch_size, pixel_mean=pixel_mean, pixel_std=pixel_std)
        self.tokens = tokens
        self._seen: dict[str, Tensor] = {}
        visual.transformer.resblocks[-1].attn.register_forward_pre_hook(self._see_attention_input)
        visual.ln_post.register_forward_hook(self._see_tokens)

    def _see_attention_input(self, module: nn.Module, args: tuple) -> None:
        self._seen['attention_input'] = args[0]

    def _see_tokens(self, module: nn.Module, args: tuple, output: Tensor) -> None:
        self._seen['tokens'] = args[0] if self.tokens == 'last_block' else output

    def check_wants(self, wants):
        super().check_wants(wants)
        if any(layer != self.num_layers - 1
               for layer, _ in wants.resolve(self.num_layers).attention):
            raise ConfigError('guidance.layers: OpenCLIPTeacher provides only the attention of its '
                              'last layer. Set layers=[-1].')

    def encode(self, images, wants):
        self.model(images)
        tokens, x = self._seen.pop('tokens'), self._seen.pop('attention_input')
        if self.tokens == 'projection':
            tokens = tokens @ self.model.proj
        rows = {}
        if wants.attention:
            query, key = self._query_and_keys(x)
            rows = {(layer, softmax): cls_attention_row(query, key, softmax)
                    for layer, softmax in wants.attention}
        return Observation(self.num_layers, tokens, rows), self.model.grid_size

    def _query_and_keys(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[CLS] query ``(B, heads, 1, d)`` and keys ``(B, heads, N, d)`` from ``(B, N, D)``."""
        attn = self.model.transformer.resblocks[-1].attn
        weights, biases = attn.in_proj_weight.chunk(3), attn.in_proj_bias.chunk(3)
        query, key = (F.linear(tokens, weight, bias) for tokens, weight, bias in zip(
            (x[:, :1], x), weights[:2], biases[:2], strict=True))
        return tuple(split_heads(part, attn.num_heads, attn.head_dim)[0] for part in (query, key))


def _read_folder(model_name: str, pretrained: str | None,
                 quick_gelu: bool | None) -> tuple[str, bool]:
    """Weights path and QuickGELU flag of a folder in open_clip's format."""
    import open_clip
    folder = Path(model_name.removeprefix(_FOLDER))
    if pretrained is not None:
        raise ConfigError(f'model.teacher.pretrained={pretrained!r}: model.teacher.model_name='
                          f'{model_name!r} contains weights already. Set pretrained=None.')
    path = next((folder / name for name in _WEIGHTS if (folder / name).is_file()), None)
    if path is None or not (folder / 'open_clip_config.json').is_file():
        raise ConfigError(f'model.teacher.model_name={model_name!r}: the folder does not contain '
                          f'open_clip_config.json and {" or ".join(_WEIGHTS)}. Give a folder '
                          'written by tools/train_clip.py.')
    if quick_gelu is None:
        quick_gelu = open_clip.get_model_config(model_name).get('quick_gelu', False)
    return str(path), quick_gelu


def _check_architecture(model_name: str, visual: nn.Module) -> None:
    from open_clip.transformer import VisionTransformer
    block = visual.transformer.resblocks[-1] if isinstance(visual, VisionTransformer) else None
    if block is None or not isinstance(block.attn, nn.MultiheadAttention) or (
            visual.final_ln_after_pool or visual.attn_pool is not None
            or visual.pool_type not in ('tok', 'avg')):
        raise ConfigError(f'model.teacher.model_name={model_name!r}: not a plain ViT with [CLS]. '
                          "Choose a model such as 'ViT-B-16' or 'ViT-L-14'.")


def _find_weights(model_name: str, pretrained: str, cfg: dict, cache_dir: str | None,
                  download: bool) -> str:
    """Path of the weights named by ``pretrained``."""
    import open_clip
    if os.path.isfile(os.path.expanduser(pretrained)):
        return os.path.expanduser(pretrained)
    if not cfg:
        tags = open_clip.list_pretrained_tags_by_model(model_name)
        raise ConfigError(f'model.teacher.pretrained={pretrained!r}: neither a file nor an '
                          f'open_clip tag of {model_name}. Give a path or one of the tags '
                          f'{", ".join(tags) or "(none)"}.')
    path = _cached(cfg, cache_dir)
    if path is None and download:
        return open_clip.download_pretrained(cfg, cache_dir=cache_dir)
    if path is None:
        raise ConfigError(
            f'model.teacher.pretrained={pretrained!r}: the weights of {model_name} are not in the '
            'cache. Set model.teacher.download=True; or, on a machine with a network, run '
            '`python -c "import open_clip as o; '
            f"print(o.download_pretrained(o.get_pretrained_cfg('{model_name}', '{pretrained}')))"
            '"` and set model.teacher.pretrained to the downloaded file.')
    return path


def _cached(cfg: dict, cache_dir: str | None) -> str | None:
    """Cached weights of an open_clip tag; None if missing."""
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
    """Infer from the source of the weights whether they need QuickGELU."""
    if cfg or model_name.endswith('-quickgelu'):
        return cfg.get('quick_gelu', False) or model_name.endswith('-quickgelu')
    if _is_script(path):  # only OpenAI's release has this format
        return True
    raise ConfigError(f'model.teacher.quick_gelu=None: {path!r} does not specify the activation. '
                      'Set True for weights of OpenAI, DFN and MetaCLIP, False for LAION and '
                      'DataComp.')


def _is_script(path: str) -> bool:
    """Return True for a TorchScript archive."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith('/constants.pkl') for name in archive.namelist())


def _is_safe_script(model_name: str, path: str) -> bool:
    """Return True for a TorchScript archive that was released by OpenAI. TorchScript is code, so
    other archives are refused unless the user trusts them."""
    if not _is_script(path):
        return False
    import open_clip
    url = open_clip.get_pretrained_url(model_name.removesuffix('-quickgelu'), 'openai')
    # OpenAI's addresses contain the hash of the file.
    if hashlib.sha256(Path(path).read_bytes()).hexdigest() in url or trusts_checkpoints():
        return True
    raise ConfigError(f'model.teacher.pretrained={path!r}: this TorchScript archive can run code '
                      f"and is not OpenAI's {model_name}. If you trust its author, set "
                      '`--trust-checkpoint`.')
