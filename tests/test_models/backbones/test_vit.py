"""MaskedViT: parity with mmpretrain, masking, observations."""
import pytest
import torch

from mmguided.models import MaskedViT
from mmguided.structures import PatchMask, Wants
from mmguided.utils.errors import ConfigError
from tests.helpers.models import cls_attention, expand, patch_mask, tokens

ARCH = dict(embed_dims=32, num_layers=3, num_heads=2, feedforward_channels=64)


def encoder(img_size=32, **kwargs):
    model = MaskedViT(ARCH, img_size, 8, **kwargs)
    model.init_weights()
    return model


@pytest.mark.parametrize('kwargs', [{}, dict(pre_norm=True), dict(final_norm=False)])
def test_all_patches_visible_equals_the_unmasked_forward(kwargs):
    model = encoder((32, 48), **kwargs)
    images = torch.randn(2, 3, 32, 48)
    everything = torch.arange(24).expand(2, 24)
    torch.testing.assert_close(model.encode(model.embed(images), everything), model(images)[0])


def test_cls_alone_equals_that_of_all_tokens():
    model, images, ids = encoder(), torch.randn(2, 3, 32, 32), torch.rand(2, 16).argsort(1)[:, :9]
    embedded, lengths = model.embed(images), []
    expected = model.encode(embedded, ids)[:, 0]
    for layer in model.layers:
        layer.ffn.register_forward_hook(lambda ffn, args, out: lengths.append(out.shape[1]))
    torch.testing.assert_close(model.encode_cls(embedded, ids), expected)
    assert lengths == [10, 10, 1]


@pytest.mark.parametrize('ask', [cls_attention, tokens])
def test_weights_cast_for_observing_are_not_left_to_the_training_pass(ask, monkeypatch):
    """Before late 2025, torch would train without their gradients; see clear_autocast_cache."""
    cleared = []
    monkeypatch.setattr(
        torch, 'clear_autocast_cache', lambda: cleared.append(torch.is_autocast_enabled('cpu')))
    with torch.autocast('cpu', torch.bfloat16):
        ask(encoder(), torch.randn(1, 3, 32, 32))
        assert cleared[0], 'cleared inside the autocast of the step'


def test_initialization_is_maes():
    model = encoder()
    weight = model.layers[0].ffn.layers[0][0].weight
    assert weight.abs().max() <= (6 / (32 + 64))**.5 < weight.abs().max() * 1.05
    assert model.layers[0].ffn.layers[0][0].bias.abs().max() == 0
    assert model.cls_token.std().item() == pytest.approx(.02, rel=.4)
    assert model.pos_embed[0, 0].abs().max() == 0


def test_one_pass_answers_tokens_attention_and_relations():
    """Results equal separate requests; relations also equal a manual computation."""
    model = encoder((32, 48)).eval()
    images = torch.randn(2, 3, 32, 48)
    calls = []
    for layer in model.layers:
        layer.ffn.register_forward_hook(lambda *args: calls.append(1))
    wants = Wants(tokens=True, attention=frozenset({(0, 'heads'), (-1, None)}),
                  relations=frozenset({1}))
    seen = model.observe(images, wants)
    assert len(calls) == 3, 'one pass of three blocks'
    torch.testing.assert_close(seen.tokens, model(images)[0])
    torch.testing.assert_close(seen.attention[0, 'heads'], cls_attention(model, images, [0])[0])
    torch.testing.assert_close(seen.attention[2, None], cls_attention(model, images, [2], None)[0])
    assert set(seen.attention) == {(0, 'heads'), (2, None)} and set(seen.relations) == {1}
    tensors = [seen.tokens, *seen.attention.values(), *seen.relations.values()]
    assert not any(x.requires_grad for x in tensors)
    block = model.layers[1]
    x = block.ln1(model.layers[0](model._input_tokens(model.embed(images))))
    qkv = block.attn.qkv(x).view(2, 25, 3, 2, 16).permute(2, 0, 3, 1, 4)
    attention = (qkv[0] @ qkv[1].transpose(-1, -2) / 4).softmax(-1)
    expected = (attention @ qkv[2]).transpose(1, 2).flatten(2)[:, 1:]
    torch.testing.assert_close(seen.relations[1], expected)
    alone = model.observe(images, Wants(relations=frozenset({-2})))
    torch.testing.assert_close(alone.relations[1], expected)


@pytest.mark.parametrize('wants', [
    Wants(), Wants(relations=frozenset({1})), Wants(attention=frozenset({(1, 'heads')}))])
def test_the_deepest_block_goes_no_further_than_it_is_read(wants, monkeypatch):
    model = encoder()
    later = [model.layers[1].attn.proj, model.layers[1].ffn, model.layers[2], model.ln1]
    if wants.attention:
        later.append(model.layers[1].attn.qkv)  # its weight alone is used
    if wants == Wants():
        later.append(model.layers[0])
    for module in later:
        monkeypatch.setattr(module, 'forward', lambda *args, **kwargs: pytest.fail('too deep'))
    model.observe(torch.randn(2, 3, 32, 32), wants)


def test_under_a_mask_each_layer_sees_the_patches_still_present():
    model, images = encoder().eval(), torch.randn(2, 3, 32, 32)
    mask = PatchMask.from_ids(torch.rand(2, 16).argsort(1), ((0, 8), (2, 3)), (4, 4))
    wants = Wants(tokens=True, attention=frozenset({(1, 'heads'), (2, 'heads')}),
                  relations=frozenset({0}))
    seen = model.observe(images, wants, mask)
    torch.testing.assert_close(seen.tokens, model(images, mask))
    shapes = [seen.attention[i, 'heads'].shape for i in (1, 2)] + [seen.relations[0].shape]
    assert shapes == [(2, 8), (2, 3), (2, 8, 32)]
    changed = torch.where(expand(mask.mask_at(0), (4, 4), 8), torch.randn_like(images), images)
    other = model.observe(changed, Wants(False, wants.attention, wants.relations), mask)
    for key, row in seen.attention.items():
        torch.testing.assert_close(other.attention[key], row)
    assert torch.equal(seen.relations[0], other.relations[0])


@pytest.mark.parametrize('rates', [
    dict(drop_path_rate=.5), dict(drop_rate=.3),
    dict(layer_cfgs=dict(attn_drop_rate=.3)), dict(drop_path_rate=.5, drop_rate=.3)])
def test_an_observation_does_not_depend_on_chance(rates):
    model, images = encoder(**rates).train(), torch.randn(8, 3, 32, 32)
    before = {name: module.training for name, module in model.named_modules()}
    # Block 0 is run, but not read.
    wants = Wants(tokens=True, attention=frozenset({(2, 'heads')}), relations=frozenset({1}))
    first, second = (model.observe(images, wants) for _ in range(2))
    assert {name: module.training for name, module in model.named_modules()} == before
    mask = patch_mask(torch.rand(8, 16), 8, (4, 4))
    assert not torch.equal(model(images, mask), model(images, mask)), 'training stays random'
    for other in (second, model.eval().observe(images, wants)):
        assert torch.equal(first.tokens, other.tokens)
        assert all(torch.equal(row, other.attention[k]) for k, row in first.attention.items())
        assert torch.equal(first.relations[1], other.relations[1])


def test_patches_that_overlap_are_refused():
    overlap = dict(kernel_size=16, stride=8, padding=4)
    with pytest.raises(ConfigError, match='^backbone.patch_cfg=.*overlap'):
        encoder(patch_cfg=overlap)
