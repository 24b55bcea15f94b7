"""StrictBackboneHook: checkpoints that do not match the model are errors."""
import pytest
import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from torch import nn

from mmguided.engine.hooks import StrictBackboneHook
from mmguided.models import DataPreprocessor, MaskedViT
from mmguided.utils.checkpoints import rename_weights
from mmguided.utils.errors import ConfigError


class Wrapper(nn.Module):

    def __init__(self, module):
        super().__init__()
        self.module = module


def model(width=24, depth=2, img_size=32, heads=2, init_cfg=None):
    arch = dict(embed_dims=width, num_layers=depth, num_heads=heads, feedforward_channels=2 * width)
    return nn.ModuleDict({
        'backbone': MaskedViT(arch=arch, img_size=img_size, patch_size=8, init_cfg=init_cfg),
        'head': nn.Linear(width, 3)
    })


@pytest.fixture
def load(tmp_path):
    """Save one model and load it into another through a runner with the hook."""

    def run(source, target, prefix='', trains=False, **settings):
        path = tmp_path / 'checkpoint.pth'
        state = rename_weights(source.state_dict(), lambda name: prefix + name)
        torch.save(dict(state_dict=state), path)
        runner = Runner(
            target, str(tmp_path),
            custom_hooks=[dict(type='mmguided.StrictBackboneHook', **settings)],
            default_scope='mmpretrain', experiment_name=str(tmp_path))
        if trains:  # Runner.train builds it before it loads
            runner.optim_wrapper = OptimWrapper(torch.optim.SGD(target.parameters(), 1.))
        runner.load_checkpoint(str(path))

    return run


@pytest.mark.parametrize('prefix', ['', 'module.'])
def test_a_matching_checkpoint_is_loaded(load, prefix):
    source, target = model(), model()
    del source['head']
    nn.init.normal_(source['backbone'].cls_token)
    load(source, target, prefix)
    for name, value in source['backbone'].state_dict().items():
        assert torch.equal(target['backbone'].state_dict()[name], value), name


@pytest.mark.parametrize('test_prefix', [None, ''])
def test_position_embeddings_are_resized(load, test_prefix):
    source, target = model(img_size=64), model(img_size=32)
    nn.init.normal_(source['backbone'].pos_embed)
    load(source, target, test_prefix=test_prefix)
    assert torch.equal(target['backbone'].pos_embed[:, 0], source['backbone'].pos_embed[:, 0])
    assert target['backbone'].pos_embed[:, 1:].std() > .1


def test_heads_may_be_new_in_training_but_not_in_a_test(load):
    source, target = model(), model()
    source['head'] = nn.Linear(24, 5)
    load(source, target, trains=True, test_prefix='')
    with pytest.raises(ConfigError, match=r'do not match this model: 2 of another shape \(head'):
        load(source, target, test_prefix='')


@pytest.mark.parametrize('wrap, settings, match', [
    (None, dict(), 'the weights do not match this encoder: .* width 48'),
    (None, dict(trains=True, test_prefix=''), 'the weights do not match this encoder: .* width 48'),
    (Wrapper, dict(), 'the weights do not match this encoder: .* width 48'),
    (None, dict(test_prefix='bakbone.'), "prefix='bakbone.'")])
def test_another_encoder_or_prefix_is_an_error(load, wrap, settings, match):
    with pytest.raises(ConfigError, match=match):
        load(model(width=48), wrap(model()) if wrap else model(), **settings)


@pytest.mark.parametrize('source', ['metadata', 'config'])
def test_another_number_of_heads_is_an_error(load, tmp_path, source):
    """Heads do not change the shapes of the weights."""
    state = model(heads=3).state_dict()
    checkpoint = dict(state_dict=state if source == 'metadata' else dict(state))
    if source == 'config':
        checkpoint['meta'] = dict(cfg='model = dict(backbone=dict(arch=dict(num_heads=3), '
                                  'img_size=32))')
    torch.save(checkpoint, tmp_path / 'heads.pth')
    backbone = model(init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'heads.pth'),
                                   prefix='backbone.'))['backbone']
    with pytest.raises(ConfigError, match=r'num_heads=2 .* 3 heads. Set it to 3'):
        backbone.init_weights()
    with pytest.raises(ConfigError, match=r'num_heads=2 .* 3 heads. Set it to 3'):
        load(model(heads=3), model())


@pytest.mark.parametrize('std, warns', [
    ([2., 2., 2.], False), ([2.], False), ([1., 2., 2.], True), ([2., 2.], True)])
@pytest.mark.parametrize('field', ['data_preprocessor', 'model.data_preprocessor'])
@pytest.mark.parametrize('trains', [True, False])
def test_another_normalization_is_reported(tmp_path, capsys, std, warns, field, trains):
    """In training after ``init_cfg``, and in tests of a checkpoint."""
    cfg = Config(dict(model=dict(backbone=dict(img_size=32))))
    cfg.merge_from_dict({field: dict(mean=[.1, .2, .3], std=std)})
    path = str(tmp_path / 'checkpoint.pth')
    torch.save(dict(state_dict=model().state_dict(), meta=dict(cfg=cfg.pretty_text)), path)
    target = model(init_cfg=dict(type='Pretrained', checkpoint=path, prefix='backbone.'))
    target.data_preprocessor = DataPreprocessor([.1, .2, .3], [2.] * 3)
    target['backbone'].init_weights()
    runner = Runner(target, str(tmp_path), experiment_name=str(tmp_path),
                    custom_hooks=[dict(type='mmguided.StrictBackboneHook')],
                    default_scope='mmpretrain')
    if trains:
        StrictBackboneHook().before_train(runner)
    else:
        runner.load_checkpoint(path)
    assert ('the encoder was trained with' in capsys.readouterr().out) == warns


def test_weights_that_a_test_does_not_use_are_not_reported(load, capsys):
    """For example decoder and heads of a pretraining checkpoint in a k-NN evaluation."""
    source, target = model(), model()
    del target['head']
    load(source, target)
    assert torch.equal(target['backbone'].cls_token, source['backbone'].cls_token)
    assert 'unexpected' not in capsys.readouterr().out
