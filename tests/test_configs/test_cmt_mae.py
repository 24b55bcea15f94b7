"""Configs of CMT-MAE: what the paper states, its ablations, and the relatives made of parts."""
import pytest

from mmguided.registry import MODELS
from mmguided.structures import Clock
from tests.helpers.configs import build_without_memory, differences, load
from tests.helpers.paths import ROOT

MOMENTUM, TEACHER = (dict(type='mmguided.ClsAttention', source=name, layers=[-1])
                     for name in ('momentum', 'teacher'))
STAGES = dict(start=0., end=.3, begin=1 / 8, relative=True)


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


@pytest.mark.parametrize('alpha', [.1, .5, .7, .9, 1])
def test_alpha_of_table_5_is_set_for_masks_and_targets(alpha):
    readme = (ROOT / 'configs/cmt_mae/README.md').read_text()
    assert (f'`--cfg-options model.alpha.end={alpha} '
            f'model.mask_generator.guidance.weights.0.end={alpha}`') in readme


def test_alpha_0_is_the_first_stage_throughout():
    model, first = (load(f'cmt_mae/{name}').model for name in (
        'ablations/vit-b_800e_alpha-0', 'vit-b_800e'))
    assert model.type == 'mmguided.MAE' and 'momentum_encoder' not in model
    for field in ('backbone', 'neck', 'teacher', 'target_generator', 'head'):
        assert model[field] == first[field]
    assert model.mask_generator == first.mask_generator.to_dict() | dict(guidance=TEACHER)


def test_table_4_switches_off_one_of_the_two():
    both, mae = load('cmt_mae/vit-b_800e').model, load('mae/vit-b_800e').model
    masks, targets = (load(f'cmt_mae/ablations/vit-b_800e_{name}-only').model
                      for name in ('masks', 'targets'))
    assert masks.type == 'mmguided.MAE' and masks.mask_generator == both.mask_generator
    for field in ('target_generator', 'head', 'neck', 'backbone'):
        assert masks[field] == mae[field]
    assert masks.teacher == both.teacher and masks.momentum_encoder == both.momentum_encoder
    assert differences(both.to_dict(), targets.to_dict()).keys() == {
        'mask_generator.sampling', 'mask_generator.guidance'}
    assert targets.mask_generator == mae.mask_generator


def test_attmask_is_parts_of_mae():
    attmask = load('cmt_mae/vit-b_800e_attmask-like').model
    assert attmask.type == 'mmguided.MAE' and 'teacher' not in attmask
    sampling = attmask.mask_generator.sampling
    assert MODELS.build(sampling).sampling.sign == 1 and attmask.mask_generator.guidance == MOMENTUM
    assert 0 < sampling.ratio < 1 / 3
