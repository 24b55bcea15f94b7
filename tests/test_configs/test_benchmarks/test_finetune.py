"""Fine-tuning: loaded weights, MAE's pooling, and learning rates."""
import math

import pytest
import torch
import torch.nn.functional as F
from mmengine.optim import build_optim_wrapper
from mmengine.registry import PARAM_SCHEDULERS
from mmengine.runner import Runner

from mmguided.models import MaskedHybridViT, MaskedViT
from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError
from tests.helpers.benchmarks import load, save_encoder
from tests.helpers.colors import ARCH, COLORS, color_folders, small
from tests.helpers.configs import build_without_memory, parameter_groups

VIT_B, VIT_L = 'imagenet/vit-b_finetune-100e', 'imagenet/vit-l_finetune-50e'


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    return color_folders(tmp_path_factory.mktemp('colors'), train=8, val=5)


def finetune_config(folders, work_dir, width=ARCH['embed_dims']):
    """Shipped config for three color classes, and the encoder in its checkpoint."""
    cfg = small(f'{VIT_B}.py', folders, work_dir)
    torch.manual_seed(1)
    source = MaskedViT(arch={**ARCH, 'embed_dims': width}, img_size=32, patch_size=8)
    source.init_weights()
    torch.nn.init.uniform_(source.ln1.weight, .5, 2)  # as after pretraining, when norms are not 1
    cfg.model.backbone.init_cfg.checkpoint = save_encoder(source, work_dir / 'pretrained.pth')
    cfg.model.head.num_classes = len(COLORS)
    cfg.model.data_preprocessor.num_classes = len(COLORS)
    cfg.train_dataloader.dataset.pipeline[1].scale = 32
    cfg.val_dataloader.dataset.pipeline[1].scale = 32
    cfg.val_dataloader.dataset.pipeline[2].crop_size = 32
    for split, loader in (('train', cfg.train_dataloader), ('val', cfg.val_dataloader)):
        del loader.dataset.split
        loader.dataset.update(type='mmguided.ImageFolder', data_prefix=split, with_label=True)
    cfg.test_dataloader = cfg.val_dataloader
    cfg.val_evaluator.topk = cfg.test_evaluator.topk = (1, )
    cfg.optim_wrapper.type = 'OptimWrapper'
    cfg.optim_wrapper.pop('loss_scale', None)
    return cfg, source


def built(cfg):
    """Model in eval mode with the loaded checkpoint."""
    model = MODELS.build(cfg.model)
    model.init_weights()
    return model.eval()


@pytest.mark.parametrize('name, base_lr, decay, depth', [
    (VIT_B, 5e-4, .65, 12), (VIT_L, 1e-3, .75, 24),
    ('imagenet/hybrid-b_finetune-100e', 5e-4, .65, 11)])
def test_every_parameter_gets_the_rate_of_its_layer(name, base_lr, decay, depth):
    """lr = head lr * decay ^ (number of layers above); vectors and tokens have no weight decay."""
    cfg = load(name)
    model = build_without_memory(cfg)
    groups, parameters = parameter_groups(model, cfg), dict(model.named_parameters())
    assert {'backbone.pos_embed', 'backbone.cls_token', 'backbone.ln2.bias',
            'head.fc.bias'} <= groups.keys() == parameters.keys()
    for parameter_name, group in groups.items():
        part, *rest = parameter_name.removeprefix('backbone.').split('.')
        if part in ('patch_embed', 'cls_token', 'pos_embed'):
            above = depth + 1
        elif part == 'layers':
            above = depth - int(rest[0])
        else:
            above = 0
        assert group['lr'] == pytest.approx(4 * base_lr * decay**above), parameter_name
        decays = parameters[parameter_name].ndim > 1 and part not in ('cls_token', 'pos_embed')
        assert group['weight_decay'] == (.05 if decays else 0), parameter_name


@pytest.mark.parametrize('name', [VIT_B, VIT_L])
def test_schedule_scales_each_layer_alike(name):
    """The rate starts at 1e-4 of the peak, reaches the peak after 5 epochs, and ends at 1e-6, all
    times the scale of the layer."""
    cfg = load(name)
    del cfg.optim_wrapper.loss_scale
    wrapper = build_optim_wrapper(
        build_without_memory(cfg), dict(cfg.optim_wrapper, type='OptimWrapper'))
    peaks = [group['lr'] for group in wrapper.param_groups]
    top = cfg.optim_wrapper.optimizer.lr
    schedulers = [
        PARAM_SCHEDULERS.build(scheduler, default_args=dict(optimizer=wrapper, epoch_length=4))
        for scheduler in cfg.param_scheduler
    ]

    def share():
        shares = [group['lr'] / peak for group, peak in zip(wrapper.param_groups, peaks,
                                                            strict=True)]
        assert max(shares) == pytest.approx(min(shares), rel=1e-3)
        return shares[0]

    assert share() == pytest.approx(1e-4)
    for step in range(1, 4 * cfg.train_cfg.max_epochs):
        for scheduler in schedulers:
            scheduler.step()
        if step == 4 * 5:
            assert share() == pytest.approx(1, rel=1e-3)
    last = 4 * (cfg.train_cfg.max_epochs - 5)
    above_floor = (1 + math.cos(math.pi * (last - 1) / last)) / 2
    assert share() * top == pytest.approx(1e-6 + above_floor * (top - 1e-6), rel=1e-3)


def test_feature_is_maes(folders, tmp_path):
    """Mean over the patches of the last block before any norm, then a new norm (``fc_norm``)."""
    cfg, source = finetune_config(folders, tmp_path)
    images = torch.randn(3, 3, 32, 32)
    model = built(cfg)
    x = source.patch_embed(images)[0]
    x = torch.cat((source.cls_token.expand(3, -1, -1), x), dim=1) + source.pos_embed
    for layer in source.layers:
        x = layer(x)
    feature = F.layer_norm(x[:, 1:].mean(1), (ARCH['embed_dims'], ), eps=1e-6)
    torch.testing.assert_close(model.extract_feat(images)[-1], feature)
    torch.nn.init.normal_(model.head.fc.weight)  # it starts at 2e-5
    torch.testing.assert_close(model(images), feature @ model.head.fc.weight.T)


def test_head_starts_near_zero(folders, tmp_path):
    cfg, _ = finetune_config(folders, tmp_path)
    cfg.model.head.num_classes = 1000
    head = built(cfg).head
    assert head.fc.weight.std().item() == pytest.approx(2e-5, rel=.05)
    assert head.fc.bias.abs().max() == 0


def test_every_weight_but_the_final_norm_is_loaded(folders, tmp_path):
    cfg, source = finetune_config(folders, tmp_path)
    ours, theirs = built(cfg).backbone.state_dict(), source.state_dict()
    assert set(theirs) - set(ours) == {'ln1.weight', 'ln1.bias'}
    assert set(ours) - set(theirs) == {'ln2.weight', 'ln2.bias'}
    for name in set(ours) & set(theirs):
        assert torch.equal(ours[name], theirs[name]), name
    assert torch.equal(ours['ln2.weight'], torch.ones(32)) and ours['ln2.bias'].abs().max() == 0


def test_the_hybrid_starts_from_its_checkpoint_and_pools_alike(tmp_path):
    cfg = load('imagenet/hybrid-b_finetune-100e')
    size = dict(arch={**ARCH, 'stage_dims': (8, 16), 'stage_depths': (1, 1)}, img_size=32,
                strides=(2, 2, 2))
    source = MaskedHybridViT(**size)
    source.init_weights()
    cfg.model.backbone.update(size)
    cfg.model.backbone.init_cfg.checkpoint = save_encoder(source, tmp_path / 'pretrained.pth')
    images = torch.randn(3, 3, 32, 32)
    source.final_norm = False
    feature = F.layer_norm(source.encode(source.embed(images))[:, 1:].mean(1), (32, ), eps=1e-6)
    torch.testing.assert_close(built(cfg).extract_feat(images)[-1], feature)


def test_fine_tuned_checkpoint_loads_its_own_norm(folders, tmp_path):
    cfg, _ = finetune_config(folders, tmp_path)
    tuned = built(cfg)
    torch.nn.init.normal_(tuned.backbone.ln2.weight)
    torch.save({'state_dict': tuned.state_dict()}, tmp_path / 'tuned.pth')
    cfg.model.backbone.init_cfg.checkpoint = str(tmp_path / 'tuned.pth')
    assert torch.equal(built(cfg).backbone.ln2.weight, tuned.backbone.ln2.weight)


@pytest.mark.parametrize('wrong, message', [
    ('size', 'width 64'), ('key', 'backbone.layers.1.ffn.layers.1.bias'),
    ('path', 'init_cfg.checkpoint')])
def test_a_wrong_checkpoint_stops(folders, tmp_path, wrong, message):
    width = 64 if wrong == 'size' else ARCH['embed_dims']
    cfg, _ = finetune_config(folders, tmp_path, width)
    if wrong == 'key':
        checkpoint = torch.load(tmp_path / 'pretrained.pth')
        del checkpoint['state_dict'][message]
        torch.save(checkpoint, tmp_path / 'pretrained.pth')
    if wrong == 'path':
        cfg.model.backbone.init_cfg.checkpoint = ''
    with pytest.raises(ConfigError, match=message):
        built(cfg)


def test_a_pretrained_encoder_is_no_classifier(folders, tmp_path):
    """tools/test.py must raise an error for a pretraining checkpoint."""
    cfg, _ = finetune_config(folders, tmp_path)
    cfg.load_from = cfg.model.backbone.init_cfg.checkpoint
    with pytest.raises(ConfigError, match='backbone.ln2.weight'):
        Runner.from_cfg(cfg).test()


def test_mixed_and_smoothed_targets_are_distributions(folders, tmp_path):
    """With a zero head, the loss is log(classes) for any distribution, but not for wrong
    targets."""
    cfg, _ = finetune_config(folders, tmp_path)
    model = built(cfg).train()
    model.head.fc.weight.data.zero_()
    loader = Runner.build_dataloader(cfg.train_dataloader, seed=0)
    mixed = []
    for _ in range(3):
        for batch in loader:
            data = model.data_preprocessor(batch, training=True)
            scores = torch.stack([sample.gt_score for sample in data['data_samples']])
            torch.testing.assert_close(scores.sum(1), torch.ones(len(scores)))
            mixed.append(scores.max(1).values.min() < .99)
            loss = model(**data, mode='loss')['loss']
            assert loss.item() == pytest.approx(math.log(len(COLORS)), rel=1e-5)
            loss.backward()
    assert sum(mixed) > len(mixed) / 2
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name


def test_all_of_the_network_learns(folders, tmp_path):
    """The trained model classifies the colors, and the saved classifier has the same accuracy."""
    cfg, source = finetune_config(folders, tmp_path)
    cfg.train_cfg.update(max_epochs=30, val_interval=30)
    cfg.param_scheduler[1].end = 30
    cfg.optim_wrapper.optimizer.lr = 2e-3
    runner = Runner.from_cfg(cfg)
    model = runner.train()
    before = source.state_dict()
    for name, value in model.backbone.state_dict().items():
        assert name not in before or not torch.equal(value, before[name]), name

    cfg.load_from = str(tmp_path / 'epoch_30.pth')
    cfg.model.backbone.init_cfg.checkpoint = ''
    cfg.experiment_name += '_test'
    accuracy = Runner.from_cfg(cfg).test()['accuracy/top1']
    # The red image with the label blue is wrong; the other fourteen are right.
    assert accuracy == pytest.approx(1400 / 15)
