"""Pretraining configs: values of the papers, widths, weight decay."""
import inspect
import re
from functools import cache

import pytest
from mmengine.runner import Runner

from mmguided.registry import MODELS
from mmguided.structures import Clock
from tests.helpers.configs import (
    ABSENT,
    build_without_memory,
    differences,
    load,
    parameter_groups,
)
from tests.helpers.paths import ROOT

METHODS = 'mae', 'ccmim', 'cmae', 'cmt_mae', 'conditional_mae', 'self_guided_mae'
ALL = sorted(str(path.relative_to(ROOT / 'configs').with_suffix(''))
             for method in METHODS for path in (ROOT / 'configs' / method).rglob('*.py'))
SMALL = [name for name in ALL if 'vit-micro' in name or '/guidance/' in name]
PRETRAINING = [name for name in ALL if name not in SMALL]

# Fields that differ from another config ------------------------------------------------------

MAE, CCMIM, CMT = 'mae/vit-b_800e', 'ccmim/vit-b_800e', 'cmt_mae/vit-b_800e'
CMAE, CMAE_300, SELF_GUIDED = 'cmae/vit-b_800e', 'cmae/vit-b_300e', 'self_guided_mae/vit-b_400e'
CONDITIONAL, IN100 = 'conditional_mae/vit-b_300e', 'mae/vit-b_300e_in100'
PIPELINE = 'train_dataloader.dataset.pipeline'
MASKS = 'model.mask_generator'
CROP, FLIP = [('mmguided.RandomResizedCrop', 224)], ('RandomFlip', None)
SHIFT = [('mmguided.RandomResizedCrop', 256), ('mmguided.PixelShift', 224)]
WITH_SCORES, VIEWS = [('mmguided.WithScores', CROP)], [('MultiView', None)]


def length(epochs: int) -> dict:
    return {'train_cfg.max_epochs': epochs, 'param_scheduler.1.end': epochs}


def batch(total: int) -> dict:
    """Options of a batch size on 8 processes."""
    return {'train_dataloader.batch_size': total // 8, 'auto_scale_lr.base_batch_size': total}


def rate(base: float, total: int = 4096) -> dict:
    """Learning rate from the base rate per 256 images."""
    return {'optim_wrapper.optimizer.lr': pytest.approx(base * total / 256)}


def shots(*pairs: tuple) -> dict:
    return {'model.type': 'mmguided.ConditionalMAE', f'{MASKS}.mask_ratio': None,
            f'{MASKS}.shots': pairs}


def attention(source: str, **settings) -> dict:
    return dict(type='mmguided.ClsAttention', source=source, **settings)


def images(pipeline: list) -> dict:
    """Changes of the configs for any folder of images."""
    return {
        'model.backbone.arch': 'small', PIPELINE: pipeline, 'train_cfg.max_epochs': 400,
        'train_dataloader.dataset.data_root': 'data/images',
        'train_dataloader.dataset.data_prefix': '',
        'train_dataloader.dataset.with_label': 'auto',
        'train_dataloader.batch_size': 256, 'auto_scale_lr.base_batch_size': 256,
        'auto_scale_lr.enable': True, **rate(1.5e-4, 256),
        'param_scheduler.0.type': 'mmguided.WarmupLR', 'param_scheduler.0.share': .05,
        **{f'param_scheduler.{name}': ABSENT
           for name in ('0.by_epoch', '0.begin', '0.end', '1.begin', '1.end')},
        'custom_hooks': [dict(type='mmguided.OnlineEvaluationHook')]}


HYBRID = {'model.backbone.type': 'mmguided.MaskedHybridViT', 'model.backbone.patch_size': ABSENT}
# ccMIM
CCMIM_ATTENTION = attention('student', softmax='mean', reduce='sum')
MLP = dict(type='NonLinearNeck', out_channels=256, with_avg_pool=False)
CCMIM_PROJECTOR = dict(
    MLP, with_last_bn_affine=False, norm_cfg=dict(type='BN1d'),
    init_cfg=[dict(type='Xavier', layer='Linear', distribution='uniform'),
              dict(type='Constant', layer='BatchNorm1d', val=1, bias=0)])
SIMSIAM = dict(
    MLP, in_channels=256, hid_channels=64, with_bias=False, with_last_bn=False,
    with_last_bias=True, norm_cfg=dict(type='BN1d'))
# CMAE
CMAE_MLP = dict(
    MLP, hid_channels=1536, with_bias=True, with_last_bn=False,
    norm_cfg=dict(type='mmguided.SyncBatchNorm', eps=1e-6))
RELEASED_DECAY = {'norm_decay_mult': ABSENT, 'bias_decay_mult': ABSENT, 'flat_decay_mult': ABSENT,
                  'custom_keys': {name: dict(decay_mult=0.) for name in (
                      'ln', 'bias', 'pos_embed', 'mask_token', 'cls_token')}}
# CMT-MAE
CLIP = dict(type='mmguided.OpenCLIPTeacher', model_name='ViT-B-16', pretrained='openai')
MOMENTUM = dict(type='mmguided.MomentumEncoder', momentum=.996, end_momentum=1.)
PROPORTIONAL = dict(type='mmguided.ProportionalSampling', masked='high')
ALPHA = dict(start=0., end=.3, begin=1 / 8, relative=True)
SOURCES = [attention(source, layers=[-1]) for source in ('momentum', 'teacher')]
COLLABORATIVE_MASKS = {
    'model.teacher': CLIP, 'model.momentum_encoder': MOMENTUM, f'{MASKS}.sampling': PROPORTIONAL,
    f'{MASKS}.guidance': dict(type='mmguided.Blend', guidances=SOURCES, weights=[ALPHA])}
CLIP_TARGET = {
    'model.target_generator.type': 'mmguided.FeatureTarget',
    'model.target_generator.norm_pix': ABSENT, 'model.target_generator.source': 'teacher',
    'model.head.reduction': 'sum'}
# Self-guided MAE
NCUT = dict(type='mmguided.NcutRelevance', source='student', layer=-2, cluster='object')
TOP_K = dict(type='mmguided.TopKSampling')


def hints(**settings) -> dict:
    return {f'{MASKS}.sampling': dict(type='mmguided.HintSampling', sampling=TOP_K, **settings)}


SELF_GUIDED_MASKS = {
    **hints(ratio=.05, choice='uniform'),
    f'{MASKS}.guidance': dict(type='mmguided.CachedGuidance', guidance=NCUT),
    f'{MASKS}.schedule': dict(begin='trigger'),
    'default_hooks.exploitation': dict(type='mmguided.ExploitationHook', interval=100)}

# : Config -> another config, and the differences that the papers state.
CHANGES = {
    **{f'mae/vit-b_{n}e': (MAE, length(n)) for n in (200, 300, 400, 1600)},
    'mae/hybrid-b_1600e': ('mae/vit-b_1600e', HYBRID),
    'mae/vit-b_800e_released': (MAE, {PIPELINE: [*CROP, FLIP]}),
    IN100: (MAE, {**length(300), **batch(256), **rate(1.5e-4, 256),
                  'train_dataloader.dataset.classes': 'data/imagenet/subsets/imagenet100.txt'}),
    CCMIM: (MAE, {
        'model.type': 'mmguided.CCMIM', **batch(1024), **rate(1.5e-4, 1024),
        f'{MASKS}.sampling': dict(type='mmguided.ImportanceSampling'),
        f'{MASKS}.guidance': CCMIM_ATTENTION,
        'model.projector': CCMIM_PROJECTOR,
        'model.contrast_head': dict(
            type='mmguided.InfoNCEHead', temperature=.5, student_negatives=True,
            loss_weight=.2)}),
    **{f'ccmim/vit-b_{n}e': (CCMIM, length(n)) for n in (100, 300, 400)},
    'ccmim/vit-b_800e_cached': (CCMIM, {
        PIPELINE: WITH_SCORES, f'{MASKS}.guidance.type': 'mmguided.CachedGuidance',
        f'{MASKS}.guidance.refresh': 20, f'{MASKS}.guidance.guidance': CCMIM_ATTENTION,
        **{f'{MASKS}.guidance.{key}': ABSENT for key in ('source', 'softmax', 'reduce')}}),
    'ccmim/vit-b_800e_released': (CCMIM, {
        **rate(1.5e-4), 'optim_wrapper.accumulative_counts': 4,
        'auto_scale_lr.base_batch_size': 4096, PIPELINE: [*CROP, FLIP],
        f'{MASKS}.guidance.softmax': 'heads', 'model.contrast_head.student_negatives': False,
        'model.contrast_head.temperature_scale': True, 'model.contrast_head.loss_weight': .1}),
    'ccmim/ablations/vit-b_300e_hog-target': ('ccmim/vit-b_300e', {
        'model.target_generator.type': 'mmguided.HOGTarget',
        'model.target_generator.norm_pix': ABSENT}),
    'ccmim/ablations/vit-b_400e_simsiam-loss': ('ccmim/vit-b_400e', {
        'model.contrast_head.type': 'mmguided.CosineHead',
        'model.contrast_head.predictor': SIMSIAM,
        'model.contrast_head.temperature': ABSENT,
        'model.contrast_head.student_negatives': ABSENT}),
    CMAE: (MAE, {
        'model.type': 'mmguided.CMAE', PIPELINE: SHIFT,
        'model.momentum_encoder': dict(
            type='mmguided.MomentumEncoder', momentum=.996, final_norm=False),
        'model.feature_decoder': dict(
            type='mmguided.MAEDecoder', embed_dims=512, depth=2, num_heads=16),
        'model.feature_head': dict(type='mmguided.PredictionHead'),
        'model.projector': CMAE_MLP,
        'model.contrast_head': dict(
            type='mmguided.InfoNCEHead', temperature=.07, temperature_scale=True, loss_weight=1.,
            predictor=dict(CMAE_MLP, in_channels=256))}),
    **{f'cmae/vit-b_{n}e': (CMAE, length(n)) for n in (300, 1600)},
    'cmae/hybrid-b_800e': (CMAE, HYBRID),
    'cmae/hybrid-b_1600e': ('cmae/hybrid-b_800e', length(1600)),
    'cmae/vit-b_800e_released': (CMAE, {
        PIPELINE: [SHIFT[0], FLIP, SHIFT[1]], f'{MASKS}.mask_ratio': .65,
        f'{MASKS}.sampling': dict(type='mmguided.GridBlockSampling', block_size=2),
        **{f'optim_wrapper.paramwise_cfg.{key}': value for key, value in RELEASED_DECAY.items()}}),
    'cmae/ablations/vit-b_300e_byol-loss': (CMAE_300, {
        'model.contrast_head.type': 'mmguided.CosineHead', 'model.contrast_head.loss_weight': 2.,
        'model.contrast_head.temperature': ABSENT,
        'model.contrast_head.temperature_scale': ABSENT}),
    'cmae/ablations/vit-b_300e_contrast': (CMAE_300, {
        'model.feature_decoder': None, 'model.feature_head': None, PIPELINE: VIEWS}),
    'cmae/ablations/vit-b_300e_random-crop': (CMAE_300, {PIPELINE: VIEWS}),
    CMT: (MAE, {
        'model.type': 'mmguided.CMTMAE', 'model.alpha': ALPHA, **COLLABORATIVE_MASKS, **CLIP_TARGET,
        'model.student_target': dict(type='mmguided.FeatureTarget', source='momentum'),
        'model.student_head': dict(type='mmguided.ReconstructionHead', reduction='sum')}),
    'cmt_mae/ablations/vit-b_800e_masks-only': (MAE, COLLABORATIVE_MASKS),
    'cmt_mae/ablations/vit-b_800e_targets-only': (CMT, {
        f'{MASKS}.sampling': ABSENT, f'{MASKS}.guidance': ABSENT}),
    'cmt_mae/ablations/vit-b_800e_alpha-0': (MAE, {
        'model.teacher': CLIP, f'{MASKS}.sampling': PROPORTIONAL, f'{MASKS}.guidance': SOURCES[1],
        **CLIP_TARGET}),
    'cmt_mae/vit-b_800e_attmask-like': (MAE, {
        'model.momentum_encoder': MOMENTUM, **hints(ratio=.1), f'{MASKS}.guidance': SOURCES[0]}),
    CONDITIONAL: ('mae/vit-b_300e', shots((0, .75), (10, .1))),  # the best shots of Sec. 3.1
    'conditional_mae/vit-b_800e': (CONDITIONAL, length(800)),
    'conditional_mae/vit-b_1600e': (CONDITIONAL, length(1600)),
    'conditional_mae/vit-l_300e': (CONDITIONAL, {
        'model.backbone.arch': 'large', **batch(1024), **rate(1.5e-4, 1024),
        'param_scheduler.0.end': 30, 'param_scheduler.1.begin': 30}),
    'conditional_mae/vit-b_300e_in100': (IN100, shots((0, .75), (10, .1))),
    'conditional_mae/convnextv2-b_800e_one-shot': ('mae/vit-b_800e_released', {  # FCMAE
        'train_dataloader.batch_size': 128, 'optim_wrapper.accumulative_counts': 4,
        f'{MASKS}.mask_ratio': .6,
        'model.backbone.type': 'mmguided.MaskedConvNeXt', 'model.backbone.patch_size': ABSENT,
        'model.backbone.use_grn': True, 'model.backbone.layer_scale_init_value': 0.,
        'model.neck.type': 'mmguided.ConvNeXtDecoder', 'model.neck.depth': 1,
        'model.neck.num_heads': ABSENT,
        'model.head.init_cfg': dict(type='TruncNormal', layer='Linear', std=.02)}),
    'conditional_mae/convnextv2-b_800e_two-shot': (
        'conditional_mae/convnextv2-b_800e_one-shot', shots((0, .6), (3, .1))),
    'conditional_mae/swin-b_100e_two-shot': ('conditional_mae/swin-b_100e_one-shot', {
        **shots((0, .6), (3, .1)), 'model.backbone.mask_stages': (0, 3)}),
    SELF_GUIDED: ('mae/vit-b_400e', SELF_GUIDED_MASKS | {PIPELINE: WITH_SCORES}),
    **{f'self_guided_mae/vit-b_{n}e': (SELF_GUIDED, length(n)) for n in (200, 800, 1600)},
    'self_guided_mae/vit-b_400e_amt-like': ('mae/vit-b_400e', {
        f'{MASKS}.sampling': PROPORTIONAL, f'{MASKS}.schedule': dict(begin=41),
        f'{MASKS}.guidance': dict(type='mmguided.CachedGuidance', refresh=40,
                                  guidance=attention('student', layers=[-1])),
        PIPELINE: WITH_SCORES}),
    'self_guided_mae/vit-b_400e_fresh': (SELF_GUIDED, {
        PIPELINE: CROP, f'{MASKS}.guidance.guidance': ABSENT,
        **{f'{MASKS}.guidance.{key}': value for key, value in NCUT.items()}}),
    **{f'{method}/vit-s_images': (f'{method}/vit-b_800e', images([*CROP, FLIP]))
       for method in ('mae', 'ccmim', 'cmt_mae', 'conditional_mae')},
    'cmae/vit-s_images': (CMAE, images([SHIFT[0], FLIP, SHIFT[1]])),
    'self_guided_mae/vit-s_images': (
        'mae/vit-s_images',
        SELF_GUIDED_MASKS | {PIPELINE: [('mmguided.WithScores', [*CROP, FLIP])]}),
    'self_guided_mae/ablations/vit-b_400e_hint-relevance': (SELF_GUIDED, {
        f'{MASKS}.sampling.choice': 'proportional',
        f'{MASKS}.sampling.ratio': dict(start=.05, end=.01, begin='trigger', ramp=350)}),
    'self_guided_mae/ablations/vit-b_400e_no-hints': (SELF_GUIDED, {
        f'{MASKS}.sampling.type': 'mmguided.TopKSampling',
        **{f'{MASKS}.sampling.{key}': ABSENT for key in ('sampling', 'ratio', 'choice')}}),
}


@cache
def of_the_run(name: str) -> dict:
    """Fields that a Runner reads, without the variables of a config."""
    fields = {*inspect.signature(Runner.__init__).parameters, 'auto_scale_lr'}
    return {key: value for key, value in load(name).to_dict().items() if key in fields}


def steps(pipeline: list[dict]) -> list[tuple]:
    """Types and sizes of transforms, except loading and packing."""
    return [(step['type'], steps(step['transforms']) if step['type'] == 'mmguided.WithScores'
             else step.get('scale', step.get('crop_size')))
            for step in pipeline if step['type'] not in ('mmguided.LoadImage', 'PackInputs')]


def test_every_pretraining_config_is_in_the_table():
    assert {MAE, *CHANGES, 'conditional_mae/swin-b_100e_one-shot'} == set(PRETRAINING)


@pytest.mark.parametrize('name', CHANGES)
def test_what_a_config_changes(name):
    other, expected = CHANGES[name]
    changed = differences(of_the_run(other), of_the_run(name))
    if PIPELINE in changed:
        changed[PIPELINE] = steps(changed[PIPELINE])
    assert changed == expected


def test_mae():
    """The other configs change fields of this config."""
    cfg = load(MAE)
    assert cfg.model == dict(
        type='mmguided.MAE',
        backbone=dict(type='mmguided.MaskedViT', arch='base', img_size=224, patch_size=16),
        mask_generator=dict(type='mmguided.MaskGenerator', mask_ratio=.75),
        neck=dict(type='mmguided.MAEDecoder', embed_dims=512, depth=8, num_heads=16),
        target_generator=dict(type='mmguided.PixelTarget', norm_pix=True),
        head=dict(type='mmguided.ReconstructionHead'))
    assert cfg.optim_wrapper.optimizer == dict(
        type='AdamW', lr=pytest.approx(2.4e-3), betas=(.9, .95), weight_decay=.05, fused=True)
    assert not {'accumulative_counts', 'clip_grad'} & cfg.optim_wrapper.keys()
    in_iterations = dict(by_epoch=True, convert_to_iter_based=True)
    assert cfg.param_scheduler == [
        dict(type='LinearLR', start_factor=1e-4, begin=0, end=40, **in_iterations),
        dict(type='CosineAnnealingLR', begin=40, end=800, eta_min=0., **in_iterations)]
    assert cfg.train_cfg.max_epochs == 800
    assert cfg.train_dataloader.batch_size * 8 == cfg.auto_scale_lr.base_batch_size == 4096
    pipeline = cfg.train_dataloader.dataset.pipeline
    assert steps(pipeline) == CROP
    assert (pipeline[1].crop_ratio_range, pipeline[1].interpolation) == ((.2, 1.), 'bicubic')


@pytest.mark.parametrize('name', ALL)
def test_hooks_that_every_pretraining_needs(name):
    """The hooks are in default_hooks, because a config that sets custom_hooks replaces that
    list."""
    defaults = {hook['type'] for hook in of_the_run(name)['default_hooks'].values()}
    assert {f'mmguided.{name}Hook' for name in (
        'Clock', 'MomentumUpdate', 'ScoreMaps', 'RNGState', 'RunIdentity', 'PlainCheckpoint',
        'StrictBackbone', 'InputSize', 'BrokenImageReport')} <= defaults


@pytest.mark.parametrize('name', ALL)
def test_processes_draw_different_masks(name):
    assert of_the_run(name)['randomness']['diff_rank_seed']


@pytest.mark.parametrize('name', [
    'cmt_mae/vit-micro_folder-32', 'ccmim/guidance/teacher_top-k_hints'])
def test_a_teacher_in_a_folder_brings_its_weights(name):
    """OpenCLIPTeacher rejects a folder together with a tag, which is its default."""
    teacher = load(name).model.teacher
    assert teacher.model_name.startswith('local-dir:') and teacher.pretrained is None


@pytest.mark.parametrize('name, recolored', [('contrast', True), ('random-crop', False)])
def test_random_crops_of_cmaes_ablations_are_maes(name, recolored):
    """There are two crops; the target view has color augmentation or not."""
    crop = load(MAE).train_dataloader.dataset.pipeline[1]
    colors = load(CMAE_300).train_dataloader.dataset.pipeline[2].target_transforms
    _, views, _ = load(f'cmae/ablations/vit-b_300e_{name}').train_dataloader.dataset.pipeline
    (*online, ), (*target, ) = views.transforms
    assert views.num_views == [1, 1] and online == [crop]
    assert target == [crop, *(colors if recolored else ())]


@pytest.mark.parametrize('name', ['ccmim/vit-b_800e_cached', SELF_GUIDED])
def test_scores_follow_the_crops_of_mae(name):
    load_image, with_scores = load(name).train_dataloader.dataset.pipeline
    assert [load_image, *with_scores.transforms] == load(MAE).train_dataloader.dataset.pipeline


def test_stages_of_cmt_mae_switch_together_after_100_of_800_epochs():
    model, clock = build_without_memory(load(CMT)), Clock()
    blend = model.mask_generator.shots[0].guidance
    for epoch, alpha in ((99.9, 0.), (100, .3), (800, .3)):
        clock.set(epoch, 800)
        assert model.alpha.at(clock) == blend.weights_at(clock)[0] == alpha
        assert set(blend.wants(clock)) == {'teacher', *(['momentum'] if alpha else [])}


def test_an_option_of_the_projector_leaves_the_predictor_alone():
    """The config writes both as one dict."""
    cfg = load(f'{CMAE_300} model.projector.norm_cfg.type=BN1d')
    assert cfg.model.projector.norm_cfg.type == 'BN1d'
    assert cfg.model.contrast_head.predictor.norm_cfg.type == 'mmguided.SyncBatchNorm'


SIZES = [(f'{method}/vit-b_{epochs}', arch) for method, epochs in (
    ('mae', '800e'), ('ccmim', '800e'), ('cmae', '800e'), ('cmt_mae', '800e'),
    ('conditional_mae', '300e_in100'), ('self_guided_mae', '400e')) for arch in ('small', 'large')]


@pytest.mark.parametrize('name, arch', [
    *((name, None) for name in ALL if not re.search('swin|convnext', name)), *SIZES])
def test_model_builds_with_fitting_widths(name, arch):
    """Necks, heads and projectors take their width from the backbone, so the encoder size is one
    option."""
    cfg = load(name)
    if arch:
        cfg.merge_from_dict({'model.backbone.arch': arch})
    model = build_without_memory(cfg)
    width = model.backbone.embed_dims
    assert arch is None or width == dict(small=384, large=1024)[arch]
    assert model.neck.decoder_embed.in_features == width
    assert model.head.decoder_pred.out_features == model.target_generator.dims
    for name, part in model.named_children():
        assert not name.endswith('projector') or part.fc0.in_features == width


def count(*modules):
    return [sum(parameter.numel() for parameter in module.parameters()) for module in modules]


def test_number_of_parameters():
    """85.8 M in ViT-B's encoder and 111.9 M in MAE's whole model (mmpretrain's metafile). CMAE adds
    an encoder without a final norm, two blocks, two projectors and a predictor."""
    mae, cmae, shared = (build_without_memory(cfg) for cfg in (
        load('mae/vit-b_800e'), load('cmae/vit-b_800e'),
        load(f'{CMAE_300} model.feature_decoder=None model.feature_head.block=2')))
    assert count(mae.backbone, mae) == [85798656, 111907840]
    block = 12 * 512**2 + 13 * 512
    decoder = (768 * 512 + 512) + 512 + 197 * 512 + 2 * block + 2 * 512
    prediction = 512 * 768 + 768
    projector = 768 * 1536 + 3 * 1536 + 1536 * 256
    predictor = 256 * 1536 + 3 * 1536 + 1536 * 256
    added = [85798656 - 2 * 768, decoder, prediction, projector, projector, predictor]
    assert count(cmae.momentum_encoder, cmae.feature_decoder, cmae.feature_head, cmae.projector,
                 cmae.target_projector, cmae.contrast_head) == added
    assert count(cmae) == [111907840 + sum(added)]
    assert count(shared) == [count(cmae)[0] - decoder + 2 * 512]
    assert count(shared.feature_head) == [2 * 512 + prediction]


def timms(name, parameter):
    """timm's rule, in the codes of MAE and ccMIM: vectors do not decay, tokens do."""
    return parameter.ndim > 1


def released_cmaes(name, parameter):
    """Layer norms, biases and tokens do not decay, batch norms do."""
    return not any(key in name for key in ('ln', 'bias', 'pos_embed', '_token'))


@pytest.mark.parametrize('name, decays', [
    ('mae/vit-b_300e.py', timms), ('cmae/vit-b_300e.py', timms),
    ('cmae/vit-b_800e_released.py', released_cmaes)])
def test_weight_decay(name, decays):
    cfg = load(name)
    cfg.model.backbone.arch = 'tiny'
    groups = parameter_groups(model := MODELS.build(cfg.model), cfg)
    decay = {key: group['weight_decay'] for key, group in groups.items()}
    trained = {key: parameter for key, parameter in model.named_parameters() if key in groups}
    assert {decays(*pair) for pair in trained.items()} == {True, False}
    assert decay == {key: .05 * decays(key, parameter) for key, parameter in trained.items()}
