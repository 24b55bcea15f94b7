"""Configs of CMT-MAE: what the paper states, its ablations, and the relatives made of parts."""
import pytest

from mmguided.registry import MODELS
from mmguided.structures import Clock
from tests.helpers.configs import build_without_memory, differences, load
from tests.helpers.paths import ROOT

MOMENTUM, TEACHER = (dict(type='mmguided.ClsAttention', source=name, layers=[-1])
                     for name in ('momentum', 'teacher'))
STAGES = dict(start=0., end=.3, begin=1 / 8, relative=True)
ALPHAS = ['0.1', '0.5', '0.7', '0.9', '1']


def at(epoch, max_epochs=800):
    clock = Clock()
    clock.set(epoch, max_epochs)
    return clock


def test_it_states_the_paper():
    model = load('cmt_mae/vit-b_800e').model
    assert model.teacher == dict(
        type='mmguided.OpenCLIPTeacher', model_name='ViT-B-16', pretrained='openai')
    assert model.mask_generator == dict(
        type='mmguided.MaskGenerator', mask_ratio=.75,
        sampling=dict(type='mmguided.ProportionalSampling', masked='high'),
        guidance=dict(type='mmguided.Blend', guidances=[MOMENTUM, TEACHER], weights=[STAGES]))
    head = dict(type='mmguided.ReconstructionHead', reduction='sum')
    assert model.head == model.student_head == head and model.alpha == STAGES
    assert (model.target_generator.source, model.student_target.source) == ('teacher', 'momentum')
    assert model.momentum_encoder == dict(
        type='mmguided.MomentumEncoder', momentum=.996, end_momentum=1.)


def test_its_stages_switch_together_after_100_of_800_epochs():
    model = build_without_memory(load('cmt_mae/vit-b_800e'))
    blend = model.mask_generator.shots[0].guidance
    for epoch, alpha in ((99.9, 0.), (100, .3), (800, .3)):
        assert model.alpha.at(at(epoch)) == blend.weights_at(at(epoch))[0] == alpha
        assert set(blend.wants(at(epoch))) == {'teacher', *(['momentum'] if alpha else [])}


@pytest.mark.parametrize('alpha', ALPHAS)
def test_an_ablation_of_alpha_changes_it_for_masks_and_targets(alpha):
    model, other = (load(f'cmt_mae/{name}').model.to_dict() for name in (
        'vit-b_800e', f'ablations/alpha_{alpha}_800e'))
    assert differences(model, other) == {
        'alpha.end': float(alpha), 'mask_generator.guidance.weights.0.end': float(alpha)}


def test_alpha_0_is_the_first_stage_throughout():
    model, first = load('cmt_mae/ablations/alpha_0_800e').model, load('cmt_mae/vit-b_800e').model
    assert model.type == 'mmguided.MAE' and 'momentum_encoder' not in model
    for field in ('backbone', 'neck', 'teacher', 'target_generator', 'head'):
        assert model[field] == first[field]
    assert model.mask_generator == first.mask_generator.to_dict() | dict(guidance=TEACHER)


def test_table_4_switches_off_one_of_the_two():
    both, mae = load('cmt_mae/vit-b_800e').model, load('mae/vit-b_800e').model
    masks, targets = (load(f'cmt_mae/ablations/components_{name}_800e').model
                      for name in ('masks', 'targets'))
    assert masks.type == 'mmguided.MAE' and masks.mask_generator == both.mask_generator
    for field in ('target_generator', 'head', 'neck', 'backbone'):
        assert masks[field] == mae[field]
    assert masks.teacher == both.teacher and masks.momentum_encoder == both.momentum_encoder
    assert differences(both.to_dict(), targets.to_dict()).keys() == {
        'mask_generator.sampling', 'mask_generator.guidance'}
    assert targets.mask_generator == mae.mask_generator


def test_relatives_are_parts_of_mae():
    milan, attmask = (load(f'cmt_mae/vit-b_{name}-like_800e').model for name in (
        'milan', 'attmask'))
    assert milan.type == attmask.type == 'mmguided.MAE'
    alpha_0 = load('cmt_mae/ablations/alpha_0_800e').model
    assert differences(alpha_0.to_dict(), milan.to_dict()) == {
        'mask_generator.sampling.masked': 'low'}
    sampling = attmask.mask_generator.sampling
    assert MODELS.build(sampling).sampling.sign == 1 and attmask.mask_generator.guidance == MOMENTUM
    assert 'teacher' not in attmask and 0 < sampling.ratio < 1 / 3


def test_every_config_is_in_the_readme():
    readme = (ROOT / 'configs/cmt_mae/README.md').read_text()
    paths = (ROOT / 'configs/cmt_mae').rglob('*.py')
    names = {str(path.relative_to(ROOT / 'configs/cmt_mae')) for path in paths}
    assert not [name for name in names if f'({name})' not in readme and f'/{name}' not in readme]
