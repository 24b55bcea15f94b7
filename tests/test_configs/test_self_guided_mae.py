"""Configs of Self-guided MAE: the values that the paper states."""
import pytest

from tests.helpers.configs import differences, docstring, load
from tests.helpers.paths import ROOT

NCUT = dict(type='mmguided.NcutRelevance', source='student', layer=-2, cluster='object')
CACHED = 'model.mask_generator.guidance.guidance'
README = (ROOT / 'configs/self_guided_mae/README.md').read_text()


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


def test_without_hints_the_highest_scores_are_masked():
    masks = load('self_guided_mae/ablations/vit-b_400e_no-hints').model.mask_generator
    assert masks.sampling == dict(type='mmguided.TopKSampling')
    assert masks.guidance == dict(type='mmguided.CachedGuidance', guidance=NCUT)


def test_fresh_guidance_is_what_is_cached_on_the_same_images():
    cached, fresh = (load(f'self_guided_mae/vit-b_400e{suffix}') for suffix in ('', '_fresh'))
    assert differences(cached.model.to_dict(), fresh.model.to_dict()).keys() == {
        f'mask_generator.guidance.{key}' for key in ('type', 'guidance', *NCUT)} - {
            'mask_generator.guidance.cached'}
    assert fresh.model.mask_generator.guidance == NCUT
    load_image, with_scores = cached.train_dataloader.dataset.pipeline
    plain = load('mae/vit-b_800e').train_dataloader.dataset.pipeline
    assert plain == fresh.train_dataloader.dataset.pipeline == [
        load_image, *with_scores.transforms]


@pytest.mark.parametrize('epochs, linear, mae', [
    (200, 54.4, 53.9), (800, 65.9, 63.8), (1600, 68.7, 68.0)])
def test_lengths_of_table_v(epochs, linear, mae):
    base, other = (load(f'self_guided_mae/vit-b_{n}e') for n in (400, epochs))
    assert base.model == other.model
    assert f'linear {linear} (MAE {mae})' in docstring(f'self_guided_mae/vit-b_{epochs}e')
    assert f'| linear {linear} ({mae}) |' in row(f'vit-b_{epochs}e.py')


def row(text):
    line, = (line for line in README.splitlines() if line.startswith('|') and text in line)
    return line


@pytest.mark.parametrize('variant, linear', [
    (f'{CACHED}.layer=2`', 62.3), (f'{CACHED}.layer=6`', 62.4),
    (f'{CACHED}.source=decoder {CACHED}.layer=-1`', 62.7),
    ('model.mask_generator.sampling.choice=proportional`', 62.5),
    ('vit-b_400e_no-hints.py', 52.3), (f'{CACHED}.cluster=background`', 61.1),
    ('model.mask_generator.guidance.cluster=alternating`', 61.6),
    ('model.mask_generator.mask_ratio=.6 default_hooks.exploitation.mask_ratio=.6`', 62.9),
    ('model.mask_generator.mask_ratio=.9 default_hooks.exploitation.mask_ratio=.9`', 61.4),
])
def test_published_ablations(variant, linear):
    """Tables 3 and II. The exploitation hook needs the mask ratio too."""
    assert f'| {linear} |' in row(variant)


def test_ccmim_reads_its_attention_once_in_20_epochs():
    plain, cached = (load(f'ccmim/vit-b_800e{suffix}') for suffix in ('', '_cached'))
    guidance = cached.model.mask_generator.guidance
    assert guidance == dict(type='mmguided.CachedGuidance', refresh=20,
                            guidance=plain.model.mask_generator.guidance)
    load_image, with_scores = cached.train_dataloader.dataset.pipeline
    assert [load_image, *with_scores.transforms] == plain.train_dataloader.dataset.pipeline
