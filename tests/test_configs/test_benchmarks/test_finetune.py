"""Fine-tuning: loaded weights and MAE's pooling."""
import pytest
import torch
import torch.nn.functional as F
from mmengine.runner import Runner

from mmguided.models import MaskedViT
from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError
from tests.helpers.benchmarks import save_encoder
from tests.helpers.colors import ARCH, COLORS, color_folders, small


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    return color_folders(tmp_path_factory.mktemp('colors'), train=8, val=5)


def finetune_config(folders, work_dir):
    """Shipped config for three color classes, and the encoder in its checkpoint."""
    cfg = small('imagenet/vit-b_finetune-100e.py', folders, work_dir)
    torch.manual_seed(1)
    source = MaskedViT(ARCH, img_size=32, patch_size=8)
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


def test_fine_tuned_checkpoint_loads_its_own_norm(folders, tmp_path):
    cfg, _ = finetune_config(folders, tmp_path)
    tuned = built(cfg)
    torch.nn.init.normal_(tuned.backbone.ln2.weight)
    torch.save({'state_dict': tuned.state_dict()}, tmp_path / 'tuned.pth')
    cfg.model.backbone.init_cfg.checkpoint = str(tmp_path / 'tuned.pth')
    assert torch.equal(built(cfg).backbone.ln2.weight, tuned.backbone.ln2.weight)


def test_a_pretrained_encoder_is_no_classifier(folders, tmp_path):
    """tools/test.py must raise an error for a pretraining checkpoint."""
    cfg, _ = finetune_config(folders, tmp_path)
    cfg.load_from = cfg.model.backbone.init_cfg.checkpoint
    with pytest.raises(ConfigError, match='backbone.ln2.weight'):
        Runner.from_cfg(cfg).test()


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
