"""Conversion between the state dicts of released checkpoints and of mmguided.

Converters are strict: missing or unexpected keys raise ConfigError.
"""
import math
import re
from collections.abc import Mapping

from torch import Tensor

from .errors import ConfigError

StateDict = dict[str, Tensor]

_BLOCK = {
    'norm1': 'ln1', 'norm2': 'ln2', 'attn.qkv': 'attn.qkv', 'attn.proj': 'attn.proj',
    'mlp.fc1': 'ffn.layers.0.0', 'mlp.fc2': 'ffn.layers.1'}
# Released (timm) name -> mmpretrain name. In mmguided, the prediction layer is in the head.
_ENCODER = {
    'cls_token': 'cls_token', 'pos_embed': 'pos_embed',
    'patch_embed.proj.weight': 'patch_embed.projection.weight',
    'patch_embed.proj.bias': 'patch_embed.projection.bias',
    'norm.weight': 'ln1.weight', 'norm.bias': 'ln1.bias'}
_DECODER = {
    'mask_token': 'mask_token', 'decoder_pos_embed': 'decoder_pos_embed',
    'decoder_embed.weight': 'decoder_embed.weight', 'decoder_embed.bias': 'decoder_embed.bias',
    'decoder_norm.weight': 'ln1.weight', 'decoder_norm.bias': 'ln1.bias'}
_PREDICTION = {name: name for name in ('decoder_pred.weight', 'decoder_pred.bias')}
_BATCH_NORM = ('weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked')
# The released ccMIM projector is Sequential(Linear, BN, ReLU, Linear, BN without affine).
_PROJECTOR = {
    'projector.0.weight': 'fc0.weight',
    **{f'projector.1.{name}': f'bn0.{name}' for name in _BATCH_NORM},
    'projector.3.weight': 'fc1.weight',
    **{f'projector.4.{name}': f'bn1.{name}'
       for name in ('running_mean', 'running_var', 'num_batches_tracked')},
}
# The released CMAE projectors and predictor use the names of NonLinearNeck.
_MLP = ['fc0.weight', 'fc0.bias', *(f'bn0.{name}' for name in _BATCH_NORM), 'fc1.weight']
# Released CMAE parts that are renamed in mmguided; weight names within a part are equal.
_CMAE_PARTS = {
    'target_backbone': 'momentum_encoder.encoder', 'pixel_decoder': 'neck',
    'head.predictor': 'contrast_head.predictor'}
# mmguided's head for the prediction layer of each CMAE decoder.
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
    """Map released names to mmguided names for ``parts``; read the depths from ``state``."""
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
        raise ConfigError(f'checkpoint: not {what}: ' + '; '.join(
            f'{len(keys)} {kind} keys ({", ".join(keys[:8])}{", ..." if len(keys) > 8 else ""})'
            for kind, keys in (('missing', missing), ('unexpected', unexpected)) if keys)
            + '. Use a complete checkpoint of the method.')
    return {ours: state[theirs] for theirs, ours in names.items()}


def mae_from_released(state: Mapping[str, Tensor]) -> StateDict:
    """Convert a released MAE checkpoint (facebookresearch/mae), with or without the decoder."""
    parts = ('decoder', ) if any(k.startswith(('decoder', 'mask_token')) for k in state) else ()
    return _rename(state, _released_names(state, parts), 'released MAE')


def ccmim_from_released(state: Mapping[str, Tensor]) -> StateDict:
    """Convert a released ccMIM checkpoint (encoder, decoder and projector)."""
    return _rename(state, _released_names(state, ('decoder', 'projector')), 'released ccMIM')


def cmae_from_released(state: Mapping[str, Tensor]) -> StateDict:
    """Convert a released CMAE checkpoint: all parts, or only the online encoder."""

    def transformer(part: str, names: Mapping[str, str], blocks: str) -> list[str]:
        depth = _num_blocks(state, rf'{part}\.{blocks}\.(\d+)\.')
        return [*names.values(), *_blocks('', blocks, depth).values()]

    parts = dict(backbone=transformer('backbone', _ENCODER, 'layers'))
    if any(not name.startswith('backbone.') for name in state):
        # The target encoder has no final norm.
        parts |= dict.fromkeys(('projector', 'target_projector', 'head.predictor'), _MLP)
        parts['target_backbone'] = [
            name for name in transformer('target_backbone', _ENCODER, 'layers')
            if not name.startswith('ln1.')]
        parts |= {part: transformer(part, _DECODER, 'decoder_blocks') for part in _CMAE_HEADS}
    names = {f'{part}.{name}': f'{_CMAE_PARTS.get(part, part)}.{name}'
             for part, keys in parts.items() for name in keys}
    for part, head in _CMAE_HEADS.items():
        if part in parts:
            names |= {f'{part}.{name}': f'{head}.{name}' for name in _PREDICTION}
    return _rename(state, names, 'released CMAE')


def vit_from_any(state: Mapping, prefix: str | None = None) -> tuple[StateDict, dict]:
    """Convert the encoder of a checkpoint with the names of timm (also DINO, MoCo v3 and MAE) or of
    mmpretrain (also ``MoCoV3ViT``).

    Classification and projection heads are dropped.

    Args:
        state: State dict, or a dict of state dicts such as DINO's ``student`` and ``teacher``.
        prefix: Prefix of the encoder's weights; None finds it if there is one encoder.

    Returns:
        ``backbone.*`` weights, and the backbone's ``arch`` without ``num_heads``, ``img_size`` and
        ``patch_size``.
    """
    state = {f'{part}.{name}' if name else part: value for part, values in state.items()
             for name, value in (values.items() if isinstance(values, Mapping) else
                                 [('', values)])}
    found = [name[:match.start()] for name in state
             if (match := re.search(r'(?:^|(?<=\.))patch_embed\.proj(ection)?\.weight$', name))]
    if prefix is None and len(found) > 1:
        raise ConfigError(f'prefix=None: the checkpoint has several encoders ({", ".join(found)}). '
                          'Give the prefix of one of them.')
    prefix = prefix or next(iter(found), '')
    encoder = {name.removeprefix(prefix): value for name, value in state.items()
               if name.startswith(prefix)}
    encoder = {name: value for name, value in encoder.items()
               if not re.match(r'(head|pre_logits)\.', name)}
    released = 'layers' if 'patch_embed.projection.weight' in encoder else 'blocks'
    depth = _num_blocks(encoder, rf'{released}\.(\d+)\.')
    names = _ENCODER | _blocks(released, 'layers', depth)
    if released == 'layers':
        names = {ours: ours for ours in names.values()}
    converted = _rename(encoder, _prefixed(names, 'backbone.'),
                        'a plain ViT with [CLS], a bias of qkv and a final norm')
    width, _, patch_size, _ = converted['backbone.patch_embed.projection.weight'].shape
    positions = converted['backbone.pos_embed'].shape[1]
    side = math.isqrt(positions - 1)
    if side**2 != positions - 1:
        raise ConfigError(f'checkpoint: pos_embed has {positions} positions, not one for [CLS] and '
                          'those of a square grid. Use another checkpoint.')
    return converted, dict(
        arch=dict(embed_dims=width, num_layers=depth, feedforward_channels=len(
            converted['backbone.layers.0.ffn.layers.0.0.weight'])),
        img_size=side * patch_size, patch_size=patch_size)


def from_older_version(state: dict[str, Tensor], prefix: str = '') -> None:
    """Rename, in place, weights of checkpoints that are older than release 0.1.0.

    In these checkpoints, prediction layers belong to the decoders, as in mmpretrain's MAE, and each
    guidance has a clock. ``prefix`` is the prefix of the algorithm's weights.
    """
    moved = {'neck.decoder_pred.': 'head.decoder_pred.',
             'feature_decoder.decoder_pred.': 'feature_head.decoder_pred.'}
    if f'{prefix}feature_decoder.decoder_embed.weight' not in state:  # shares the neck's blocks
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
    """Convert the encoder of an mmguided checkpoint to a plain ViT.

    Args:
        state: State dict with ``backbone.*`` keys.
        layout: 'mmpretrain' (``VisionTransformer``, names without prefix) or 'timm'
            (``VisionTransformer`` with ``num_classes=0``).
    """
    encoder = {k: v for k, v in state.items() if k.startswith('backbone.')}
    depth = _num_blocks(encoder, r'backbone\.layers\.(\d+)\.')
    names = {**_prefixed(_ENCODER, 'backbone.'), **_blocks('blocks', 'backbone.layers', depth)}
    timm = _rename(encoder, {ours: theirs for theirs, ours in names.items()}, 'an mmguided ViT')
    if layout == 'timm':
        return timm
    return {k.removeprefix('backbone.'): v for k, v in encoder.items()}
