"""StrictBackboneHook in Runner.load_checkpoint."""
import pytest
import torch
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from torch import nn

from mmguided.models import MaskedViT
from mmguided.utils.errors import ConfigError


class Wrapper(nn.Module):

    def __init__(self, module):
        super().__init__()
        self.module = module


def model(width=24, depth=2, img_size=32):
    arch = dict(embed_dims=width, num_layers=depth, num_heads=2, feedforward_channels=2 * width)
    return nn.ModuleDict({
        'backbone': MaskedViT(arch=arch, img_size=img_size, patch_size=8),
        'head': nn.Linear(width, 3)
    })


@pytest.fixture
def load(tmp_path):
    """Save one model, load it into another through a runner with the hook."""

    def run(source, target, prefix='', trains=False, **settings):
        path = tmp_path / 'checkpoint.pth'
        torch.save({'state_dict': {prefix + k: v for k, v in source.state_dict().items()}}, path)
        runner = Runner(
            target, str(tmp_path),
            custom_hooks=[dict(type='mmguided.StrictBackboneHook', **settings)],
            default_scope='mmpretrain', experiment_name=str(tmp_path))
        if trains:  # Runner.train builds it before it loads
            runner.optim_wrapper = OptimWrapper(torch.optim.SGD(target.parameters(), 1.))
        runner.load_checkpoint(str(path))

    return run


@pytest.mark.parametrize('prefix', ['', 'module.'])
def test_right_checkpoint_is_loaded(load, prefix):
    source, target = model(), model()
    del source['head']
    nn.init.normal_(source['backbone'].cls_token)
    load(source, target, prefix)
    for name, value in source['backbone'].state_dict().items():
        assert torch.equal(target['backbone'].state_dict()[name], value), name


def test_another_grid_is_resized(load):
    source, target = model(img_size=64), model(img_size=32)
    nn.init.normal_(source['backbone'].pos_embed)
    load(source, target)
    assert torch.equal(target['backbone'].pos_embed[:, 0], source['backbone'].pos_embed[:, 0])
    assert target['backbone'].pos_embed[:, 1:].std() > .1


@pytest.mark.parametrize('wrong', [dict(width=48), dict(depth=1), dict(depth=3)])
def test_wrong_checkpoint_stops(load, wrong):
    with pytest.raises(ConfigError, match='pick the config that matches'):
        load(model(**wrong), model())


def test_heads_may_be_new_in_training_but_not_in_a_test(load):
    source, target = model(), model()
    source['head'] = nn.Linear(24, 5)
    load(source, target, trains=True, test_prefix='')
    with pytest.raises(ConfigError, match=r'not of this model: 2 of another shape \(head.*encoder '
                                          'fits.*that this config has trained'):
        load(source, target, test_prefix='')
    with pytest.raises(ConfigError, match='width 48'):
        load(model(width=48), target, trains=True, test_prefix='')


def test_another_grid_is_resized_when_the_whole_model_is_checked(load):
    load(model(img_size=64), model(img_size=32), test_prefix='')


def test_a_prefix_that_the_model_lacks(load):
    with pytest.raises(ConfigError, match="prefix='bakbone.': the model has no weight"):
        load(model(), model(), test_prefix='bakbone.')


def test_wrapped_model_is_looked_into(load):
    with pytest.raises(ConfigError, match='width 48'):
        load(model(width=48), Wrapper(model()))


def test_what_a_test_does_not_need_is_not_listed_as_unexpected(load, capsys):
    """k-NN of a checkpoint of pretraining: the decoder, the heads and the rest."""
    source, target = model(), model()
    del target['head']
    load(source, target)
    assert torch.equal(target['backbone'].cls_token, source['backbone'].cls_token)
    assert 'unexpected' not in capsys.readouterr().out
