"""Conversion between the state dicts of mmguided, released checkpoints, timm and transformers.

Converters are strict: missing or unexpected keys raise ConfigError.
"""
import math
import re
from collections.abc import Iterable, Mapping

import torch
from mmengine.utils import to_2tuple
from torch import Tensor

from .errors import ConfigError

StateDict = dict[str, Tensor]

#: Pattern of mask token names in an encoder.
MASK_TOKENS = r'(stage_mask_tokens\.\d+|mask_token)$'

# Names of the toolkits -> names of mmpretrain, by layout of the toolkit.
_BLOCK = {
    'timm': {
        'norm1': 'ln1', 'norm2': 'ln2', 'attn.qkv': 'attn.qkv', 'attn.proj': 'attn.proj',
        'mlp.fc1': 'ffn.layers.0.0', 'mlp.fc2': 'ffn.layers.1'},
    'transformers': {
        'layernorm_before': 'ln1', 'layernorm_after': 'ln2',
        'attention.attention.qkv': 'attn.qkv', 'attention.output.dense': 'attn.proj',
        'intermediate.dense': 'ffn.layers.0.0', 'output.dense': 'ffn.layers.1'}}
_VIT = {
    'timm': {
        'cls_token': 'cls_token', 'pos_embed': 'pos_embed',
        'patch_embed.proj.weight': 'patch_embed.projection.weight',
        'patch_embed.proj.bias': 'patch_embed.projection.bias',
        'norm.weight': 'ln1.weight', 'norm.bias': 'ln1.bias'},
    'transformers': {
        'embeddings.cls_token': 'cls_token', 'embeddings.position_embeddings': 'pos_embed',
        'embeddings.patch_embeddings.projection.weight': 'patch_embed.projection.weight',
        'embeddings.patch_embeddings.projection.bias': 'patch_embed.projection.bias',
        'layernorm.weight': 'ln1.weight', 'layernorm.bias': 'ln1.bias'}}
_SWIN = {
    'timm': {'patch_embed.proj': 'patch_embed.projection', 'patch_embed.norm': 'patch_embed.norm'},
    'transformers': {'embeddings.patch_embeddings.projection': 'patch_embed.projection',
                     'embeddings.norm': 'patch_embed.norm'}}
_SWIN_BLOCK = {
    'timm': {
        'norm1': 'norm1', 'norm2': 'norm2', 'attn.qkv': 'attn.w_msa.qkv',
        'attn.proj': 'attn.w_msa.proj', 'mlp.fc1': 'ffn.layers.0.0', 'mlp.fc2': 'ffn.layers.1'},
    'transformers': {
        'layernorm_before': 'norm1', 'layernorm_after': 'norm2',
        'attention.self.qkv': 'attn.w_msa.qkv', 'attention.output.dense': 'attn.w_msa.proj',
        'intermediate.dense': 'ffn.layers.0.0', 'output.dense': 'ffn.layers.1'}}
_CONVNEXT_BLOCK = {
    'timm': {
        'conv_dw': 'depthwise_conv', 'norm': 'norm', 'mlp.fc1': 'pointwise_conv1',
        'mlp.fc2': 'pointwise_conv2'},
    'transformers': {
        'dwconv': 'depthwise_conv', 'layernorm': 'norm', 'pwconv1': 'pointwise_conv1',
        'pwconv2': 'pointwise_conv2'}}
# In mmguided, the prediction layer is in the head.
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


# A weight of the first block -> family, layout, and pattern of the stage and number of a block.
_KINDS = {
    'blocks.0.norm1.weight': ('vit', 'timm', r'blocks()\.(\d+)\.'),
    'encoder.layer.0.layernorm_before.weight': (
        'vit', 'transformers', r'encoder\.layer()\.(\d+)\.'),
    'layers.0.ln1.weight': ('vit', 'mmpretrain', r'layers()\.(\d+)\.'),
    'layers.0.blocks.0.norm1.weight': ('swin', 'timm', r'layers\.(\d+)\.blocks\.(\d+)\.'),
    'encoder.layers.0.blocks.0.layernorm_before.weight': (
        'swin', 'transformers', r'encoder\.layers\.(\d+)\.blocks\.(\d+)\.'),
    'stages.0.blocks.0.attn.w_msa.qkv.weight': (
        'swin', 'mmpretrain', r'stages\.(\d+)\.blocks\.(\d+)\.'),
    'stages.0.blocks.0.conv_dw.weight': (
        'convnextv2', 'timm', r'stages\.(\d+)\.blocks\.(\d+)\.'),
    'encoder.stages.0.layers.0.dwconv.weight': (
        'convnextv2', 'transformers', r'encoder\.stages\.(\d+)\.layers\.(\d+)\.'),
    'stages.0.0.depthwise_conv.weight': (
        'convnextv2', 'mmpretrain', r'stages\.(\d+)\.(\d+)\.')}
_DECODER_BLOCKS = {'timm': 'decoder_blocks', 'transformers': 'decoder.decoder_layers'}
# Heads, buffers that follow from the settings, and mask tokens.
_DROPPED = re.compile(r'(head\.(?!norm\.)|pre_logits\.|pooler\.|classifier\.)'
                      r'|.*(relative_position_index|attn_mask)$'
                      rf'|(embeddings\.)?{MASK_TOKENS}')
_FAMILIES = {'vit': 'a plain ViT with [CLS], a bias of qkv and a final norm', 'swin': 'a Swin V1',
             'convnextv2': 'a ConvNeXt V2'}


def _depths(names: Iterable[str], pattern: str) -> list[int]:
    """Number of blocks of each stage. The pattern has groups for the stage and the block."""
    depths: dict[int, int] = {}
    for match in filter(None, map(re.compile(pattern).match, names)):
        stage = int(match[1] or 0)
        depths[stage] = max(depths.get(stage, 0), int(match[2]) + 1)
    return [depths[stage] for stage in sorted(depths)] or [0]


def _weights(names: Mapping[str, str]) -> dict[str, str]:
    """Map names of weights and biases, from names of layers."""
    return {f'{theirs}.{kind}': f'{ours}.{kind}'
            for theirs, ours in names.items() for kind in ('weight', 'bias')}


def _blocks(theirs: str, ours: str, depth: int, block: Mapping[str, str] = _BLOCK['timm']
            ) -> dict[str, str]:
    return _weights({f'{theirs}.{i}.{layer}': f'{ours}.{i}.{name}'
                     for i in range(depth) for layer, name in block.items()})


def _prefixed(names: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {released: prefix + ours for released, ours in names.items()}


def _vit_names(layout: str, depths: list[int]) -> dict[str, str]:
    blocks = dict(timm='blocks', transformers='encoder.layer')[layout]
    return _VIT[layout] | _blocks(blocks, 'layers', depths[0], _BLOCK[layout])


def _swin_names(layout: str, depths: list[int]) -> dict[str, str]:
    stages, attention, norm = dict(timm=('layers', 'attn', 'norm'), transformers=(
        'encoder.layers', 'attention.self', 'layernorm'))[layout]
    last = len(depths) - 1
    names = _weights(_SWIN[layout] | {norm: f'norm{last}'})
    for i, depth in enumerate(depths):
        names |= _blocks(f'{stages}.{i}.blocks', f'stages.{i}.blocks', depth, _SWIN_BLOCK[layout])
        names |= {f'{stages}.{i}.blocks.{j}.{attention}.relative_position_bias_table':
                  f'stages.{i}.blocks.{j}.attn.w_msa.relative_position_bias_table'
                  for j in range(depth)}
        if i < last:  # timm merges patches at the start of the next stage
            owner = i + (layout == 'timm')
            names |= {f'{stages}.{owner}.downsample.{name}': f'stages.{i}.downsample.{name}'
                      for name in ('norm.weight', 'norm.bias', 'reduction.weight')}
    return names


def _convnextv2_names(layout: str, depths: list[int]) -> dict[str, str]:
    stem, stages, blocks, downsample, grn, norm = dict(
        timm=(('stem.0', 'stem.1'), 'stages', 'blocks', 'downsample', 'mlp.grn', 'head.norm'),
        transformers=(('embeddings.patch_embeddings', 'embeddings.layernorm'), 'encoder.stages',
                      'layers', 'downsampling_layer', 'grn', 'layernorm'))[layout]
    names = _weights({stem[0]: 'downsample_layers.0.0', stem[1]: 'downsample_layers.0.1',
                      norm: f'norm{len(depths) - 1}'})
    for i, depth in enumerate(depths):
        if i:
            names |= _weights({f'{stages}.{i}.{downsample}.{k}': f'downsample_layers.{i}.{k}'
                               for k in range(2)})
        names |= _blocks(f'{stages}.{i}.{blocks}', f'stages.{i}', depth, _CONVNEXT_BLOCK[layout])
        for j in range(depth):
            names |= {f'{stages}.{i}.{blocks}.{j}.{grn}.weight': f'stages.{i}.{j}.grn.gamma',
                      f'{stages}.{i}.{blocks}.{j}.{grn}.bias': f'stages.{i}.{j}.grn.beta'}
    return names


_NAMES = dict(vit=_vit_names, swin=_swin_names, convnextv2=_convnextv2_names)


def _decoder_names(layout: str, depth: int) -> dict[str, str]:
    """Names of MAE's decoder with its prediction layer."""
    prefix = dict(timm='', transformers='decoder.')[layout]
    names = _prefixed(_DECODER, 'neck.') | _prefixed(_PREDICTION, 'head.')
    return {prefix + theirs: ours for theirs, ours in names.items()} | _blocks(
        _DECODER_BLOCKS[layout], 'neck.decoder_blocks', depth, _BLOCK[layout])


def _released_names(state: Mapping, parts: tuple[str, ...]) -> dict[str, str]:
    """Map released names to mmguided names for ``parts``; read the depths from ``state``."""
    names = _prefixed(_vit_names('timm', _depths(state, r'blocks()\.(\d+)\.')), 'backbone.')
    if 'decoder' in parts:
        names |= _decoder_names('timm', *_depths(state, r'decoder_blocks()\.(\d+)\.'))
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
        depth, = _depths(state, rf'{part}\.{blocks}()\.(\d+)\.')
        return [*names.values(), *_blocks('', blocks, depth).values()]

    parts = dict(backbone=transformer('backbone', _VIT['timm'], 'layers'))
    if any(not name.startswith('backbone.') for name in state):
        # The target encoder has no final norm.
        parts |= dict.fromkeys(('projector', 'target_projector', 'head.predictor'), _MLP)
        parts['target_backbone'] = [
            name for name in transformer('target_backbone', _VIT['timm'], 'layers')
            if not name.startswith('ln1.')]
        parts |= {part: transformer(part, _DECODER, 'decoder_blocks') for part in _CMAE_HEADS}
    names = {f'{part}.{name}': f'{_CMAE_PARTS.get(part, part)}.{name}'
             for part, keys in parts.items() for name in keys}
    for part, head in _CMAE_HEADS.items():
        if part in parts:
            names |= {f'{part}.{name}': f'{head}.{name}' for name in _PREDICTION}
    return _rename(state, names, 'released CMAE')


def find_encoders(state: Mapping) -> list[tuple[str, str, str, str]]:
    """Prefix, family, layout and pattern of the blocks of each encoder in a state dict. The family
    is 'vit', 'swin' or 'convnextv2'; the layout is 'timm', 'transformers' or 'mmpretrain'."""
    found = [(name.removesuffix(key), *kind) for name in state for key, kind in _KINDS.items()
             if f'.{name}'.endswith(f'.{key}')]
    # The name of a block of ViTs is also the end of a name of Swin.
    return [encoder for encoder in found if not re.search(r'(layers|stages)\.\d+\.$', encoder[0])]


def encoder_from_any(state: Mapping, prefix: str | None = None) -> tuple[StateDict, dict]:
    """Convert a ViT, Swin or ConvNeXt V2 with the names of timm (for ViTs also those of DINO, MoCo
    v3 and MAE), transformers or mmpretrain (also ``MoCoV3ViT``).

    Classification and projection heads are dropped; MAE's decoder is kept.

    Args:
        state: State dict, or a dict of state dicts such as DINO's ``student`` and ``teacher``.
        prefix: Prefix of the encoder's weights; None finds it if there is one encoder.

    Returns:
        ``backbone.*`` weights (with a decoder also ``neck.*`` and ``head.*``), and the settings of
        the backbone that can be read from the weights. Missing are the epsilon of the norms,
        ``arch.num_heads`` of a ViT, and ``img_size`` of a Swin or ConvNeXt V2. ``img_size`` of a
        ViT is that of a square image, or None if the grid is not square.
    """
    state = {f'{part}.{name}' if name else part: value for part, values in state.items()
             for name, value in (values.items() if isinstance(values, Mapping) else
                                 [('', values)])}
    found = find_encoders(state)
    if prefix is None and len(found) > 1:
        raise ConfigError('prefix=None: the checkpoint has several encoders '
                          f'({", ".join(encoder[0] for encoder in found)}). Give the prefix of one '
                          'of them.')
    prefix, family, layout, pattern = next(
        (encoder for encoder in found if prefix in (None, encoder[0])),
        (prefix or '', *_KINDS['blocks.0.norm1.weight']))
    state = _of_current_version(state, prefix)
    theirs = {name.removeprefix(prefix): value for name, value in state.items()
              if name.startswith(prefix)}
    theirs = {name: value for name, value in theirs.items() if not _DROPPED.match(name)}
    depths = _depths(theirs, pattern)
    if layout == 'mmpretrain':
        names = {name: name for name in _NAMES[family]('timm', depths).values()}
    else:
        names = _NAMES[family](layout, depths)
    if family == 'convnextv2':  # FCMAE has no final norm
        names = {name: ours for name, ours in names.items()
                 if name in theirs or not ours.startswith('norm')}
    names, decoder = _prefixed(names, 'backbone.'), {}
    if layout != 'mmpretrain' and any(name.endswith('decoder_embed.weight') for name in state):
        decoder = _decoder_names(layout, *_depths(
            state, re.escape(_DECODER_BLOCKS[layout]) + r'()\.(\d+)\.'))
        theirs |= {name: state[name] for name in decoder if name in state}
    converted = _rename(theirs, names | decoder, _FAMILIES[family])
    if layout != 'mmpretrain':
        converted = {name: _reordered(name, value, (2, 2, -1)) for name, value in converted.items()}
    settings = _settings(converted, family, depths)
    if family == 'swin':
        index = _relative_position_index(settings['window_size'])
        converted |= {f'backbone.stages.{i}.blocks.{j}.attn.w_msa.relative_position_index': index
                      for i, depth in enumerate(depths) for j in range(depth)}
    elif family == 'convnextv2':
        norm, width = f'backbone.norm{len(depths) - 1}', settings['arch']['channels'][-1]
        converted = {f'{norm}.weight': torch.ones(width), f'{norm}.bias': torch.zeros(width),
                     **converted}
    return converted, settings


def _of_current_version(state: StateDict, prefix: str) -> StateDict:
    """Rename the weights of older versions of timm and transformers, and join query, key and value
    as one weight."""
    state = {name.replace('decoder.decoder_encoder.layer.', 'decoder.decoder_layers.'): value
             for name, value in state.items()}
    for name in [name for name in state if re.search(r'\.query\.(weight|bias)$', name)]:
        head, _, kind = name.rpartition('.query.')
        state[f'{head}.qkv.{kind}'] = torch.cat(
            [state.pop(f'{head}.{part}.{kind}') for part in ('query', 'key', 'value')])
    if f'{prefix}layers.0.downsample.norm.weight' in state:  # the order of old versions of timm
        state = {re.sub(r'layers\.(\d+)\.downsample', lambda match:
                        f'layers.{int(match[1]) + 1}.downsample', name): value
                 for name, value in state.items()}
    return state


def _reordered(name: str, value: Tensor, inner: tuple[int, ...]) -> Tensor:
    """Convert a weight between the orders of mmpretrain and of the toolkits.

    mmpretrain merges the 2 x 2 patches of Swin by channel, ``inner=(-1, 2, 2)``; timm and
    transformers merge by position, columns first, ``inner=(2, 2, -1)``. GRN's weights of
    transformers have the shape (1, 1, 1, C).
    """
    if '.downsample.' in name:
        return value.unflatten(-1, inner).transpose(-1, -3).flatten(-3).contiguous()
    return value.flatten() if '.grn.' in name else value


def _relative_position_index(side: int) -> Tensor:
    """Index of Swin's bias table for each pair of positions of a window,
    ``(side**2, side**2)``."""
    places = torch.arange(side**2)
    row, column = places // side, places % side
    return ((row.unsqueeze(1) - row + side - 1) * (2 * side - 1)
            + column.unsqueeze(1) - column + side - 1)


def _settings(state: Mapping[str, Tensor], family: str, depths: list[int]) -> dict:
    """Settings of the backbone that its weights show."""
    if family == 'convnextv2':
        stem = state['backbone.downsample_layers.0.0.weight']
        widths = [len(state[f'backbone.stages.{i}.0.norm.weight']) for i in range(len(depths))]
        return dict(type='mmguided.MaskedConvNeXt', arch=dict(depths=depths, channels=widths),
                    in_channels=stem.shape[1], stem_patch_size=stem.shape[-1], use_grn=True,
                    layer_scale_init_value=0.)
    width, channels, patch_size, _ = state['backbone.patch_embed.projection.weight'].shape
    if family == 'swin':
        tables = [state[f'backbone.stages.{i}.blocks.0.attn.w_msa.relative_position_bias_table']
                  for i in range(len(depths))]
        return dict(
            type='mmguided.MaskedSwin',
            arch=dict(embed_dims=width, depths=depths, num_heads=[t.shape[1] for t in tables]),
            in_channels=channels, patch_size=patch_size, out_indices=(len(depths) - 1, ),
            window_size=(math.isqrt(len(tables[0])) + 1) // 2, mask_stages=())
    positions = state['backbone.pos_embed'].shape[1] - 1
    side = math.isqrt(positions)
    return dict(
        type='mmguided.MaskedViT',
        arch=dict(embed_dims=width, num_layers=depths[0], feedforward_channels=len(
            state['backbone.layers.0.ffn.layers.0.0.weight'])),
        in_channels=channels, img_size=side * patch_size if side**2 == positions else None,
        patch_size=patch_size)


def check_image_size(state: Mapping[str, Tensor], settings: Mapping) -> None:
    """Raise ConfigError unless a ViT has a position for [CLS] and one for each patch.

    Args:
        state: Result of :func:`encoder_from_any`.
        settings: Settings of the backbone.
    """
    if 'backbone.pos_embed' not in state:
        return
    positions, size = state['backbone.pos_embed'].shape[1], settings['img_size']
    if size is None or positions != 1 + math.prod(
            side // settings['patch_size'] for side in to_2tuple(size)):
        raise ConfigError(
            f'model.backbone.img_size={size}: pos_embed has {positions} positions, not one for '
            '[CLS] and those of an image of this size. Set model.backbone.img_size=(HEIGHT,WIDTH) '
            'of pretraining, or use another checkpoint.')


def encoder_to(layout: str, state: Mapping[str, Tensor], decoder: bool = False) -> StateDict:
    """Convert the encoder of an mmguided checkpoint to the names of another toolkit.

    Args:
        layout: 'mmpretrain' (without a prefix), 'timm' (a model with ``num_classes=0``) or
            'transformers' (a model without a pooler).
        state: State dict with ``backbone.*`` keys.
        decoder: Also convert MAE's decoder; the result is transformers' ``ViTMAEForPreTraining``.

    Raises:
        ConfigError: If the layout has no such encoder.
    """
    ours = {name.removeprefix('backbone.'): value for name, value in state.items()
            if name.startswith('backbone.')}
    if layout == 'mmpretrain':
        return ours
    found = [encoder for encoder in find_encoders(ours) if encoder[0] == '']
    if not found or any(name.startswith('patch_embed.stages') for name in ours):
        raise ConfigError(f'format={layout!r}: not available for this encoder. Choose '
                          "'onnx' or 'torch'.")
    _, family, _, pattern = found[0]
    ours = {name: _reordered(name, value, (-1, 2, 2)) for name, value in ours.items()
            if not _DROPPED.match(name)}
    depths = _depths(ours, pattern)
    names, what = _NAMES[family](layout, depths), _FAMILIES[family]
    if decoder:
        parts = {name: value for name, value in state.items()
                 if name.startswith(('neck.', 'head.'))}
        names = {f'vit.{theirs}': name for theirs, name in names.items()} | _decoder_names(
            layout, *_depths(parts, r'neck\.decoder_blocks()\.(\d+)\.'))
        ours, what = ours | parts, f'{what} and the decoder of MAE'
    converted = _rename(ours, {name: theirs for theirs, name in names.items()}, what)
    if layout == 'timm':
        return converted
    split = {}
    for name, value in converted.items():
        head, qkv, kind = name.partition('.qkv.')
        if qkv:
            split |= {f'{head}.{part}.{kind}': weight.contiguous() for part, weight in zip(
                ('query', 'key', 'value'), value.chunk(3), strict=True)}
        else:
            split[name] = value.view(1, 1, 1, -1) if '.grn.' in name else value
    return split


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
