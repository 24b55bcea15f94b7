"""CMAE: gradient flow, widths, variants, checkpoints, errors."""
import pytest
import torch
from mmengine.runner import load_checkpoint

from mmguided.models import MaskGenerator
from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError
from tests.helpers.models import (
    CMAE_NCE,
    CMAE_SMALL,
    FEATURES,
    REMOVED_BY_BATCH_NORM,
    build,
    cls_attention,
    cmae,
    grad_norms,
    gradients_in_two_precisions,
    make_mask,
    total,
    views,
)

PREDICTOR = CMAE_NCE['predictor']


@pytest.mark.parametrize('decoder', FEATURES)
def test_gradients_flow_where_they_should(decoder):
    """All online parameters get gradients in float32 and bfloat16; target parameters get none."""
    exact, coarse = gradients_in_two_precisions(cmae(decoder), views(), REMOVED_BY_BATCH_NORM)
    assert not any(k.startswith(('momentum_encoder', 'target_projector')) for k in exact)
    for name, norm in exact.items():
        assert norm > 1e-6, name
        # Few images and a low temperature magnify rounding; a lost gradient is another thing.
        assert norm / 3 < coarse[name] + 1e-3 and coarse[name] < 3 * norm + 1e-3, name


def test_the_two_losses_reach_what_the_paper_draws():
    """The contrast does not reach the pixel decoder, except shared blocks, and vice versa."""
    for decoder, shared in (('own', set()), ('shared', {
            'decoder_embed', 'mask_token', 'decoder_blocks.0', 'decoder_blocks.1'})):
        model = cmae(decoder)
        model.loss(views())['loss_contrast'].backward()
        reached = grad_norms(model)
        pixel = {k.removeprefix('neck.') for k in reached if k.startswith('neck.')}
        assert all(any(k.startswith(s) for s in shared) for k in pixel), pixel
        assert bool(pixel) == bool(shared)
        assert any(k.startswith('backbone.') for k in reached)
        model.zero_grad()
        model.loss(views())['loss_reconstruction'].backward()
        assert not any(k.startswith(('feature', 'projector', 'contrast'))
                       for k in grad_norms(model))


def test_shared_blocks_run_once_and_give_what_a_copy_would():
    model, batch = cmae('shared'), views()
    calls = []
    for block in model.neck.decoder_blocks:
        block.register_forward_hook(lambda *args: calls.append(1))
    torch.manual_seed(3)
    mask, _ = make_mask(model, batch[0])
    latent = model.backbone(batch[0], mask)
    feature = model._feature(latent, model.decode(latent, mask), mask)
    assert len(calls) == 3
    copy = MODELS.build(
        dict(type='mmguided.MAEDecoder', in_dims=32, grid=(4, 4), embed_dims=16, depth=2,
             num_heads=2))
    state = {k: v for k, v in model.neck.state_dict().items() if k in copy.state_dict()}
    norm = {f'ln1.{k}': v for k, v in model.feature_head.norm.state_dict().items()}
    copy.load_state_dict(state | norm, strict=True)
    pred = model.feature_head.decoder_pred(copy(latent, mask)[-1])
    torch.testing.assert_close(pred.mean(1), feature)


def test_without_feature_decoder_the_visible_latents_are_averaged():
    model, batch = cmae('none'), views()
    mask, _ = make_mask(model, batch[0])
    latent = model.backbone(batch[0], mask)
    feature = model._feature(latent, model.decode(latent, mask), mask)
    torch.testing.assert_close(feature, latent[:, 1:].mean(1))


def test_a_step_with_all_widths_different_and_the_ema_of_encoder_and_projector():
    width, img, patch = 48, 56, 14
    model = cmae(geometry=dict(img=img, patch=patch, dim=width, heads=6))
    assert model.head.decoder_pred.out_features == 3 * patch**2 != width
    assert model.feature_head.decoder_pred.out_features == width
    assert model.projector.fc0.in_features == model.target_projector.fc0.in_features == width
    pairs = [(model.momentum_encoder.encoder, model.backbone),
             (model.target_projector, model.projector)]
    starts = [{k: p.clone() for k, p in target.named_parameters()} for target, _ in pairs]
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    total(model.loss(views(2, img, img))).backward()
    optimizer.step()
    model.momentum_encoder.update(.5)
    for (target, source), start in zip(pairs, starts, strict=True):
        for name, parameter in target.named_parameters():
            online = source.get_parameter(name)
            torch.testing.assert_close(parameter, .5 * start[name] + .5 * online, msg=name)
            assert not online.requires_grad or not torch.equal(online, start[name])


def test_target_sees_all_patches_or_what_its_mask_leaves():
    model, batch = cmae(), views()
    seen = []
    layer = model.momentum_encoder.encoder.layers[0]
    layer.register_forward_hook(lambda module, args, output: seen.append(args[0].shape[1]))
    model.loss(batch)
    model.target_mask_generator = MaskGenerator(mask_ratio=.25)
    model.loss(batch)
    assert seen == [17, 13]
    with pytest.raises(ConfigError, match='keeps 0 of 16'):
        cmae(target_mask_generator=dict(type='mmguided.MaskGenerator', mask_ratio=.99))


def test_byol_form_and_non_square_images_and_guidance_by_the_target():
    """Config variants: no negatives, 32 x 64 images, masks from the momentum encoder."""
    model = cmae(
        geometry=dict(img=(32, 64)),
        contrast_head=dict(type='mmguided.CosineHead', predictor=PREDICTOR, loss_weight=2.),
        mask_generator=dict(
            type='mmguided.MaskGenerator',
            sampling=dict(type='mmguided.TopKSampling'),
            guidance=dict(type='mmguided.ClsAttention', source='momentum', layers=[-1])),
        momentum_encoder=dict(type='mmguided.MomentumEncoder'))
    images = views(6, 32, 64)
    with torch.no_grad():  # so that the two encoders would mask differently
        for parameter in model.momentum_encoder.parameters():
            parameter.add_(.1 * torch.randn_like(parameter))
    mask, _ = make_mask(model, images[0])
    scores = cls_attention(model.momentum_encoder.encoder, images[0], [-1])[0]
    assert torch.equal(mask.mask, (scores.argsort(1).argsort(1) >= 8).float())
    losses = model.loss(images)
    assert 0 < losses['loss_contrast'] < 4 and losses['topk_overlap'] == 1


@pytest.mark.parametrize('missing', [
    (), ('momentum_encoder.', 'target_projector.'), ('target_projector.', )])
@pytest.mark.parametrize('way', ['load_state_dict', 'init_cfg'])
def test_what_a_checkpoint_lacks_of_the_target_starts_as_what_it_follows(missing, way, tmp_path):
    saved = cmae()
    with torch.no_grad():  # so that target and online differ
        for parameter in saved.parameters():
            parameter.add_(torch.randn_like(parameter))
    state = {k: v for k, v in saved.state_dict().items() if not (missing and k.startswith(missing))}
    torch.save(dict(state_dict=state, meta={}), tmp_path / 'saved.pth')
    if way == 'init_cfg':
        model = cmae(init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'saved.pth')))
    else:
        model = cmae()
        load_checkpoint(model, str(tmp_path / 'saved.pth'))
    loaded = model.state_dict()
    for name, value in saved.state_dict().items():
        if name.startswith(('momentum_encoder.', 'target_projector.')) and name not in state:
            source = name.replace('momentum_encoder.encoder.', 'backbone.')
            value = saved.state_dict()[source.replace('target_projector.', 'projector.')]
        assert torch.equal(loaded[name], value), name


@pytest.mark.parametrize('part', ['momentum_encoder.encoder.layers.1.', 'target_projector.bn0.'])
@pytest.mark.parametrize('strict', [True, False])
def test_an_average_in_parts_is_refused(part, strict, tmp_path):
    """It would mix EMA and online weights."""
    whole = cmae().state_dict()
    state = {name: value for name, value in whole.items() if not name.startswith(part)}
    assert 0 < len(state) < len(whole)
    torch.save(dict(state_dict=state, meta={}), tmp_path / 'part.pth')
    with pytest.raises(ConfigError, match=f'{part.split(".")[0]}.* lacks'):
        load_checkpoint(cmae(), str(tmp_path / 'part.pth'), strict=strict)


def test_an_average_equals_its_source_where_a_checkpoint_has_neither(tmp_path):
    """MAE's checkpoint in a list of init_cfg: the projector is initialized, then MAE is loaded."""
    state = build('MAE', CMAE_SMALL).state_dict()
    torch.save(dict(state_dict=state, meta={}), tmp_path / 'mae.pth')
    model = cmae(init_cfg=[dict(type='Pretrained', checkpoint=str(tmp_path / 'mae.pth'))])
    for name, value in model.projector.state_dict().items():
        assert torch.equal(model.target_projector.state_dict()[name], value), name
    weight = model.momentum_encoder.encoder.layers[0].attn.qkv.weight
    assert torch.equal(weight, state['backbone.layers.0.attn.qkv.weight'])


def test_errors():
    model = cmae()
    with pytest.raises(ConfigError, match='two views.* one.*PixelShift'):
        model.loss(views()[0])
    with pytest.raises(ConfigError, match='two views.* 3'):
        model.loss([*views(), *views()][:3])
    with pytest.raises(ConfigError, match='batch_size.* 1 image'):
        model.loss(views(1))
    with pytest.raises(ConfigError, match='feature_head=None'):
        cmae(feature_head=None)
    with pytest.raises(ConfigError, match='feature_head.block=1: .* feature_decoder.depth=1'):
        cmae(feature_head=dict(type='mmguided.PredictionHead', block=1))
    with pytest.raises(ConfigError, match='momentum_encoder=None'):
        cmae(momentum_encoder=None)
