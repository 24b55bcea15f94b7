"""Guidance: requests, scores, errors."""
import numpy as np
import pytest
import scipy.linalg
import torch

from mmguided.models import (
    Blend,
    CachedGuidance,
    ClsAttention,
    MaskedViT,
    MaskGenerator,
    NcutRelevance,
)
from mmguided.structures import Clock, Observation, Wants
from mmguided.utils.errors import ConfigError
from tests.helpers.models import SMALL, build, cls_attention

OWN = dict(type='mmguided.ClsAttention')


def vit() -> MaskedViT:
    return MaskedViT(dict(embed_dims=8, num_layers=2, num_heads=2, feedforward_channels=8), 8, 4)


def test_it_asks_for_its_layers_and_reduces_them():
    wants = ClsAttention('momentum', layers=[0, -1], softmax=None).wants(Clock())
    assert wants == dict(momentum=Wants(attention=frozenset({(0, None), (-1, None)})))
    rows = {(i, 'heads'): torch.rand(3, 4) for i in range(3)}
    seen = dict(student=Observation(3, attention=rows))
    total = sum(rows.values())
    torch.testing.assert_close(ClsAttention()(seen, Clock()), total)
    torch.testing.assert_close(ClsAttention(reduce='mean')(seen, Clock()), total / 3)
    torch.testing.assert_close(ClsAttention(layers=[-1])(seen, Clock()), rows[2, 'heads'])
    torch.testing.assert_close(
        ClsAttention(layers=[2, 0])(seen, Clock()), rows[0, 'heads'] + rows[2, 'heads'])


CACHED = dict(type='mmguided.CachedGuidance', guidance=OWN)
NCUT = dict(type='mmguided.NcutRelevance')


@pytest.mark.parametrize('guidance, said', [
    (dict(OWN, source='teacher'), "guidance.source='teacher'.*'student'"),
    (dict(OWN, layers=[2]), r"guidance.source='student': layers: layer 2 .*2 layers.*-2\.\.1"),
    (dict(OWN, layers=[]), r'guidance.layers=\[\]'),
    (dict(OWN, reduce='max'), "reduce='max'"),
    (dict(OWN, softmax=True), 'softmax=True'),
    (dict(NCUT, layer=5), 'layer 5'),
    (dict(NCUT, cluster='foreground'), "cluster='foreground'"),
    (dict(CACHED, refresh=0), 'refresh=0'),
    (dict(CACHED, refresh=.5), 'refresh=0.5'),
    (dict(CACHED, guidance=dict(type='mmguided.Blend', guidances=[OWN, OWN], weights=[
        dict(start=0., end=1., begin=2)])), 'refresh=None.*Blend'),
    # Training asks for nothing, but the whole guidance is checked.
    (dict(CACHED, guidance=dict(OWN, source='teacher')), "source='teacher'"),
])
def test_guidance_errors(guidance, said):
    with pytest.raises(ConfigError, match=said):
        MaskGenerator(
            dict(type='mmguided.TopKSampling'), guidance, .5
        ).check(dict(student=vit()), (2, 2))


def test_guidance_must_suit_sampler_and_shot():
    with pytest.raises(ConfigError, match='ProportionalSampling.*ClsAttention'):
        MaskGenerator(dict(type='mmguided.ProportionalSampling'), dict(OWN, softmax=None))
    masks = MaskGenerator(dict(type='mmguided.TopKSampling'), CACHED, shots=((0, .25), (1, .5)))
    with pytest.raises(ConfigError, match='CachedGuidance before layer 1'):
        masks.check(dict(student=vit()), (2, 2))


SOURCES = [dict(type='mmguided.ClsAttention', source=name, layers=[-1])
           for name in ('momentum', 'teacher')]
STAGES = dict(start=0., end=.3, begin=2)


def at(epoch, max_epochs=8):
    clock = Clock()
    clock.set(epoch, max_epochs)
    return clock


def test_blend_is_eq_3_by_hand():
    student, teacher = torch.tensor([[1., 3.]]), torch.tensor([[.2, .2]])
    seen = dict(momentum=Observation(1, attention={(0, 'heads'): student}),
                teacher=Observation(1, attention={(0, 'heads'): teacher}))
    # .3 * (.25, .75) + .7 * (.5, .5)
    scores = Blend(SOURCES, [.3])(seen, Clock())
    torch.testing.assert_close(scores, torch.tensor([[.425, .575]]))
    torch.testing.assert_close(Blend(SOURCES, [.3, .7])(seen, Clock()), scores)
    for alpha, pure in ((0., teacher), (1., student)):
        torch.testing.assert_close(Blend(SOURCES, [alpha])(seen, Clock()), pure / pure.sum())
    assert scores.sum() == pytest.approx(1)


@pytest.mark.parametrize('alpha, normalize, share', [
    (.3, True, .3), (.3, False, .285 / .705), (0., False, 0.), (1., False, 1.)])
def test_maps_that_are_not_normalized_change_the_effective_weight(alpha, normalize, share):
    """Sums of .95 and .6: without normalization, alpha = .3 acts as .404. An image without scores
    is not counted."""
    student = torch.tensor([[.2, .75], [torch.nan] * 2])
    seen = dict(momentum=Observation(1, attention={(0, 'heads'): student}),
                teacher=Observation(1, attention={(0, 'heads'): torch.full((2, 2), .3)}))
    blend = Blend(SOURCES, [alpha], normalize)
    if not normalize:
        torch.testing.assert_close(blend(seen, Clock())[0], alpha * student[0] + (1 - alpha) * .3)
    masks = MaskGenerator(dict(type='mmguided.TopKSampling'), OWN, .5)
    masks.shots[0].guidance = blend
    log_vars = masks(torch.zeros(2, 3, 8, 8), (1, 2), seen, {}, Clock())[1]
    assert log_vars['blend_share'].item() == pytest.approx(share)


def test_an_encoder_without_weight_is_not_asked():
    blend = Blend(SOURCES, [STAGES])
    assert blend.weights_at(at(1.9)) == [0, 1]
    assert blend.weights_at(at(2)) == pytest.approx([.3, .7])
    assert set(blend.wants(at(1.9))) == {'teacher'}
    assert set(blend.wants(at(2))) == blend.sources == {'momentum', 'teacher'}
    assert blend.is_scheduled and not Blend(SOURCES, [.3]).is_scheduled
    assert set(Blend(SOURCES, [1.]).wants(at(0))) == {'momentum'}


@pytest.mark.parametrize('sources, weights, message', [
    (SOURCES, [], '0 weights for 2 guidances'),
    (SOURCES, [.3, .3, .4], '3 weights for 2 guidances'),
    (SOURCES, [1.3], 'weights'),
    (SOURCES, [0, dict(start=0., end=.7, begin=5)], 'all are 0'),
    (SOURCES, [dict(start=0, stop=1)], 'weights'),
    ([*SOURCES, SOURCES[0]], [.7, .6], r'weights=\[0.7, 0.6\]: .*1.3'),
    ([dict(source, softmax=None) for source in SOURCES], [.3], "softmax='heads'"),
])
def test_a_blend_that_cannot_be_is_refused(sources, weights, message):
    with pytest.raises(ConfigError, match=message):
        Blend(sources, weights)


def test_weights_of_many():
    assert Blend([*SOURCES, *SOURCES], [.1, .2, .7]).weights_at(Clock())[-1] == 0
    assert Blend([*SOURCES, SOURCES[0]], [.7, .6, .1]).weights_at(Clock()) == [.7, .6, .1]


def relations_of_two_clusters(num=12):
    """Relations ``(num, 16, 8)``: 5 patches around one direction, the others around another."""
    object_patches = torch.stack([torch.randperm(16)[:5] for _ in range(num)])
    is_object = torch.zeros(num, 16).scatter_(1, object_patches, 1).bool()
    centers = torch.rand(num, 2, 8)
    relations = torch.where(is_object[..., None], centers[:, :1], centers[:, 1:])
    return relations + .05 * torch.rand(num, 16, 8), is_object


def relevance(relations, clock=None, **settings):
    seen = dict(student=Observation(3, relations={1: relations}))
    return NcutRelevance(**settings)(seen, clock or Clock())


def test_relevance_is_eq_8_on_the_side_of_the_largest_entry():
    relations, is_object = relations_of_two_clusters()
    scores = relevance(relations)
    for image, ours, inside in zip(relations.numpy(), scores, is_object, strict=True):
        unit = image / np.linalg.norm(image, axis=1, keepdims=True)
        similarity = unit @ unit.T
        degrees = np.diag(similarity.sum(1))
        y = scipy.linalg.eigh(degrees - similarity, degrees)[1][:, 1]
        upper = y >= y.mean()
        cluster = upper if upper[np.abs(y).argmax()] else ~upper
        assert np.array_equal(cluster, inside.numpy()), 'the smaller cluster has larger entries'
        mean = image[cluster].mean(0)
        expected = image @ mean / np.linalg.norm(image, axis=1) / np.linalg.norm(mean)
        np.testing.assert_allclose(ours.numpy(), expected, rtol=1e-5)
    top = scores.topk(5, dim=1).indices
    assert is_object.gather(1, top).all()


def test_the_background_and_both_in_turn():
    relations, is_object = relations_of_two_clusters()
    background = relevance(relations, cluster='background')
    assert not is_object.gather(1, background.topk(11, dim=1).indices).any()
    for epoch, expected in ((0, 'object'), (1.4, 'background'), (2, 'object')):
        scores = relevance(relations, at(epoch), cluster='alternating')
        torch.testing.assert_close(scores, relevance(relations, cluster=expected))
        cached = CachedGuidance(dict(NCUT, layer=1, cluster='alternating'))
        both = cached.guidance.variants(
            dict(student=Observation(3, relations={1: relations})), at(1)).flatten(1)
        assert torch.equal(cached(dict(cache=Observation(0, scores=both)), at(epoch)), scores)
    assert NcutRelevance(cluster='alternating').is_scheduled and not NcutRelevance().is_scheduled


def test_what_it_asks_for():
    assert NcutRelevance('momentum').wants(Clock()) == dict(
        momentum=Wants(relations=frozenset({-2})))
    NcutRelevance().check(dict(student=vit()))
    cached = CachedGuidance(dict(OWN, source='teacher'))
    assert cached.wants(Clock()) == {} and cached.sources == {'teacher'}
    with pytest.raises(ConfigError, match='CachedGuidance: .*WithScores.*ScoreMapsHook'):
        cached({}, Clock())


def test_an_image_without_a_cut_is_masked_at_random_and_counted():
    relations, _ = relations_of_two_clusters(num=200)
    relations[50:] = relations[50:, :1]  # as of one color
    scores = relevance(relations)
    assert scores[:50].isfinite().all() and scores[50:].isnan().all()
    masks = MaskGenerator(sampling=dict(type='mmguided.TopKSampling'),
                          guidance=dict(type='mmguided.NcutRelevance', layer=1))
    seen = dict(student=Observation(3, relations={1: relations}))
    mask, log_vars = masks(torch.zeros(200, 3, 8, 8), (4, 4), seen, {}, Clock())
    assert log_vars['guided_share'] == .25 and log_vars['topk_overlap'].isfinite()
    assert (mask.mask.sum(1) == 12).all()
    share = mask.mask[50:].mean(0)
    assert (share - .75).abs().max() < 4 * (.75 * .25 / 150)**.5
    assert (mask.mask[:50].gather(1, scores[:50].topk(12, dim=1).indices) == 1).all()


def test_cached_scores_come_with_the_images_in_training_and_are_made_of_them_otherwise():
    model = build('MAE', SMALL, mask_generator=dict(
        type='mmguided.MaskGenerator', sampling=dict(type='mmguided.TopKSampling'),
        guidance=CACHED))
    images, scores = torch.randn(3, 3, 32, 32), torch.rand(3, 16)
    scores[1] = torch.nan
    observations = model.observe(images, dict(scores=scores))
    assert set(observations) == {'cache'}, 'no encoder is asked'
    mask, log_vars = model.make_mask(images, observations)
    assert log_vars['guided_share'] == pytest.approx(2 / 3)
    for i in (0, 2):
        assert set(mask.ids_mask[i].tolist()) == set(scores[i].topk(12).indices.tolist())
    losses = model.loss(images, dict(scores=scores))
    assert torch.isfinite(losses['loss_reconstruction'])
    model.eval()
    fresh = cls_attention(model.backbone, images).sum(0)
    mask, log_vars = model.make_mask(images, model.observe(images))
    assert torch.equal(mask.ids_mask.sort(1).values, fresh.topk(12, dim=1).indices.sort(1).values)


def test_cached_scores_in_a_blend_with_fresh_ones():
    """Images without cached scores have no blended scores; only the encoder of the other guidance
    is observed."""
    blend = Blend([CACHED, OWN], weights=[.25])
    assert blend.needs_whole_image
    assert set(blend.wants(Clock())) == {'student'}
    cached, rows = torch.rand(2, 4), torch.rand(2, 4)
    cached[1] = torch.nan
    seen = dict(cache=Observation(0, scores=cached),
                student=Observation(1, attention={(0, 'heads'): rows}))
    scores = blend(seen, Clock())
    torch.testing.assert_close(scores[0], .25 * cached[0] / cached[0].sum()
                               + .75 * rows[0] / rows[0].sum())
    assert scores[1].isnan().all()


def test_autocast_does_not_change_the_relevance():
    relations = torch.randn(4, 16, 24)
    relations[:, :6] += 2  # an object
    seen = dict(student=Observation(2, relations={0: relations}))
    expected = NcutRelevance()(seen, Clock())
    with torch.autocast('cpu', torch.bfloat16):
        assert torch.equal(NcutRelevance()(seen, Clock()), expected)
    assert expected.isfinite().all()
