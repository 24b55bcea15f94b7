"""All combinations of algorithm, sampler, guidance, target and shots: a step works in two
precisions, or the error names the field."""
from collections import Counter
from itertools import product

import pytest
import torch

from mmguided.utils.errors import ConfigError
from tests.helpers.models import CMAE_NCE, MLP, NCE, PROJECTOR, build, total

TINY = dict(img=16, patch=4, dim=16, depth=2, heads=2, ddim=16, ddepth=1, dheads=2)
ALGORITHMS = dict(
    MAE={},
    ConditionalMAE={},
    CCMIM=dict(projector=PROJECTOR, contrast_head=NCE),
    CMAE=dict(
        projector=MLP, contrast_head=CMAE_NCE, feature_head=dict(type='mmguided.PredictionHead')))
SAMPLERS = [dict(type=f'mmguided.{name}') for name in (
    'RandomSampling', 'BlockwiseSampling', 'TopKSampling', 'ImportanceSampling')]
SAMPLERS.append(dict(type='mmguided.GridBlockSampling', sampling=SAMPLERS[2]))
SOURCES = [None, 'student', 'momentum', 'teacher']
TARGETS = [dict(type='mmguided.PixelTarget'), dict(type='mmguided.HOGTarget', cell=2),
           dict(type='mmguided.FeatureTarget')]
SHOTS = [((0, .5), ), ((0, .5), (1, .5))]
FIELDS = ('mask_generator', 'guidance', 'sampling', 'target_generator', 'momentum_encoder')


def outcome(algorithm, momentum, sampling, source, target, shots) -> str:
    """'works', or the field named by the error."""
    parts = dict(ALGORITHMS[algorithm], target_generator=target, mask_generator=dict(
        type='mmguided.MaskGenerator', sampling=sampling, shots=shots,
        guidance=source and dict(type='mmguided.ClsAttention', source=source, layers=[-1])))
    if momentum:
        parts['momentum_encoder'] = dict(type='mmguided.MomentumEncoder')
    elif algorithm == 'CMAE':
        parts['momentum_encoder'] = None
    try:
        model = build(algorithm, TINY, **parts)
    except ConfigError as error:
        assert len(str(error).splitlines()) == 1
        return next(field for field in FIELDS if field in str(error))
    images = torch.randn(2, 3, 16, 16)
    for enabled in (False, True):
        model.zero_grad()
        with torch.autocast('cpu', torch.bfloat16, enabled=enabled):
            losses = model.loss([images] * 2 if model.num_views == 2 else images)
        assert all(value.isfinite() for value in losses.values())
        total(losses).backward()
        assert model.backbone.layers[0].attn.qkv.weight.grad.norm() > 0
    return 'works'


@pytest.mark.parametrize('algorithm', ALGORITHMS)
def test_each_combination_works_or_names_the_field(algorithm):
    """Of 5 samplers, 2 take no scores; 3 need them, one of which only in the first shot. Of 4
    sources (none, student, momentum, teacher), teacher never exists and momentum needs a momentum
    encoder, as does one of 3 targets. An unused momentum encoder is an error."""
    outcomes = Counter(
        (momentum, outcome(algorithm, momentum, *combination)) for momentum in (True, False)
        for combination in product(SAMPLERS, SOURCES, TARGETS, SHOTS))
    shots = 1 if algorithm == 'CCMIM' else 2  # ccMIM has one masked branch
    unscored, scored = 2 * shots, 2 * shots + 1
    if algorithm == 'CMAE':  # reads the momentum encoder itself
        assert outcomes[True, 'works'] == unscored * 3 + scored * 2 * 3
        assert outcomes[False, 'works'] == 0
    else:  # features with no or the student's scores; any target with the momentum encoder's
        assert outcomes[True, 'works'] == unscored * 1 + scored * (1 + 3)
        assert outcomes[False, 'works'] == unscored * 2 + scored * 2
    assert outcomes.total() == 2 * 5 * 4 * 3 * 2
