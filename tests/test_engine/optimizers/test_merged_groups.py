"""Merged parameter groups: the same steps with few kernels."""
import copy

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from mmguided.utils.errors import ConfigError
from tests.helpers.configs import load
from tests.helpers.encoders import build_vit

CONFIGS = {'mae/vit-b_800e': 'DefaultOptimWrapperConstructor',
           'benchmarks/imagenet/vit-b_finetune-100e':
               'mmpretrain.LearningRateDecayOptimWrapperConstructor'}


def build_optimizer(model: nn.Module, name: str, **settings) -> torch.optim.Optimizer:
    """Optimizer of a config, in full precision."""
    cfg = load(name)
    cfg.merge_from_dict({f'optim_wrapper.{key}': value for key, value in settings.items()})
    del cfg.optim_wrapper['loss_scale']
    return build_optim_wrapper(model, dict(cfg.optim_wrapper, type='OptimWrapper')).optimizer


class Model(nn.Module):
    """Encoder with a frozen parameter and one without gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = build_vit()
        self.unused = nn.Linear(3, 3)
        self.get_layer_depth = lambda name: self.backbone.get_layer_depth(name, 'backbone.')

    def gradients(self) -> None:
        for number, (name, parameter) in enumerate(self.named_parameters()):
            if parameter.requires_grad and 'unused' not in name:
                generator = torch.Generator().manual_seed(number)
                parameter.grad = torch.randn(parameter.shape, generator=generator)


@pytest.mark.parametrize('name', CONFIGS)
def test_steps_equal_those_of_one_group_per_parameter(name):
    merged, single = Model(), None
    merged.backbone.cls_token.requires_grad_(False)
    single = copy.deepcopy(merged)
    single.get_layer_depth = lambda name: single.backbone.get_layer_depth(name, 'backbone.')
    ours = build_optimizer(merged, name, **{'optimizer.fused': False})
    theirs = build_optimizer(
        single, name, **{'optimizer.fused': False, 'constructor': CONFIGS[name]})
    num_trained = sum(parameter.requires_grad for parameter in merged.parameters())
    assert len(theirs.param_groups) == num_trained > 2 * len(ours.param_groups)
    assert ours.param_groups[0]['lr'] == theirs.param_groups[0]['lr']
    start = merged.backbone.patch_embed.projection.weight.clone()
    for _ in range(5):
        for model, optimizer in ((merged, ours), (single, theirs)):
            model.gradients()
            optimizer.step()
    for (key, value), other in zip(merged.named_parameters(), single.parameters(), strict=True):
        assert torch.equal(value, other), key
    assert not torch.equal(start, merged.backbone.patch_embed.projection.weight)
    assert merged.unused.weight not in ours.state


def test_a_shared_parameter_is_not_updated_twice():
    model = Model()
    model.tied = nn.Linear(3, 3)
    model.tied.weight = model.unused.weight
    with pytest.raises(ConfigError, match='bypass_duplicate=False: modules share a parameter'):
        build_optimizer(model, 'mae/vit-b_800e')
    optimizer = build_optimizer(
        model, 'mae/vit-b_800e', **{'paramwise_cfg.bypass_duplicate': True})
    parameters = [p for group in optimizer.param_groups for p in group['params']]
    assert sum(parameter is model.tied.weight for parameter in parameters) == 1


def test_a_step_has_few_operations():
    class Count(TorchDispatchMode):
        calls = 0

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            self.calls += 1
            return function(*args, **(kwargs or {}))

    model = Model()
    optimizer = build_optimizer(model, 'mae/vit-b_800e')
    for _ in range(2):  # the first step creates the state
        model.gradients()
        with Count() as count:
            optimizer.step()
    assert count.calls <= 4 * len(optimizer.param_groups) <= 8
