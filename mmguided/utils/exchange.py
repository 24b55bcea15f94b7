"""Model folders of timm and transformers: config.json, model.safetensors and, for transformers,
preprocessor_config.json.

They are read like checkpoints of mmguided, with names, order and config converted.
"""
import json
import os
from collections.abc import Mapping
from pathlib import Path

from mmengine.config import Config
from torch import Tensor

from .converters import check_image_size, encoder_from_any, find_encoders
from .errors import ConfigError, require_extra

CONFIG, WEIGHTS, PREPROCESSOR = 'config.json', 'model.safetensors', 'preprocessor_config.json'

# Arguments of timm.create_model that load weights.
_LOADING = {'pretrained', 'pretrained_cfg', 'pretrained_cfg_overlay', 'checkpoint_path'}


def read_safetensors(path: str | os.PathLike, field: str, convert: bool = True
                     ) -> Mapping[str, Tensor]:
    """Read a ``.safetensors`` file.

    Args:
        field: Config field or argument for errors.
        convert: Give an encoder of timm or transformers our names.

    Raises:
        ConfigError: If the file cannot be read, or the encoder differs from those of mmguided, for
            example by registers.
    """
    state = _load(path, field)
    if not convert:
        return state
    layouts = [encoder[2] for encoder in find_encoders(state)]
    return encoder_from_any(state)[0] if layouts in (['timm'], ['transformers']) else state


def local_folder(name: str, field: str) -> Path:
    """Folder of a model in the cache of the Hugging Face Hub; it is downloaded if necessary.

    Args:
        name: ``hf-hub:OWNER/NAME[@REVISION]``, or ``timm:NAME`` for the weights of a model in timm,
            such as ``timm:vit_base_patch16_224.mae``.
        field: Config field or argument for errors.

    Raises:
        ConfigError: If the name is unknown, or the model is neither in the cache nor reachable.
    """
    source, _, repo = name.partition(':')
    with require_extra('export', f'{field}={name!r}'):
        import timm
        from huggingface_hub import snapshot_download
    try:
        if source == 'timm':
            cfg = timm.get_pretrained_cfg(repo)
            if cfg is None or not cfg.hf_hub_id:
                raise RuntimeError('timm has no weights of this name')
            repo = cfg.hf_hub_id
        repo, _, revision = repo.partition('@')
        return Path(snapshot_download(
            repo, revision=revision or None, allow_patterns=[CONFIG, WEIGHTS, PREPROCESSOR]))
    except (OSError, RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(
            f'{field}={name!r}: not found ({type(error).__name__}: {reason}). Correct the name; '
            'or download the files of the model on a computer with access and give their folder, '
            'or copy the cache (HF_HOME).') from error


def read_model_folder(folder: str | os.PathLike, field: str) -> dict:
    """Read a model folder as a checkpoint with a config. The config builds an ImageClassifier
    without a head, or MAE for a ``ViTMAEForPreTraining``.

    Raises:
        ConfigError: If a file is missing or unreadable, or mmguided has no such encoder.
    """
    folder = Path(folder).expanduser()
    config = _read_json(folder / CONFIG, field)
    state = _load(folder / WEIGHTS, field)
    if not find_encoders(state):
        kind = config.get('architecture') or config.get('model_type')
        raise ConfigError(f"{field}='{folder}': mmguided has no encoder for {kind!r}. Give a ViT, "
                          'Swin or ConvNeXt V2.')
    state, backbone = encoder_from_any(state)
    if 'architecture' in config:
        with require_extra('export', f"{field}='{folder}'"):
            backbone |= _settings_of_timm(config, backbone, f"{field}='{folder}'")
        source = config.get('pretrained_cfg', config)
        mean, std = source.get('mean'), source.get('std')
    else:
        backbone |= _settings_of_transformers(config, backbone)
        source = _read_json(folder / PREPROCESSOR, field)
        mean, std = source.get('image_mean'), source.get('image_std')
    check_image_size(state, backbone)
    activation = config.get('hidden_act', config.get('model_args', {}).get('act_layer', 'gelu'))
    if activation != 'gelu' or not mean or not std:
        raise ConfigError(
            f"{field}='{folder}': unsupported activation or no normalization (activation "
            f'{activation!r}, mean {mean}, std {std}). Give a model with GELU whose config has a '
            'mean and a std.')
    preprocessor = dict(mean=[255 * value for value in mean], std=[255 * value for value in std],
                        to_rgb=True)
    model = dict(type='ImageClassifier', backbone=backbone, data_preprocessor=preprocessor)
    if any(name.startswith('neck.') for name in state):
        model = _mae(config, backbone) | dict(
            data_preprocessor=preprocessor | dict(type='mmguided.DataPreprocessor'))
    cfg = Config(dict(
        model=model, default_scope='mmpretrain',
        custom_imports=dict(imports=['mmguided'], allow_failed_imports=False)))
    return dict(state_dict=state, meta=dict(cfg=cfg.pretty_text))


def _load(path: str | os.PathLike, field: str) -> dict[str, Tensor]:
    with require_extra('export', f'{field}={os.fspath(path)!r}'):
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise ConfigError(f'{field}={os.fspath(path)!r}: cannot be read ({error}). Use another '
                          'checkpoint.') from error


def _read_json(path: Path, field: str) -> dict:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{field}='{path}': cannot be read ({error}). Copy all files of the "
                          'model to the folder.') from error


def _settings_of_timm(config: Mapping, backbone: Mapping, source: str) -> dict:
    """Settings of the backbone that the weights do not show."""
    import timm
    import torch
    name, args = config['architecture'], config.get('model_args', {})
    if not timm.is_model(name):
        raise ConfigError(f'{source}: timm {timm.__version__} has no architecture {name!r}. '
                          f'Correct {CONFIG}, or install the version of timm that wrote it.')
    if loading := _LOADING & args.keys():
        raise ConfigError(f'{source}: model_args of {CONFIG} sets {", ".join(sorted(loading))}, '
                          'which reads other files. Remove it.')
    try:
        with torch.device('meta'):
            model = timm.create_model(name, **args)
    except TypeError as error:
        raise ConfigError(f'{source}: model_args of {CONFIG}: {error}. Correct {CONFIG}, or '
                          'install the version of timm that wrote it.') from error
    if backbone['type'] == 'mmguided.MaskedConvNeXt':
        return dict(img_size=config.get('pretrained_cfg', config)['input_size'][1:])
    size = model.patch_embed.img_size
    if backbone['type'] == 'mmguided.MaskedSwin':
        return dict(img_size=size)
    return dict(arch=backbone['arch'] | dict(num_heads=model.blocks[0].attn.num_heads),
                img_size=size, norm_cfg=dict(type='LN', eps=model.norm.eps))


def _settings_of_transformers(config: Mapping, backbone: Mapping) -> dict:
    """See :func:`_settings_of_timm`."""
    settings = dict(img_size=config['image_size'])
    if backbone['type'] == 'mmguided.MaskedViT':
        settings |= dict(
            arch=backbone['arch'] | dict(num_heads=config['num_attention_heads']),
            norm_cfg=dict(type='LN', eps=config['layer_norm_eps']))
    return settings


def _mae(config: Mapping, backbone: dict) -> dict:
    return dict(
        type='mmguided.MAE', backbone=backbone,
        mask_generator=dict(type='mmguided.MaskGenerator', mask_ratio=config['mask_ratio']),
        neck=dict(type='mmguided.MAEDecoder', embed_dims=config['decoder_hidden_size'],
                  depth=config['decoder_num_hidden_layers'],
                  num_heads=config['decoder_num_attention_heads']),
        target_generator=dict(type='mmguided.PixelTarget', norm_pix=config['norm_pix_loss']),
        head=dict(type='mmguided.ReconstructionHead'))
