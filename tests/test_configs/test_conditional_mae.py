"""Configs of Conditional MAE: the values that the paper states, and its evaluation."""
import re
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.runner import Runner
from PIL import Image

from mmguided.registry import DATASETS, MODELS
from tests.helpers.configs import build_without_memory, load
from tests.helpers.models import make_mask
from tests.helpers.paths import ROOT

README = (ROOT / 'configs/conditional_mae/README.md').read_text()


def load_own(name):
    return load(f'conditional_mae/{name}')


@pytest.mark.parametrize('name, encoder', [
    ('vit-b_300e', 'base'), ('vit-b_800e', 'base'), ('vit-b_1600e', 'base'),
    ('vit-l_300e', 'large'), ('vit-b_300e_in100', 'base')])
def test_shots_of_the_paper(name, encoder):
    """The best shots of Sec. 3.1; everything else is MAE."""
    model = load_own(name).model
    assert model.backbone.arch == encoder
    masks = {key: value for key, value in model.mask_generator.items() if value is not None}
    assert masks == dict(type='mmguided.MaskGenerator', shots=((0, .75), (10, .1)))
    assert 'shot_weights' not in model


def test_the_micro_config_steps():
    """64 patches: 48 masked before the first block, 2 of 16 before the last."""
    cfg = load_own('vit-micro_folder-32')
    model = MODELS.build(cfg.model)
    model.init_weights()
    losses = model.loss(torch.randn(2, 3, 32, 32))
    first, second = losses['error_shot_1'], losses['error_shot_2']
    loss = losses['loss_reconstruction'].detach()
    torch.testing.assert_close(loss, (48 * first + 2 * second) / 50)
    # An untrained decoder predicts about 0 for targets of mean 0 and variance 1 (norm_pix).
    assert .5 < loss < 2
    knn = Config.fromfile(str(ROOT / 'configs/benchmarks/folder/vit-micro_knn.py')).model.backbone
    assert all(model.state_dict()[f'backbone.{key}'].shape == value.shape
               for key, value in MODELS.build(knn).state_dict().items())


def test_fine_tuning_on_imagenet_100(tmp_path):
    """A.1: a class that is not in the list is in neither split."""
    cfg = load('benchmarks/imagenet100/vit-b_finetune-100e')
    model = build_without_memory(cfg)
    assert model.head.fc.out_features == model.data_preprocessor.num_classes == 100
    assert model.head.fc.in_features == model.backbone.embed_dims == 768
    for split in ('train', 'val'):
        for name in 'abc':
            image = tmp_path / split / name / 'x.png'
            image.parent.mkdir(parents=True)
            Image.new('RGB', (40, 40)).save(image)
    (tmp_path / 'classes.txt').write_text('a\nc\n')
    sizes = []
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.dataset.update(data_root=str(tmp_path), classes=str(tmp_path / 'classes.txt'))
        dataset = DATASETS.build(loader.dataset)
        samples = [dataset[i] for i in range(len(dataset))]
        assert [sample['data_samples'].gt_label.item() for sample in samples] == [0, 1]
        sizes += [sample['inputs'].shape for sample in samples]
        assert dataset.test_mode == (loader is not cfg.train_dataloader)
    assert sizes == [(3, 224, 224)] * 6


def test_the_readmes_guided_shot():
    """Of the tokens present, those that [CLS] attends to most are masked."""
    shot = eval(re.search(r'`(dict\(layer=10.*?)`', ' '.join(README.split()))[1])
    cfg = load_own('vit-b_300e_in100')
    cfg.model.mask_generator.shots = ((0, .75), shot)
    model, images = MODELS.build(cfg.model), torch.randn(1, 3, 224, 224)
    mask, log_vars = model.make_mask(images, model.observe(images))
    assert [mask.len_keep_at(layer) for layer in (0, 9, 10)] == [49, 49, 44]
    assert log_vars['topk_overlap_shot_2'] == log_vars['guided_share_shot_2'] == 1


@pytest.mark.parametrize('shots', ['one', 'two'])
def test_swins_recipe_is_mmpretrains(shots):
    cfg = load_own(f'swin-b_100e_{shots}-shot')
    theirs = get_config(
        'mmpretrain::simmim/simmim_swin-base-w6_8xb256-amp-coslr-100e_in1k-192px.py')
    assert cfg.optim_wrapper.optimizer == theirs.optim_wrapper.optimizer
    assert cfg.optim_wrapper.clip_grad == theirs.optim_wrapper.clip_grad
    assert cfg.train_cfg.max_epochs == theirs.train_cfg.max_epochs == 100
    assert cfg.auto_scale_lr.base_batch_size == theirs.auto_scale_lr.base_batch_size == 2048
    assert cfg.train_dataloader.batch_size == theirs.train_dataloader.batch_size == 2048 / 8
    (warmup, cosine), (their_warmup, their_cosine) = cfg.param_scheduler, theirs.param_scheduler
    lowest = cosine.pop('eta_min_ratio') * cfg.optim_wrapper.optimizer.lr
    assert lowest == pytest.approx(their_cosine.pop('eta_min'))
    assert their_cosine.pop('T_max') == cosine.end - cosine.begin
    assert (warmup, cosine) == (their_warmup, their_cosine)
    _, crop, flip, _ = cfg.train_dataloader.dataset.pipeline
    _, their_crop, their_flip, masks, _ = theirs.train_dataloader.dataset.pipeline
    assert their_crop.items() <= crop.items() and their_flip.items() <= flip.items()
    assert masks.mask_ratio == .6


def test_swins_number_of_parameters_masks_and_decay():
    """Those of mmpretrain's metafile, and one more token; 22 of 36 units, and 2 more."""
    cfg = load_own('swin-b_100e_two-shot')
    model = MODELS.build(cfg.model)
    assert sum(p.numel() for p in model.parameters()) == 89874104 + 1024
    mask, _ = make_mask(model, torch.empty(1, 3, 192, 192))
    assert mask.shot.flatten().bincount().tolist() == [12, 22, 2]

    cfg.optim_wrapper.type = 'OptimWrapper'
    del cfg.optim_wrapper.loss_scale
    with_model = SimpleNamespace(model=model)
    optimizer = Runner.build_optim_wrapper(with_model, cfg.optim_wrapper).optimizer
    decay = {id(g['params'][0]): g['weight_decay'] for g in optimizer.param_groups}
    for name, parameter in model.named_parameters():
        exempt = parameter.ndim == 1 or 'mask_token' in name or 'bias_table' in name
        assert decay[id(parameter)] == (0. if exempt else .05), name


@pytest.mark.parametrize('name, kept', [('one-shot', [19, 19]), ('two-shot', [19, 17])])
def test_convnexts_model(name, kept):
    cfg = load_own(f'convnextv2-b_800e_{name}')
    cfg.model.backbone.arch = 'atto'
    model = MODELS.build(cfg.model)
    assert model.target_generator.norm_pix and model.head.decoder_pred.out_features == 32 * 32 * 3
    assert model.neck.decoder_embed.out_features == 512 and len(model.neck.decoder_blocks) == 1
    mask, _ = make_mask(model, torch.zeros(1, 3, 224, 224))
    assert [mask.len_keep_at(stage) for stage in (0, 3)] == kept
    assert model.backbone.stages[0][0].grn is not None and model.backbone.stages[0][0].gamma is None
