"""Converters: parity with timm, no lost key, renaming of older checkpoints."""
import re

import pytest
import torch
from mmpretrain.models import MoCoV3ViT

from mmguided.registry import MODELS
from mmguided.utils.converters import (
    check_image_size,
    cmae_from_released,
    encoder_from_any,
    encoder_to,
    from_older_version,
    mae_from_released,
)
from mmguided.utils.errors import ConfigError
from tests.helpers.encoders import build_timm_vit
from tests.helpers.exchange import OURS, SIDE, TIMM, last_map, timm_features, trained
from tests.helpers.models import released_state


@pytest.mark.parametrize('family', OURS)
def test_timm_computes_the_same_and_the_way_back_is_exact(family):
    ours, theirs = trained(family), TIMM[family]().eval()
    state = {f'backbone.{k}': v for k, v in ours.state_dict().items()}
    theirs.load_state_dict(encoder_to('timm', state | {'neck.x': torch.zeros(1)}), strict=True)
    images = torch.randn(2, 3, SIDE[family], SIDE[family])
    torch.testing.assert_close(timm_features(family, theirs, images),
                               last_map(family, ours, images), rtol=1e-4, atol=1e-5)
    back, settings = encoder_from_any(theirs.state_dict())
    state.pop('backbone.mask_token', None)
    assert back.keys() == state.keys() and all(torch.equal(back[k], state[k]) for k in state)
    if family == 'vit':
        settings['arch']['num_heads'] = 2
        released = mae_from_released(theirs.state_dict())
        assert released.keys() == state.keys()
    rebuilt = MODELS.build(settings | dict(img_size=SIDE[family]))
    rebuilt.eval()
    rebuilt.load_state_dict({k.removeprefix('backbone.'): v for k, v in back.items()}, strict=True)
    assert torch.equal(last_map(family, rebuilt, images), last_map(family, ours, images))


@pytest.mark.parametrize('family', OURS)
def test_transformers_round_trip_is_exact(family):
    """tests/test_tools/test_export.py compares with the models of transformers, if installed."""
    state = {f'backbone.{k}': v for k, v in trained(family).state_dict().items()
             if k != 'mask_token'}
    theirs = encoder_to('transformers', state)
    assert not any('qkv' in name or 'ffn' in name for name in theirs)
    back, _ = encoder_from_any({f'model.{name}': value for name, value in theirs.items()})
    assert back.keys() == state.keys() and all(torch.equal(back[k], state[k]) for k in state)


def test_fcmae_of_timm_has_no_final_norm():
    state = {name: value for name, value in TIMM['convnextv2']().state_dict().items()
             if not name.startswith('head.norm')}
    back, _ = encoder_from_any(state)
    assert torch.equal(back['backbone.norm3.weight'], torch.ones(16))
    assert torch.equal(back['backbone.norm3.bias'], torch.zeros(16))


def test_order_of_older_versions_of_timm():
    """The patches were merged at the end of a stage, and buffers were saved."""
    state = TIMM['swin']().state_dict()
    older = {re.sub(r'layers\.(\d)\.downsample', lambda match:
                    f'layers.{int(match[1]) - 1}.downsample', name): value
             for name, value in state.items()}
    older['layers.0.blocks.0.attn.relative_position_index'] = torch.zeros(16, 16)
    back, expected = encoder_from_any(older)[0], encoder_from_any(state)[0]
    assert back.keys() == expected.keys()
    assert all(torch.equal(back[name], expected[name]) for name in back)


def moco():
    """mmpretrain's ViT of MoCo v3 with fixed positions, of the size of `build_timm_vit`."""
    arch = dict(embed_dims=32, num_layers=3, num_heads=2, feedforward_channels=128)
    model = MoCoV3ViT(arch=arch, img_size=32, patch_size=8, out_type='raw')
    model.init_weights()
    return model


@pytest.mark.parametrize('build, layout, prefix', [
    (build_timm_vit, lambda state: state | {'head.weight': torch.zeros(5, 32)}, None),
    (build_timm_vit, lambda state: {  # DINO
        'epoch': 100, 'student': {f'module.backbone.{k}': 0 * v for k, v in state.items()},
        'teacher': {f'backbone.{k}': v for k, v in state.items()}}, 'teacher.backbone.'),
    (build_timm_vit, lambda state: {  # MoCo v3
        **{f'module.base_encoder.{k}': v for k, v in state.items()},
        'module.base_encoder.head.0.weight': torch.zeros(5, 32),
        'module.predictor.0.weight': torch.zeros(5, 5)}, None),
    (moco, lambda state: {f'backbone.{k}': v for k, v in state.items()} | {
        'neck.fc0.weight': torch.zeros(5, 32)}, None)])
def test_encoders_of_others_compute_the_same(build, layout, prefix):
    theirs = build()
    theirs.eval()  # returns None for MoCoV3ViT
    for parameter in theirs.parameters():
        parameter.data += .1 * torch.randn_like(parameter)
    state, settings = encoder_from_any(layout(theirs.state_dict()), prefix)
    settings['arch']['num_heads'] = 2
    assert (settings['img_size'], settings['patch_size']) == (32, 8)
    ours = MODELS.build(settings).eval()
    ours.load_state_dict({k.removeprefix('backbone.'): v for k, v in state.items()}, strict=True)
    images = torch.randn(2, 3, 32, 32)
    expected = theirs(images)
    torch.testing.assert_close(ours(images)[0], expected if torch.is_tensor(expected)
                               else expected[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('options, said', [
    (dict(class_token=False), r'1 missing keys \(cls_token\)'),
    (dict(reg_tokens=2), r'1 unexpected keys \(reg_token\)'),
    (dict(init_values=.1), 'blocks.0.ls1.gamma'), (dict(qkv_bias=False), 'attn.qkv.bias'),
    (dict(qk_norm=True), 'attn.q_norm.weight'), (dict(pre_norm=True), 'norm_pre.weight'),
    (dict(final_norm=False), r'2 missing keys \(norm.bias, norm.weight\)')])
def test_other_vits_are_refused(options, said):
    with pytest.raises(ConfigError, match=said):
        encoder_from_any(build_timm_vit(**options).state_dict())


@pytest.mark.parametrize('options, size, fits', [
    ({}, None, True), (dict(img_size=(32, 64)), None, False),
    (dict(img_size=(32, 64)), (32, 64), True), (dict(img_size=(32, 64)), (32, 48), False),
    (dict(no_embed_class=True), 32, False)])
def test_size_of_images_that_are_not_square(options, size, fits):
    state, settings = encoder_from_any(build_timm_vit(**options).state_dict())
    if size:
        settings['img_size'] = size
    if fits:
        check_image_size(state, settings)
    else:
        positions = len(state['backbone.pos_embed'][0])
        with pytest.raises(ConfigError, match=rf'^model.backbone.img_size={re.escape(str(size))}: '
                           f'pos_embed has {positions} positions.*HEIGHT,WIDTH'):
            check_image_size(state, settings)


def test_several_encoders_need_a_prefix():
    state = moco().state_dict()
    both = {f'{prefix}{k}': v for prefix in ('backbone.', 'momentum_encoder.module.0.')
            for k, v in state.items()}
    with pytest.raises(ConfigError, match=r'backbone\., momentum_encoder\.module\.0\.'):
        encoder_from_any(both)
    assert len(encoder_from_any(both, 'backbone.')[0]) == len(state)


@pytest.mark.parametrize('change, said', [
    (lambda state: state.pop('blocks.1.mlp.fc2.bias'), r'1 missing keys \(blocks.1.mlp.fc2.bias\)'),
    (lambda state: state.update(head=torch.zeros(1)), r'1 unexpected keys \(head\)'),
    (lambda state: state.update(mask_token=torch.zeros(1)), 'missing keys .decoder_embed.bias'),
    (lambda state: state.clear(), 'missing keys'),
])
def test_half_or_foreign_checkpoints_are_refused(change, said):
    state = build_timm_vit().state_dict()
    change(state)
    with pytest.raises(ConfigError, match=said):
        mae_from_released(state)


@pytest.fixture
def released_cmae(golden):
    """Weights of the released CMAE. The parity test loads all of them."""
    return released_state(golden('cmae')[0])


def test_the_encoder_of_cmae_alone(released_cmae):
    encoder = {k: v for k, v in released_cmae.items() if k.startswith('backbone.')}
    assert cmae_from_released(encoder).keys() == encoder.keys()


@pytest.mark.parametrize('dropped', [
    'head.predictor.fc1.weight', 'target_backbone.layers.1.ln1.bias',
    'feature_decoder.decoder_blocks.0.ln2.weight', 'pixel_decoder.decoder_pred.bias'])
def test_cmae_without_a_key_is_refused(released_cmae, dropped):
    del released_cmae[dropped]
    with pytest.raises(ConfigError, match=f'1 missing keys .{dropped}'):
        cmae_from_released(released_cmae)


# Names of parts that are where they were, and some that only look like those that moved.
STAYING = (
    'backbone.cls_token', 'backbone.layers.0.ln1.weight', 'neck.mask_token', 'neck.ln1.bias',
    'neck.decoder_blocks.0.ln1.weight', 'head.decoder_pred.weight', 'feature_head.norm.bias',
    'clock.epochs', 'momentum_encoder.encoder.cls_token', 'projector.bn0.running_mean',
    'contrast_head.predictor.fc0.weight', 'decoder_pred.weight', 'neck.decoder_predictor.weight',
    'my.neck.decoder_pred.weight', 'feature_decoder.decoder_embed.weight',
    'feature_decoder.decoder_blocks.0.ln1.weight', 'feature_decoder.ln1.weight',
    'mask_generator.schedule.epochs', 'mask_generator.guidance.schedule.epoch',
    'my.mask_generator.schedule.epoch')
# Old name -> new one.
MOVED = {
    'neck.decoder_pred.weight': 'head.decoder_pred.weight',
    'neck.decoder_pred.bias': 'head.decoder_pred.bias',
    'feature_decoder.decoder_pred.weight': 'feature_head.decoder_pred.weight',
    'feature_decoder.decoder_pred.bias': 'feature_head.decoder_pred.bias',
    'mask_generator.schedule.epoch': 'clock.epochs',
    'mask_generator.generators.1.schedule.epoch': 'clock.epochs',
    'target_mask_generator.schedule.epoch': 'clock.epochs',
}


def renamed(names, prefix=''):
    """Map old names to new names."""
    state = {name: torch.tensor(i) for i, name in enumerate(names)}
    old = dict(state)
    from_older_version(state, prefix)
    assert len(state) == len(old)
    return {name: next(new for new, v in state.items() if v is value)
            for name, value in old.items()}


@pytest.mark.parametrize('prefix', ['', 'model.'])
def test_weights_of_an_older_version_get_their_place(prefix):
    for old, new in MOVED.items():
        staying = [prefix + name for name in STAYING if name != new]
        staying += [f'my.{prefix}{old}', f'my_{prefix}{old}']  # without the prefix
        assert renamed([*staying, prefix + old], prefix) == {
            **{name: name for name in staying}, prefix + old: prefix + new}
    # A feature decoder without its own embedding shared the blocks of the neck.
    norm = f'{prefix}feature_decoder.ln1.weight'
    assert renamed([norm], prefix) == {norm: f'{prefix}feature_head.norm.weight'}
