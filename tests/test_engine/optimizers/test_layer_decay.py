"""Layer-wise decay: learning rate and weight decay of each parameter."""
import pytest
from mmengine.model import BaseModel
from mmengine.optim import build_optim_wrapper
from torch import nn

from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError

ARCH = dict(embed_dims=8, num_layers=3, num_heads=2, feedforward_channels=16)
VIT = dict(type='mmguided.DenseViT', arch=ARCH, img_size=32, patch_size=8)
HYBRID = dict(
    type='mmguided.DenseHybridViT',
    arch=dict(ARCH, stage_dims=(4, 8), stage_depths=(1, 1)),
    img_size=32,
    strides=(2, 2, 2))

class _Detector(BaseModel):
    """Backbone, neck and head, as in detectors and segmentors."""

    def __init__(self, backbone):
        super().__init__()
        self.backbone = MODELS.build(backbone)
        self.neck = nn.Conv2d(4, 4, 1)
        self.roi_head = nn.Linear(4, 4)

    def forward(self, inputs):
        return inputs


def rates(backbone, **custom_keys):
    """Learning rate and weight decay by parameter, at a base of 1."""
    model = _Detector(backbone)
    wrapper = build_optim_wrapper(model, dict(
        type='OptimWrapper',
        constructor='mmguided.LayerDecayOptimWrapperConstructor',
        optimizer=dict(type='AdamW', lr=1., weight_decay=.1),
        paramwise_cfg=dict(
            layer_decay_rate=.5, norm_decay_mult=0., bias_decay_mult=0., flat_decay_mult=0.,
            custom_keys={'.cls_token': dict(decay_mult=0.), '.pos_embed': dict(decay_mult=0.),
                         **custom_keys})))
    groups = {g['param_name']: (g['lr'], g['weight_decay'])
              for g in wrapper.optimizer.param_groups}
    assert groups.keys() == {k for k, p in model.named_parameters() if p.requires_grad}
    return groups


@pytest.mark.parametrize('backbone, table', [
    (VIT, {
        'backbone.cls_token': (.5**4, 0.),
        'backbone.pos_embed': (.5**4, 0.),
        'backbone.patch_embed.projection.weight': (.5**4, .1),
        'backbone.layers.0.attn.qkv.weight': (.5**3, .1),
        'backbone.layers.0.attn.qkv.bias': (.5**3, 0.),
        'backbone.layers.1.ln1.weight': (.5**2, 0.),
        'backbone.layers.2.ffn.layers.1.weight': (.5, .1),
        'backbone.ln1.weight': (1., 0.),
        'neck.weight': (1., .1),
        'roi_head.bias': (1., 0.),
    }),
    (HYBRID, {
        'backbone.cls_token': (.5**4, 0.),
        'backbone.patch_embed.stages.0.projection.weight': (.5**4, .1),
        'backbone.patch_embed.stages.1.blocks.0.depthwise.weight': (.5**4, .1),
        'backbone.layers.0.attn.qkv.weight': (.5**3, .1),
        'backbone.layers.2.attn.qkv.weight': (.5, .1),
        'backbone.fusion.0.weight': (1., .1),
        'backbone.ln1.bias': (1., 0.),
        'roi_head.weight': (1., .1),
    }),
], ids=['ViT', 'hybrid'])
def test_table(backbone, table):
    groups = rates(backbone)
    assert {name: groups[name] for name in table} == {
        name: pytest.approx(pair) for name, pair in table.items()}


def test_a_rate_without_effect_is_an_error():
    with pytest.raises(ConfigError, match=r"custom_keys\['head'\]\.lr_mult=10"):
        rates(VIT, head=dict(lr_mult=10))
