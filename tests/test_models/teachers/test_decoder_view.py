"""DecoderView: relations, number of passes, errors."""
from collections import Counter

import pytest
import torch

from mmguided.structures import PatchMask, Wants
from mmguided.utils.errors import ConfigError
from tests.helpers.models import SMALL, as_trained, build, total

GUIDED = dict(
    type='mmguided.MaskGenerator', sampling=dict(type='mmguided.TopKSampling'),
    guidance=dict(type='mmguided.NcutRelevance', source='decoder', layer=-1))


def mae(**parts):
    model = build('MAE', dict(SMALL, ddepth=3), **dict(mask_generator=GUIDED) | parts)
    model.init_weights()
    return as_trained(model)


def test_relations_are_the_attention_output_before_the_projection():
    model, images, reached = mae(), torch.randn(2, 3, 32, 32), []
    for i in (0, 2):
        model.neck.decoder_blocks[i].attn.proj.register_forward_pre_hook(
            lambda module, args: reached.append(args[0][:, 1:]))
    ids = torch.rand(2, 16).argsort(1)
    mask = PatchMask.from_ids(ids, ((0, 4), ), (4, 4))
    latent = model.backbone(images, mask)
    with torch.no_grad():
        model.neck(latent, mask)
    expected, reached[:] = list(reached), []
    relations = model.neck.relations(latent, mask, {0, 2})
    torch.testing.assert_close(relations[0], expected[0])
    torch.testing.assert_close(relations[2], expected[1])
    assert relations[2].shape == (2, 16, 16) and not relations[2].requires_grad
    assert len(reached) == 1, 'the deepest block goes no further than its attention'


def test_a_step_guided_by_the_decoder_makes_one_more_forward():
    model, images, calls = mae(), torch.randn(4, 3, 32, 32), Counter()
    model.backbone.layers[-1].ffn.register_forward_hook(lambda *args: calls.update(['encoder']))
    for i, block in enumerate(model.neck.decoder_blocks):
        block.ffn.register_forward_hook(lambda *args, i=i: calls.update([i]))
    losses = model.loss(images)
    total(losses).backward()
    assert calls == {'encoder': 2, 0: 2, 1: 2, 2: 1}
    assert losses['topk_overlap'] == 1 and losses['guided_share'] == 1
    assert model.backbone.layers[0].attn.qkv.weight.grad.norm() > 0


def test_its_mask_is_random_and_of_the_algorithms_ratio():
    model, images, seen = mae(), torch.randn(2, 3, 32, 32), []
    model.backbone.register_forward_pre_hook(lambda module, args: seen.append(args[1]))
    for _ in range(2):
        model.encoders['decoder'].observe(images, Wants(relations=frozenset({-1})))
    assert seen[0].len_keep == 4 and not torch.equal(seen[0].ids_keep, seen[1].ids_keep)


def test_what_it_cannot_tell_is_refused():
    attention = dict(type='mmguided.ClsAttention', source='decoder')
    with pytest.raises(ConfigError, match="source='decoder': .*attention"):
        mae(mask_generator=dict(GUIDED, guidance=attention))
    with pytest.raises(ConfigError, match='layer 3 '):
        mae(mask_generator=dict(GUIDED, guidance=dict(GUIDED['guidance'], layer=3)))


def test_scores_do_not_depend_on_drop_path():
    model, images = mae(backbone=dict(
        type='mmguided.MaskedViT', img_size=32, patch_size=8, drop_path_rate=.5,
        arch=dict(embed_dims=32, num_layers=2, num_heads=2, feedforward_channels=64))), torch.randn(
            8, 3, 32, 32)
    seen = []
    for mode in (True, False):
        torch.manual_seed(0)
        wants = Wants(relations=frozenset({-1}))
        seen.append(model.train(mode).encoders['decoder'].observe(images, wants).relations[2])
    assert torch.equal(*seen)
