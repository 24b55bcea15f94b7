"""Small CMT-MAE with a teacher that needs no weights."""
import torch
from torch import nn

from mmguided.models import Teacher
from mmguided.registry import MODELS
from mmguided.structures import Observation
from tests.helpers.models import SMALL, as_trained, build

STAGES = dict(start=0., end=.3, begin=1 / 8, relative=True)
SOURCES = [dict(type='mmguided.ClsAttention', source=name, layers=[-1])
           for name in ('momentum', 'teacher')]


@MODELS.register_module()
class LinearTeacher(Teacher):
    """Teacher with linear tokens; attention is a softmax over their first value."""

    def __init__(self, **kwargs) -> None:
        with torch.device('cpu'):  # checkpoints contain the hash of its weights
            model = nn.Conv2d(3, 24, 8, 8)
        super().__init__(model, (32, 32), (.5, ) * 3, (.5, ) * 3, 24, 1, **kwargs)

    def encode(self, images, wants):
        tokens = self.model(images).flatten(2).transpose(1, 2)
        rows = dict.fromkeys(wants.attention, tokens[..., 0].softmax(-1))
        return Observation(1, torch.cat((tokens[:, :1], tokens), 1), rows), (4, 4)


def cmt_mae(alpha=STAGES, alpha_mask=STAGES, **parts):
    feature = dict(type='mmguided.ReconstructionHead', reduction='sum')
    parts = dict(dict(
        teacher=dict(type='mmguided.LinearTeacher'),
        momentum_encoder=dict(type='mmguided.MomentumEncoder', momentum=.9, end_momentum=1.),
        mask_generator=dict(
            type='mmguided.MaskGenerator',
            sampling=dict(type='mmguided.ProportionalSampling'),
            guidance=dict(type='mmguided.Blend', guidances=SOURCES, weights=[alpha_mask])),
        target_generator=dict(type='mmguided.FeatureTarget', source='teacher'),
        head=feature, student_head=feature, alpha=alpha,
        student_target=dict(type='mmguided.FeatureTarget', source='momentum')), **parts)
    model = build('CMTMAE', SMALL, **parts)
    model.init_weights()
    return as_trained(model)
