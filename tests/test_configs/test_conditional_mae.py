"""Configs of Conditional MAE with Swin and ConvNeXt: SimMIM's recipe, masks, parameters."""
import pytest
import torch
from mmengine.hub import get_config

from mmguided.registry import MODELS
from tests.helpers.configs import load, parameter_groups
from tests.helpers.models import make_mask


@pytest.mark.parametrize('shots', ['one', 'two'])
def test_swins_recipe_is_mmpretrains(shots):
    cfg = load(f'conditional_mae/swin-b_100e_{shots}-shot')
    theirs = get_config(
        'mmpretrain::simmim/simmim_swin-base-w6_8xb256-amp-coslr-100e_in1k-192px.py')
    assert cfg.optim_wrapper.optimizer == dict(theirs.optim_wrapper.optimizer, fused=True)
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
    their_crop.update(type='mmguided.RandomResizedCrop')
    assert their_crop.items() <= crop.items() and their_flip.items() <= flip.items()
    assert masks.mask_ratio == .6


def test_swins_number_of_parameters_masks_and_decay():
    """The number of parameters is that of mmpretrain's metafile plus one token. The shots mask 22
    of 36 units and 2 more."""
    cfg = load('conditional_mae/swin-b_100e_two-shot')
    model = MODELS.build(cfg.model)
    assert sum(p.numel() for p in model.parameters()) == 89874104 + 1024
    mask, _ = make_mask(model, torch.empty(1, 3, 192, 192))
    assert mask.shot.flatten().bincount().tolist() == [12, 22, 2]

    decay = {name: group['weight_decay'] for name, group in parameter_groups(model, cfg).items()}
    assert decay == {
        name: 0. if parameter.ndim == 1 or 'mask_token' in name or 'bias_table' in name else .05
        for name, parameter in model.named_parameters()}


@pytest.mark.parametrize('name, kept', [('one-shot', [19, 19]), ('two-shot', [19, 17])])
def test_convnexts_model(name, kept):
    cfg = load(f'conditional_mae/convnextv2-b_800e_{name}')
    cfg.model.backbone.arch = 'atto'
    model = MODELS.build(cfg.model)
    assert model.target_generator.norm_pix and model.head.decoder_pred.out_features == 32 * 32 * 3
    assert model.neck.decoder_embed.out_features == 512 and len(model.neck.decoder_blocks) == 1
    mask, _ = make_mask(model, torch.zeros(1, 3, 224, 224))
    assert [mask.len_keep_at(stage) for stage in (0, 3)] == kept
    assert model.backbone.stages[0][0].grn is not None and model.backbone.stages[0][0].gamma is None
