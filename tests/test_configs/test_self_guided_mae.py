"""Configs of Self-guided MAE: what the paper states, and its ablations."""
import pytest

from tests.helpers.configs import differences, docstring, load
from tests.helpers.paths import ROOT

NCUT = dict(type='mmguided.NcutRelevance', source='student', layer=-2, cluster='object')
CACHED = 'mask_generator.guidance.guidance'
#: Row of Table 3 or II: what differs in the model, and the linear probe.
ABLATIONS = {
    'layer_enc3': ({f'{CACHED}.layer': 2}, 62.3),
    'layer_enc7': ({f'{CACHED}.layer': 6}, 62.4),
    'layer_dec8': ({f'{CACHED}.source': 'decoder', f'{CACHED}.layer': -1}, 62.7),
    'hint_relevance': ({'mask_generator.sampling.choice': 'proportional'}, 62.5),
    'cluster_background': ({f'{CACHED}.cluster': 'background'}, 61.1),
    'ratio_0.6': ({'mask_generator.mask_ratio': .6}, 62.9),
    'ratio_0.9': ({'mask_generator.mask_ratio': .9}, 61.4),
}


def test_it_states_the_paper():
    model = load('self_guided_mae/vit-b_400e').model
    assert model.type == 'mmguided.MAE'
    assert model.mask_generator == dict(
        type='mmguided.MaskGenerator', mask_ratio=.75,
        sampling=dict(
            type='mmguided.HintSampling', sampling=dict(type='mmguided.TopKSampling'),
            ratio=dict(start=.05, end=0., ramp=1., relative=True), choice='uniform'),
        guidance=dict(type='mmguided.CachedGuidance', guidance=NCUT),
        schedule=dict(begin='trigger'))


@pytest.mark.parametrize('name', ABLATIONS)
def test_an_ablation_changes_its_row_of_the_table_alone(name):
    base, other = (load(f'self_guided_mae/{path}') for path in (
        'vit-b_400e', f'ablations/{name}_400e'))
    change, number = ABLATIONS[name]
    assert differences(base.model.to_dict(), other.model.to_dict()) == change
    assert base.train_dataloader == other.train_dataloader
    ratio = change.get('mask_generator.mask_ratio')
    assert differences(base.default_hooks.to_dict(), other.default_hooks.to_dict()) == (
        {'exploitation.mask_ratio': ratio} if ratio else {})
    assert f'linear {number} (62.9' in docstring(f'self_guided_mae/ablations/{name}_400e')


def test_without_hints_the_highest_scores_are_masked():
    masks = load('self_guided_mae/ablations/hint_none_400e').model.mask_generator
    assert masks.sampling == dict(type='mmguided.TopKSampling')
    assert masks.guidance == dict(type='mmguided.CachedGuidance', guidance=NCUT)


def test_fresh_guidance_is_what_is_cached_on_the_same_images():
    cached, fresh, alternating = (load(f'self_guided_mae/{name}') for name in (
        'vit-b_400e', 'vit-b_400e_fresh', 'ablations/cluster_alternating_400e'))
    assert differences(cached.model.to_dict(), fresh.model.to_dict()).keys() == {
        f'mask_generator.guidance.{key}' for key in ('type', 'guidance', *NCUT)} - {
            'mask_generator.guidance.cached'}
    assert fresh.model.mask_generator.guidance == NCUT
    assert alternating.model.mask_generator.guidance == NCUT | dict(cluster='alternating')
    load_image, with_scores = cached.train_dataloader.dataset.pipeline
    plain = load('mae/vit-b_800e').train_dataloader.dataset.pipeline
    assert plain == fresh.train_dataloader.dataset.pipeline == [
        load_image, *with_scores.transforms]


@pytest.mark.parametrize('epochs, linear, mae', [
    (200, 54.4, 53.9), (400, 62.9, 61.4), (800, 65.9, 63.8), (1600, 68.7, 68.0)])
def test_lengths_of_table_v(epochs, linear, mae):
    base, longer = load('self_guided_mae/vit-b_400e'), load(f'self_guided_mae/vit-b_{epochs}e')
    assert base.model == longer.model
    text = docstring(f'self_guided_mae/vit-b_{epochs}e')
    assert f'linear {linear}' in text and f'MAE {mae}' in text
    assert load(f'self_guided_mae/vit-s_{epochs}e').model.backbone.arch == 'small'
    readme = (ROOT / 'configs/self_guided_mae/README.md').read_text()
    assert f'[`vit-b_{epochs}e`](vit-b_{epochs}e.py)' in readme


def test_ccmim_reads_its_attention_once_in_20_epochs():
    plain, cached = (load(f'ccmim/vit-b_800e{suffix}') for suffix in ('', '_cached'))
    guidance = cached.model.mask_generator.guidance
    assert guidance == dict(type='mmguided.CachedGuidance', refresh=20,
                            guidance=plain.model.mask_generator.guidance)
    load_image, with_scores = cached.train_dataloader.dataset.pipeline
    assert [load_image, *with_scores.transforms] == plain.train_dataloader.dataset.pipeline
