"""MaskedImageModel: matching parts, checkpoints, number of encoder passes."""
import copy

import pytest
import torch
from mmengine.runner import load_checkpoint

import tests.helpers.cmt_mae  # noqa: F401
from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError
from tests.helpers.models import SMALL, build, cmae, total
from tests.helpers.online import SWIN
from tests.helpers.paths import ROOT

ATTENTION = dict(type='mmguided.ClsAttention', source='momentum', layers=[0])
TOPK = dict(type='mmguided.MaskGenerator', sampling=dict(type='mmguided.TopKSampling'))
OLD = ['ccmim', 'cmae', 'cmae_shared', 'conditional_mae', 'simmim', 'fcmae']


@pytest.fixture(scope='module')
def saved():
    """Models saved before prediction layers moved to the heads, with losses of a seeded batch and
    features."""
    models = torch.load(ROOT / 'tests/data/before_redesign.pt', weights_only=True)
    assert list(models) == OLD
    return models


def in_new_words(cfg):
    """Convert the config of an older model."""
    cfg = copy.deepcopy(cfg)
    cfg['mask_generator']['type'] = 'mmguided.MaskGenerator'
    if cfg['type'] == 'mmguided.CMAE':
        cfg['feature_head'] = dict(type='mmguided.PredictionHead')
        if cfg['feature_decoder']['type'] == 'mmguided.SharedDecoder':
            cfg['feature_head']['block'] = cfg['feature_decoder']['depth']
            cfg['feature_decoder'] = None
    if cfg['neck']['type'] == 'mmguided.LinearDecoder':
        cfg['neck'] = None
    if cfg.get('shot_weights') == 'ratio':  # of patches at that time: 8 of 16, then 2 of 8
        cfg['shot_weights'] = (.5 * 8, .25 * 2)
    if cfg['head'].pop('order', 2) == 1:
        cfg['head']['loss'] = 'l1'
    return cfg


@pytest.mark.parametrize('name', OLD)
def test_checkpoints_made_before_the_redesign_give_the_same(saved, name, tmp_path):
    old = saved[name]
    model = MODELS.build(in_new_words(old['config'])).train()
    torch.save(dict(state_dict=old['state_dict'], meta={}), tmp_path / 'old.pth')
    load_checkpoint(model, str(tmp_path / 'old.pth'), strict=True)
    size = 64 if name == 'fcmae' else 32
    images = torch.randn(4, 3, size, size, generator=torch.Generator().manual_seed(11))
    torch.manual_seed(5)
    losses = model.loss([images, images.flip(-1)] if model.num_views == 2 else images)
    assert losses.keys() >= old['losses'].keys()
    for key, value in old['losses'].items():
        torch.testing.assert_close(losses[key], value, rtol=1e-5, atol=1e-6, msg=key)
    model.load_state_dict(old['state_dict'])
    features = model.eval().backbone(images)[-1][:1]
    torch.testing.assert_close(features, old['features'], rtol=1e-5, atol=1e-6)
    if name == 'ccmim':
        assert model.clock.epoch == 2.5


def test_a_whole_model_loads_below_a_prefix_too():
    """Renaming and EMA completion work with a prefix, as inside a wrapper."""
    source = cmae()
    state = {f'module.{k.replace("head.decoder_pred", "neck.decoder_pred")}': v
             for k, v in source.state_dict().items()
             if not k.startswith(('momentum_encoder', 'feature_head'))}
    state |= {f'module.feature_decoder.{k.removeprefix("feature_head.")}': v
              for k, v in source.state_dict().items() if k.startswith('feature_head')}
    wrapper = torch.nn.Module()
    wrapper.module = cmae()
    wrapper.load_state_dict(state, strict=True)
    weight = wrapper.module.momentum_encoder.encoder.layers[0].attn.qkv.weight
    assert torch.equal(weight, source.backbone.layers[0].attn.qkv.weight)


@pytest.mark.parametrize('parts, said', [
    (dict(neck=None), 'neck=None.*MaskedViT'),
    (dict(neck=dict(type='mmguided.ConvNeXtDecoder', embed_dims=8)),
     'ConvNeXtDecoder: .*MaskedViT'),
    (dict(backbone=SWIN), 'MAEDecoder: .*MaskedSwin'),
    (dict(backbone=SWIN, neck=None, mask_generator=dict(
        type='mmguided.MaskGenerator', shots=[(0, .5), (1, .5)])),
     r'mask_stages=\(0,\): .*stage 1'),
    (dict(target_generator=dict(type='mmguided.FeatureTarget')),
     "target_generator.source='momentum'"),
    (dict(target_generator=dict(type='mmguided.FeatureTarget', source='student')),
     "target_generator.source='student'"),
    (dict(teacher=dict(type='mmguided.LinearTeacher')), 'model.teacher: .*teacher=None'),
    *((dict(teacher=dict(type='mmguided.LinearTeacher'), data_preprocessor=dict(
        type='SelfSupDataPreprocessor', **order)), 'to_rgb=False')
      for order in (dict(to_rgb=False), dict())),  # False is the default
    (dict(backbone=SWIN, neck=None, momentum_encoder=dict(type='mmguided.MomentumEncoder')),
     'MaskedSwin: .*tokens'),
    (dict(momentum_encoder=dict(type='mmguided.MomentumEncoder')),
     "momentum_encoder: .*momentum_encoder=None"),
    (dict(head=dict(type='mmguided.ReconstructionHead', block=1), neck=dict(
        type='mmguided.MAEDecoder', embed_dims=16, depth=2, num_heads=2)),
     'head.block=1: .*neck.depth=1'),
    (dict(backbone=dict(SWIN, mask_stages=(0, 1)), neck=None),
     r'mask_stages=\(0, 1\): .*stage 1'),
    (dict(mask_generator=dict(TOPK, guidance=dict(ATTENTION, layers=1))),
     'guidance.layers=1'),
])
def test_parts_that_do_not_fit_are_told_when_the_model_is_built(parts, said):
    with pytest.raises(ConfigError, match=said):
        build('MAE', SMALL, **parts)


def test_a_shot_of_nothing_needs_no_mask_token():
    model = build('MAE', SMALL, backbone=SWIN, neck=None, mask_generator=dict(
        type='mmguided.MaskGenerator', shots=[(0, .5), (1, 0)]))
    assert torch.isfinite(total(model.loss(torch.randn(2, 3, 32, 32))))


@pytest.mark.parametrize('layers, source, target, passes', [
    ([-1], 'momentum', 'FeatureTarget', dict(student=[1, 1, 1], momentum=[1, 1, 1])),
    ([0], 'momentum', 'FeatureTarget', dict(student=[1, 1, 1], momentum=[1, 1, 1])),
    ([0], 'momentum', 'PixelTarget', dict(student=[1, 1, 1], momentum=[1, 0, 0])),
    ([-1], 'momentum', 'PixelTarget', dict(student=[1, 1, 1], momentum=[1, 1, 0])),
    ([0], 'student', 'FeatureTarget', dict(student=[2, 1, 1], momentum=[1, 1, 1])),
    ([-1], 'student', 'PixelTarget', dict(student=[2, 2, 1])),
])
def test_one_pass_of_each_encoder_no_deeper_than_asked(layers, source, target, passes):
    """Count calls of the patch embedding and of each MLP: one pass per encoder, which ends at the
    attention of its deepest requested layer."""
    guidance = dict(type='mmguided.ClsAttention', source=source, layers=layers)
    model = build(
        'MAE', SMALL, momentum_encoder='momentum' in passes and dict(
            type='mmguided.MomentumEncoder') or None,
        mask_generator=dict(TOPK, guidance=guidance),
        target_generator=dict(type=f'mmguided.{target}'))
    encoders = {name: model.encoders[name] for name in passes}
    counts = {name: [0, 0, 0] for name in encoders}
    for name, encoder in encoders.items():
        modules = [encoder.patch_embed, *(layer.ffn for layer in encoder.layers)]
        for i, module in enumerate(modules):
            def count(*args, name=name, i=i):
                counts[name][i] += 1
            module.register_forward_hook(count)
    losses = model.loss(torch.randn(4, 3, 32, 32))
    total(losses).backward()
    assert counts == passes and losses['topk_overlap'] == 1


def test_a_guidance_that_is_not_due_costs_no_pass():
    model = build('MAE', SMALL, momentum_encoder=dict(type='mmguided.MomentumEncoder'),
                  mask_generator=dict(TOPK, guidance=ATTENTION, schedule=dict(begin=3)))
    model.momentum_encoder.encoder.observe = lambda *args: pytest.fail('observed too early')
    model.loss(torch.randn(2, 3, 32, 32))
    model.clock.set(3)
    with pytest.raises(pytest.fail.Exception):
        model.loss(torch.randn(2, 3, 32, 32))


def test_a_momentum_encoder_starts_as_the_initialized_encoder():
    model = build('MAE', SMALL, momentum_encoder=dict(type='mmguided.MomentumEncoder'),
                  target_generator=dict(type='mmguided.FeatureTarget'))
    model.init_weights()
    state = model.momentum_encoder.encoder.state_dict()
    assert all(torch.equal(value, state[k]) for k, value in model.backbone.state_dict().items())


@pytest.mark.parametrize('parts, refused', [
    (dict(), False),
    (dict(mask_generator=dict(TOPK, guidance=dict(ATTENTION, source='student'))), False),
    (dict(mask_generator=dict(TOPK, guidance=dict(ATTENTION, source='student'),
                              schedule=dict(begin=1))), True),
    (dict(momentum_encoder=dict(type='mmguided.MomentumEncoder'),
          target_generator=dict(type='mmguided.FeatureTarget')), True),
])
def test_a_model_whose_clock_nobody_moves_refuses_to_train(parts, refused):
    model, images = build('MAE', SMALL, **parts), torch.randn(2, 3, 32, 32)
    if refused:
        with pytest.raises(ConfigError, match='model.clock: .*ClockHook'):
            model(images, mode='loss')
        model.clock.set(0, max_epochs=2)
    assert torch.isfinite(total(model(images, mode='loss')))
    model.clock.max_epochs = None
    model.eval()(images, mode='loss')  # a measurement, not training
