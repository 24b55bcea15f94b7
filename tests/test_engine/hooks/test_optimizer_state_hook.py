"""OptimizerStateHook: checkpoints with other parameter groups, kernels and precisions."""
import pytest
import torch
from mmengine.model import BaseModel
from torch import nn

from mmguided.utils.errors import ConfigError
from tests.helpers.encoders import build_vit
from tests.helpers.toy import train_module

PLAIN = dict(norm_decay_mult=0., bias_decay_mult=0., flat_decay_mult=0.)
LAYERS = dict(layer_decay_rate=.5, flat_decay_mult=0.)
MMENGINES, OURS = ({
    'plain': dict(constructor=plain, paramwise_cfg=PLAIN),
    'layers': dict(constructor=layers, paramwise_cfg=LAYERS)} for plain, layers in (
        ('DefaultOptimWrapperConstructor', 'mmpretrain.LearningRateDecayOptimWrapperConstructor'),
        ('mmguided.OptimWrapperConstructor', 'mmguided.LayerDecayOptimWrapperConstructor')))
STATE = dict(type='mmguided.OptimizerStateHook')


class Model(BaseModel):
    """Encoder with a frozen parameter, and a layer without gradient."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.backbone = build_vit()
        self.backbone.cls_token.requires_grad_(False)
        self.unused = nn.Linear(3, 3)

    def get_layer_depth(self, name):
        return self.backbone.get_layer_depth(name, 'backbone.')

    def forward(self, inputs, mode='loss'):
        return dict(loss=self.backbone(inputs)[0].pow(3).mean())


def train(work_dir, until, constructor, fused=False, hooks=(STATE, ), **settings):
    """Train with a learning rate that differs between steps and layers."""
    generator = torch.Generator().manual_seed(0)
    images = [dict(inputs=torch.randn(3, 32, 32, generator=generator)) for _ in range(8)]
    optimizer = dict(type='AdamW', lr=1e-3, weight_decay=.1, fused=fused)
    return train_module(
        Model(), work_dir, images, until, hooks=hooks,
        randomness=dict(seed=0), optim_wrapper=dict(optimizer=optimizer, **constructor),
        param_scheduler=[dict(type='LinearLR', start_factor=.5, by_epoch=False, begin=0, end=3),
                         dict(type='CosineAnnealingLR', by_epoch=False, begin=3, end=8,
                              eta_min_ratio=.1)], **settings)


@pytest.mark.parametrize('name', OURS)
def test_checkpoints_with_one_group_per_parameter_resume_exactly(tmp_path, name):
    straight = train(tmp_path / 'a', 4, MMENGINES[name], hooks=())
    checkpoint = torch.load(tmp_path / 'a/epoch_2.pth', weights_only=False)
    assert all(len(group['params']) == 1 for group in checkpoint['optimizer']['param_groups'])
    resumed = train(tmp_path / 'b', 4, OURS[name], resume=True,
                    load_from=str(tmp_path / 'a/epoch_2.pth'))
    assert resumed.iter == straight.iter == 8
    for (key, value), other in zip(
            straight.model.named_parameters(), resumed.model.parameters(), strict=True):
        assert torch.equal(value, other), key
    pairs = [{id(p): group for group in runner.optim_wrapper.optimizer.param_groups
              for p in group['params']} for runner in (straight, resumed)]
    for value, other in zip(*(runner.model.parameters() for runner in (straight, resumed)),
                            strict=True):
        if value.requires_grad:
            assert pairs[0][id(value)]['lr'] == pairs[1][id(other)]['lr']
    for old, new in zip(straight.param_schedulers, resumed.param_schedulers, strict=True):
        assert len(new.base_values) < len(old.base_values)
        assert set(new.base_values) == set(old.base_values)
        assert set(new._last_value) == set(old._last_value)


def test_other_groups_resume_after_their_settings_have_changed(tmp_path):
    """Without exceptions from weight decay, two groups become one."""
    train(tmp_path, 2, OURS['plain'])
    runner = train(tmp_path, 4, dict(OURS['plain'], paramwise_cfg=dict(norm_decay_mult=1.)),
                   hooks=(STATE, dict(type='mmguided.ScheduleHook')), resume=True)
    assert {group['weight_decay'] for group in runner.optim_wrapper.param_groups} == {.1}
    for parameter, state in runner.optim_wrapper.optimizer.state.items():
        assert state['exp_avg'].shape == parameter.shape and state['step'] == 8


def test_states_of_other_shapes_are_refused(tmp_path):
    """Without the hook, torch numbers the parameters of merged groups in another order."""
    train(tmp_path, 1, OURS['plain'], hooks=())
    with pytest.raises(ConfigError, match=r'resume: .*shape \(96, 32\) for backbone'):
        train(tmp_path, 2, OURS['plain'], fused=True, resume=True)


def test_kernels_are_those_of_the_config(tmp_path):
    train(tmp_path, 2, OURS['plain'])
    runner = train(tmp_path, 3, OURS['plain'], fused=True, resume=True)
    assert all(group['fused'] for group in runner.optim_wrapper.optimizer.param_groups)
    assert {int(state['step']) for state in runner.optim_wrapper.optimizer.state.values()} == {6}


def test_fp16_resumes_from_bfloat16(tmp_path):
    """The disabled loss scaler of bfloat16 has an empty state, which an enabled one rejects."""
    runner = train(tmp_path, 1, OURS['plain'])
    checkpoint = torch.load(tmp_path / 'epoch_1.pth', weights_only=False)
    scaler = torch.amp.GradScaler('cpu')
    checkpoint['optimizer']['loss_scaler'] = torch.amp.GradScaler('cpu', enabled=False).state_dict()
    with pytest.raises(RuntimeError, match='empty'):
        scaler.load_state_dict(checkpoint['optimizer']['loss_scaler'])
    runner.call_hook('after_load_checkpoint', checkpoint=checkpoint)
    assert 'loss_scaler' not in checkpoint['optimizer']
    checkpoint['optimizer']['loss_scaler'] = scaler.state_dict()
    runner.call_hook('after_load_checkpoint', checkpoint=checkpoint)
    assert checkpoint['optimizer']['loss_scaler'] == scaler.state_dict()
