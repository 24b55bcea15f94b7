"""Names of weights in released checkpoints and in ours: pure functions over state dicts.

Every converter is strict: each source key is used or known to be of no use, and each key of the
target is filled, or the conversion stops and names the difference.
"""
import re
from collections.abc import Mapping

from torch import Tensor

from .errors import ConfigError

StateDict = dict[str, Tensor]

_BLOCK = {
    'norm1': 'ln1',
    'norm2': 'ln2',
    'attn.qkv': 'attn.qkv',
    'attn.proj': 'attn.proj',
    'mlp.fc1': 'ffn.layers.0.0',
    'mlp.fc2': 'ffn.layers.1',
}
# Released (timm's) name -> mmpretrain's, of the encoder and of MAE's decoder without their blocks,
# and of the layer behind the decoder, which is the head's here.
_ENCODER = {
    'cls_token': 'cls_token',
    'pos_embed': 'pos_embed',
    'patch_embed.proj.weight': 'patch_embed.projection.weight',
    'patch_embed.proj.bias': 'patch_embed.projection.bias',
    'norm.weight': 'ln1.weight',
    'norm.bias': 'ln1.bias',
}
_DECODER = {
    'mask_token': 'mask_token',
    'decoder_pos_embed': 'decoder_pos_embed',
    'decoder_embed.weight': 'decoder_embed.weight',
    'decoder_embed.bias': 'decoder_embed.bias',
    'decoder_norm.weight': 'ln1.weight',
    'decoder_norm.bias': 'ln1.bias',
}
_PREDICTION = {name: name for name in ('decoder_pred.weight', 'decoder_pred.bias')}
_BATCH_NORM = ('weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked')
# The released ccMIM projector is a Sequential(Linear, BN, ReLU, Linear, BN without affine).
_PROJECTOR = {
    **{f'projector.0.{name}': f'fc0.{name}' for name in ('weight', )},
    **{f'projector.1.{name}': f'bn0.{name}' for name in _BATCH_NORM},
    **{f'projector.3.{name}': f'fc1.{name}' for name in ('weight', )},
    **{f'projector.4.{name}': f'bn1.{name}'
       for name in ('running_mean', 'running_var', 'num_batches_tracked')},
}
# The released CMAE projectors and predictor are our NonLinearNeck by name: fc0, bn0, fc1.
_MLP = ['fc0.weight', 'fc0.bias', *(f'bn0.{name}' for name in _BATCH_NORM), 'fc1.weight']
# Where the released CMAE's parts are in ours; it has OpenMMLab's names within them.
_CMAE_PARTS = {
    'backbone': 'backbone',
    'target_backbone': 'momentum_encoder.encoder',
    'pixel_decoder': 'neck',
    'feature_decoder': 'feature_decoder',
    'projector': 'projector',
    'target_projector': 'target_projector',
    'head.predictor': 'contrast_head.predictor',
}
# The layers behind its decoders.
_CMAE_HEADS = {'pixel_decoder': 'head', 'feature_decoder': 'feature_head'}


def _num_blocks(state: Mapping, pattern: str) -> int:
    return 1 + max((int(m[1]) for m in map(re.compile(pattern).match, state) if m), default=-1)


def _blocks(released: str, ours: str, depth: int) -> dict[str, str]:
    return {
        f'{released}.{i}.{theirs}.{kind}': f'{ours}.{i}.{name}.{kind}'
        for i in range(depth) for theirs, name in _BLOCK.items() for kind in ('weight', 'bias')
    }


def _prefixed(names: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {released: prefix + ours for released, ours in names.items()}


def _released_names(state: Mapping, parts: tuple[str, ...]) -> dict[str, str]:
    """Released name -> ours, for the parts wanted and the depths found in ``state``."""
    names = _prefixed(_ENCODER, 'backbone.')
    names |= _blocks('blocks', 'backbone.layers', _num_blocks(state, r'blocks\.(\d+)\.'))
    if 'decoder' in parts:
        names |= _prefixed(_DECODER, 'neck.') | _prefixed(_PREDICTION, 'head.')
        depth = _num_blocks(state, r'decoder_blocks\.(\d+)\.')
        names |= _blocks('decoder_blocks', 'neck.decoder_blocks', depth)
    if 'projector' in parts:
        names |= _prefixed(_PROJECTOR, 'projector.')
    return names


def _rename(state: Mapping[str, Tensor], names: Mapping[str, str], what: str) -> StateDict:
    missing, unexpected = sorted(names.keys() - state.keys()), sorted(state.keys() - names.keys())
    if missing or unexpected:
        raise ConfigError(f'this is no checkpoint of {what}: ' + '; '.join(
            f'{len(keys)} {kind} keys ({", ".join(keys[:8])}{", ..." if len(keys) > 8 else ""})'
            for kind, keys in (('missing', missing), ('unexpected', unexpected)) if keys))
    return {ours: state[theirs] for theirs, ours in names.items()}


def mae_from_released(state: Mapping[str, Tensor]) -> StateDict:
    """Released MAE (facebookresearch/mae) to ours.

    The downloads for fine-tuning hold the encoder alone, those for visualization the decoder too;
    both are accepted, half a decoder is not.

    Raises:
        ConfigError: Naming the keys that are missing or unexpected.
    """
    parts = ('decoder', ) if any(k.startswith(('decoder', 'mask_token')) for k in state) else ()
    return _rename(state, _released_names(state, parts), 'released MAE')


def ccmim_from_released(state: Mapping[str, Tensor]) -> StateDict:
    """Released ccMIM (encoder, decoder and projector) to ours.

    Raises:
        ConfigError: Naming the keys that are missing or unexpected.
    """
    return _rename(state, _released_names(state, ('decoder', 'projector')), 'released ccMIM')


def cmae_from_released(state: Mapping[str, Tensor]) -> StateDict:
    """Released CMAE to ours: both encoders, decoders and projectors, and the predictor.

    A checkpoint of the online encoder alone is accepted too, anything between is not.

    Raises:
        ConfigError: Naming the keys that are missing or unexpected.
    """

    def encoder(part: str) -> list[str]:
        depth = _num_blocks(state, rf'{part}\.layers\.(\d+)\.')
        return [*_ENCODER.values(), *_blocks('', 'layers', depth).values()]

    def decoder(part: str) -> list[str]:
        depth = _num_blocks(state, rf'{part}\.decoder_blocks\.(\d+)\.')
        return [*_DECODER.values(), *_blocks('', 'decoder_blocks', depth).values()]

    parts = dict(backbone=encoder('backbone'))
    if any(not name.startswith('backbone.') for name in state):
        # The target encoder gives out its tokens without a norm and has none.
        target = [name for name in encoder('target_backbone') if not name.startswith('ln1.')]
        parts |= dict.fromkeys(('projector', 'target_projector', 'head.predictor'), _MLP)
        parts |= {
            'target_backbone': target,
            'pixel_decoder': decoder('pixel_decoder'),
            'feature_decoder': decoder('feature_decoder'),
        }
    names = {f'{part}.{name}': f'{_CMAE_PARTS[part]}.{name}'
             for part, keys in parts.items() for name in keys}
    for part, head in _CMAE_HEADS.items():
        if part in parts:
            names |= {f'{part}.{name}': f'{head}.{name}' for name in _PREDICTION}
    return _rename(state, names, 'released CMAE')


def from_older_version(state: dict[str, Tensor], prefix: str = '') -> None:
    """Rename, in place, what stood elsewhere in checkpoints of 0.1.0 before its release.

    The prediction layers were parts of the decoders, as they still are in mmpretrain's MAE; each
    guidance had a clock. Everything else is left as it is.

    Args:
        state: State dict of an algorithm.
        prefix: What stands before its names.
    """
    moved = {'neck.decoder_pred.': 'head.decoder_pred.',
             'feature_decoder.decoder_pred.': 'feature_head.decoder_pred.'}
    if f'{prefix}feature_decoder.decoder_embed.weight' not in state:  # it shared the neck's blocks
        moved['feature_decoder.ln1.'] = 'feature_head.norm.'
    clock = re.compile(re.escape(prefix) +
                       r'(target_)?mask_generator\.(generators\.\d+\.)?schedule\.epoch$')
    for name in list(state):
        if clock.match(name):
            state[f'{prefix}clock.epochs'] = state.pop(name)
        for old, new in moved.items():
            if name.startswith(prefix + old):
                state[prefix + new + name.removeprefix(prefix + old)] = state.pop(name)


def vit_from_ours(state: Mapping[str, Tensor], layout: str) -> StateDict:
    """The encoder of any checkpoint of ours as a plain ViT backbone.

    Args:
        state: A state dict with ``backbone.*`` keys.
        layout: 'mmpretrain' (``VisionTransformer``, names without prefix) or 'timm'
            (``VisionTransformer`` with ``num_classes=0``).

    Raises:
        ConfigError: If the encoder is incomplete or holds keys that a ViT does not have.
    """
    encoder = {k: v for k, v in state.items() if k.startswith('backbone.')}
    depth = _num_blocks(encoder, r'backbone\.layers\.(\d+)\.')
    names = {**_prefixed(_ENCODER, 'backbone.'), **_blocks('blocks', 'backbone.layers', depth)}
    timm = _rename(encoder, {ours: theirs for theirs, ours in names.items()}, 'a ViT of ours')
    if layout == 'timm':
        return timm
    if layout == 'mmpretrain':
        return {k.removeprefix('backbone.'): v for k, v in encoder.items()}
    raise ConfigError(f"layout='{layout}': choose from 'mmpretrain' and 'timm'")
