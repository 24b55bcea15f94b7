"""Recorded activations equal the activations of the blocks."""
import pytest
import torch
import torch.nn.functional as F
from mmpretrain.models import MAEViT, MoCoV3ViT, VisionTransformer

from mmguided.analysis.layers import (
    attention_before_last_shot,
    decoder_layers,
    encoder_layers,
    grid_of,
    has_decoder,
    relation_distributions,
)
from mmguided.registry import MODELS
from mmguided.structures import PatchMask, Wants
from mmguided.utils.errors import ConfigError
from tests.helpers.models import build

ARCH = dict(embed_dims=16, num_layers=3, num_heads=2, feedforward_channels=64)
GEOMETRY = dict(img=(16, 24), patch=4, dim=16, depth=3, heads=2, ddim=16, ddepth=2, dheads=2)


@pytest.fixture(scope='module')
def model():
    torch.manual_seed(0)
    model = build('MAE', GEOMETRY)
    model.init_weights()
    for parameter in model.parameters():
        if parameter.ndim == 2:
            parameter.data.mul_(3)  # far from uniform attention
    return model.eval()


@pytest.fixture(scope='module')
def images():
    return torch.randn(2, 3, 16, 24, generator=torch.Generator().manual_seed(1))


def test_encoder_layers_equal_observations(model, images):
    layers = encoder_layers(model, images)
    assert grid_of(model, (16, 24)) == ((4, 6), 4)
    seen = model.backbone.observe(images, Wants(
        tokens=True, relations=frozenset({0, 2}), attention=frozenset({(1, 'heads')})))
    assert len(layers) == 3
    for number in (0, 2):
        torch.testing.assert_close(layers[number].activations().relations, seen.relations[number])
    torch.testing.assert_close(
        model.backbone.ln1(layers[-1].outputs)[:, 1:], seen.tokens[:, 1:])
    assert torch.equal(layers[0].outputs, layers[1].inputs)


def test_attention_equals_that_of_the_block(model, images):
    layer = encoder_layers(model, images)[1]
    attn = layer.block.attn
    qkv = attn.qkv(layer.block.ln1(layer.inputs)).view(2, 25, 3, 2, 8).permute(2, 0, 3, 1, 4)
    # With unit vectors as values, the output is the attention.
    whole = F.scaled_dot_product_attention(qkv[0], qkv[1], torch.eye(25).expand(2, 2, -1, -1))
    found = layer.activations()
    patches = whole[..., 1:, 1:]
    torch.testing.assert_close(found.attention, patches / patches.sum(-1, keepdim=True))
    assert found.attention.std() > .01
    assert torch.equal(found.tokens, layer.outputs[:, 1:])


def test_cls_attention_equals_observations(model, images):
    heads = encoder_layers(model, images)[1].cls_attention()
    seen = model.backbone.observe(images, Wants(attention=frozenset({(1, 'heads')})))
    assert heads.shape == (2, 2, 24) and (heads[:, 0] - heads[:, 1]).abs().max() > .01
    torch.testing.assert_close(heads.mean(1), seen.cls_attention([1], 'heads')[0])


def test_reversed_attention_before_the_last_shot(model, images):
    """12 of 24 patches are visible in layers 0 and 1, and 9 in layer 2."""
    ids = torch.stack([torch.randperm(24, generator=torch.Generator().manual_seed(i))
                       for i in range(2)])
    mask = PatchMask.from_ids(ids, ((0, 12), (2, 9)), (4, 6))
    shares, patches = attention_before_last_shot(model, images, mask)
    assert shares.shape == (2, 3, 24) and torch.equal(patches, ids[:, 9:12])
    torch.testing.assert_close(shares.nansum(2), torch.ones(2, 3))
    for image in range(2):
        for number, patch in enumerate(patches[image]):
            others = set(ids[image, :12].tolist()) - {patch.item()}
            assert set(shares[image, number].isfinite().nonzero().flatten().tolist()) == others
    # By hand: column of the attention in layer 1 of a forward of the visible patches only.
    layer = encoder_layers(model, images, PatchMask.from_ids(ids, ((0, 12), ), (4, 6)))[1]
    attention = layer.activations().attention.mean(1)
    column = attention[1, :, 10].clone()
    column[10] = 0
    torch.testing.assert_close(shares[1, 1, ids[1, :12]].nan_to_num(), column / column.sum())


def test_decoder_layers_of_masked_images(model, images):
    mask = PatchMask.random(2, (4, 6), .75, images.device, torch.Generator().manual_seed(0))
    layers = decoder_layers(model, images, mask)
    latent = model.backbone(images, mask)
    relations = model.neck.relations(latent, mask, [0, 1])
    states = model.neck(latent, mask)
    assert len(layers) == 2 and has_decoder(model)
    for number, layer in enumerate(layers):
        torch.testing.assert_close(layer.activations().relations, relations[number])
    torch.testing.assert_close(layers[0].tokens, states[1])


@pytest.mark.parametrize('vit, out_type', [
    (VisionTransformer, 'avg_featmap'), (MoCoV3ViT, 'cls_token')])
def test_vits_of_mmpretrain(images, vit, out_type):
    classifier = torch.nn.Module()
    classifier.backbone = vit(arch=ARCH, img_size=(16, 24), patch_size=4, out_type=out_type)
    layers = encoder_layers(classifier, images)
    assert [layer.activations().attention.shape for layer in layers] == [(2, 2, 24, 24)] * 3
    assert not any(block._forward_hooks for block in classifier.backbone.layers)
    assert grid_of(classifier, (16, 24)) == ((4, 6), 4) and not has_decoder(classifier)
    with pytest.raises(ConfigError, match=r'backbone\.img_size=\(36, 31\):'):
        grid_of(classifier, (36, 31))


@pytest.mark.parametrize('backbone, field', [
    (torch.nn.Conv2d(3, 3, 1), r'backbone\.type=Conv2d:'),
    (MAEViT(arch=ARCH, img_size=16, patch_size=4), r'backbone\.type=MAEViT:'),
    (dict(type='mmguided.DenseViT', window_size=2), r'backbone\.type=DenseViT:'),
    (dict(type='mmguided.MaskedViT', out_indices=1), r'backbone\.out_indices=\[1\]:')])
def test_unsupported_encoders(images, backbone, field):
    model = torch.nn.Module()
    model.backbone = backbone if isinstance(backbone, torch.nn.Module) else MODELS.build(
        dict(backbone, arch=ARCH, img_size=(16, 24), patch_size=4))
    with pytest.raises(ConfigError, match=field):
        encoder_layers(model, images)


def test_attention_to_cls_only_is_finite(model, images):
    layer = encoder_layers(model, images)[0]
    with torch.no_grad():
        bias = layer.block.attn.qkv.bias.clone()
        layer.block.attn.qkv.bias[:16] = 1e4  # queries
        assert layer.activations().attention.isfinite().all()
        layer.block.attn.qkv.bias.copy_(bias)


def test_relations_are_distributions(model, images):
    activations = encoder_layers(model, images)[2].activations()
    for values in relation_distributions(activations).values():
        assert values.shape == (2, 24, 24)
        torch.testing.assert_close(values.sum(-1), torch.ones(2, 24))
