"""The linear probe trains a linear layer and nothing else, on exactly the saved encoder."""
import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from mmguided.models import MaskedViT
from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError
from tests.helpers.benchmarks import load
from tests.helpers.colors import ARCH, imagenet_folders, small


@pytest.fixture(scope='module')
def imagenet(tmp_path_factory):
    return imagenet_folders(tmp_path_factory.mktemp('imagenet'), train=3, val=2)


def probe_config(config, imagenet, work_dir, width=ARCH['embed_dims']):
    cfg = small(f'{config}.py', imagenet, work_dir)
    torch.manual_seed(1)
    source = MaskedViT(arch={**ARCH, 'embed_dims': width}, img_size=32, patch_size=8)
    source.init_weights()
    cfg.model.backbone.init_cfg.checkpoint = str(work_dir / 'pretrained.pth')
    torch.save({'state_dict': {f'backbone.{k}': v for k, v in source.state_dict().items()}},
               work_dir / 'pretrained.pth')
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        for transform in loader.dataset.pipeline:
            for size in {'scale', 'crop_size'} & transform.keys():
                transform[size] = 32
    cfg.optim_wrapper = dict(
        type='OptimWrapper', **{k: v for k, v in cfg.optim_wrapper.items()
                                if k in ('optimizer', 'paramwise_cfg')})
    cfg.train_cfg.max_epochs = 1
    return cfg, source


@pytest.mark.parametrize('config', [
    'imagenet/vit-b_linear-90e', 'imagenet/vit-b_linear-90e_avg', 'folder/vit-tiny_linear'
])
def test_only_the_linear_layer_learns(imagenet, tmp_path, config):
    cfg, source = probe_config(config, imagenet, tmp_path)
    runner = Runner.from_cfg(cfg)
    model = runner.model
    model.init_weights()
    # Keep these weights: Runner initializes again.
    model.init_weights = lambda: None
    for name, value in model.backbone.state_dict().items():
        assert torch.equal(value, source.state_dict()[name]), name
    before = {name: value.clone() for name, value in model.state_dict().items()}
    runner.train()

    after = model.state_dict()
    changed = {name for name, value in after.items() if not torch.equal(value, before[name])}
    bn = 'neck.1.bn' if isinstance(cfg.model.neck, list) else 'neck.bn'
    assert changed == {
        'head.layers.head.weight', 'head.layers.head.bias', f'{bn}.running_mean',
        f'{bn}.running_var', f'{bn}.num_batches_tracked'
    }
    assert {n for n, p in model.named_parameters() if p.requires_grad} == {
        'head.layers.head.weight', 'head.layers.head.bias'}


def test_lars_leaves_the_bias_at_the_plain_rate(imagenet, tmp_path):
    cfg, _ = probe_config('imagenet/vit-b_linear-90e', imagenet, tmp_path)
    runner = Runner.from_cfg(cfg)
    wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    excluded = {group['params'][0].ndim: group.get('lars_exclude', False)
                for group in wrapper.param_groups if group['params'][0].requires_grad}
    assert excluded == {2: False, 1: True}
    assert wrapper.param_groups[0]['lr'] == pytest.approx(6.4)


def test_lars_steps_by_its_equations(imagenet, tmp_path):
    """Two steps of the config's optimizer: v = .9 v + lr q g, w = w - v, where q of a matrix is
    .001 |w| / |g| and of the bias 1; at a constant rate that is MAE's LARS, which has lr outside.
    """
    cfg, _ = probe_config('imagenet/vit-b_linear-90e', imagenet, tmp_path)
    runner = Runner.from_cfg(cfg)
    wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    layer = runner.model.head.layers.head
    with torch.no_grad():
        layer.bias.uniform_(-1, 1)
    expected = {name: [value.detach().clone(), 0] for name, value in layer.named_parameters()}
    for scale in (1., 3.):
        for name, value in layer.named_parameters():
            value.grad = scale * torch.randn_like(value)
            weight, velocity = expected[name]
            trust = .001 * weight.norm() / value.grad.norm() if value.ndim == 2 else 1
            velocity = .9 * velocity + 6.4 * trust * value.grad
            expected[name] = [weight - velocity, velocity]
        wrapper.step()
        wrapper.zero_grad()
    for name, value in layer.named_parameters():
        torch.testing.assert_close(value.detach(), expected[name][0], rtol=1e-5, atol=1e-6)


def test_wrong_checkpoint_stops(imagenet, tmp_path):
    cfg, _ = probe_config('imagenet/vit-b_linear-90e', imagenet, tmp_path, width=64)
    with pytest.raises(ConfigError, match='width 64'):
        Runner.from_cfg(cfg).train()


def test_unnamed_checkpoint_stops():
    cfg = load('imagenet/vit-b_linear-90e')
    cfg.model.backbone.arch = ARCH
    init_default_scope('mmpretrain')
    with pytest.raises(ConfigError, match='init_cfg.checkpoint'):
        MODELS.build(cfg.model).init_weights()
