"""Pretraining configs: values of the papers, widths, weight decay, the 8-GPU command."""
import inspect
import os
import re
import subprocess
from functools import cache
from itertools import combinations

import pytest
import yaml
from mmengine.config import Config
from mmengine.runner import Runner

from mmguided.registry import MODELS, TRANSFORMS
from tests.helpers.configs import build_without_memory, differences, docstring, load
from tests.helpers.paths import ROOT

#: Transforms after loading the image: type and size.
CROP = [('RandomResizedCrop', 224)]
FLIP = CROP + [('RandomFlip', None)]
SHIFT = [('RandomResizedCrop', 256), ('mmguided.PixelShift', 224)]
SHIFT_FLIP = [SHIFT[0], ('RandomFlip', None), SHIFT[1]]
VIEWS = [('MultiView', None)]
BATCH, CCMIM_BATCH, IN100_BATCH = 4096, 1024, 256

#: Config -> epochs, total batch, learning rate, transforms, as the papers state them.
PAPERS = {
    **{f'mae/vit-b_{n}e': (n, BATCH, 2.4e-3, CROP) for n in (200, 300, 400, 800, 1600)},
    'mae/hybrid-b_1600e': (1600, BATCH, 2.4e-3, CROP),
    'mae/vit-b_800e_released': (800, BATCH, 2.4e-3, FLIP),
    'mae/vit-b_300e_in100': (300, IN100_BATCH, 1.5e-4, CROP),
    **{f'ccmim/vit-b_{n}e': (n, CCMIM_BATCH, 6e-4, CROP) for n in (100, 300, 400, 800)},
    'ccmim/vit-b_800e_cached': (800, CCMIM_BATCH, 6e-4, CROP),
    'ccmim/vit-b_800e_released': (800, BATCH, 2.4e-3, FLIP),
    'ccmim/ablations/vit-b_300e_hog-target': (300, CCMIM_BATCH, 6e-4, CROP),
    'ccmim/ablations/vit-b_400e_simsiam-loss': (400, CCMIM_BATCH, 1e-5, CROP),  # Sec. 4.3
    **{f'cmae/vit-b_{n}e': (n, BATCH, 2.4e-3, SHIFT) for n in (300, 800, 1600)},
    **{f'cmae/hybrid-b_{n}e': (n, BATCH, 2.4e-3, SHIFT) for n in (800, 1600)},
    'cmae/vit-b_800e_released': (800, BATCH, 2.4e-3, SHIFT_FLIP),
    'cmae/ablations/vit-b_300e_byol-loss': (300, BATCH, 2.4e-3, SHIFT),
    'cmae/ablations/vit-b_300e_contrast': (300, BATCH, 2.4e-3, VIEWS),
    'cmae/ablations/vit-b_300e_random-crop': (300, BATCH, 2.4e-3, VIEWS),
    'cmt_mae/vit-b_800e': (800, BATCH, 2.4e-3, CROP),
    'cmt_mae/vit-b_800e_attmask-like': (800, BATCH, 2.4e-3, CROP),
    **{f'cmt_mae/ablations/vit-b_800e_{name}': (800, BATCH, 2.4e-3, CROP)
       for name in ('alpha-0', 'masks-only', 'targets-only')},
    'conditional_mae/vit-b_300e': (300, BATCH, 2.4e-3, CROP),
    'conditional_mae/vit-b_800e': (800, BATCH, 1.6e-4, CROP),
    'conditional_mae/vit-b_1600e': (1600, BATCH, 8e-5, CROP),
    'conditional_mae/vit-l_300e': (300, 1024, 2e-5, CROP),
    'conditional_mae/vit-b_300e_in100': (300, IN100_BATCH, 1.5e-4, CROP),
    **{f'conditional_mae/convnextv2-b_800e_{n}-shot': (800, BATCH, 2.4e-3, FLIP)
       for n in ('one', 'two')},
    **{f'self_guided_mae/vit-b_{n}e': (n, BATCH, 2.4e-3, CROP) for n in (200, 400, 800, 1600)},
    'self_guided_mae/vit-b_400e_fresh': (400, BATCH, 2.4e-3, CROP),
    'self_guided_mae/ablations/vit-b_400e_no-hints': (400, BATCH, 2.4e-3, CROP),
}
#: Their own test: SimMIM with Swin-B.
SWIN = [f'conditional_mae/swin-b_100e_{n}-shot' for n in ('one', 'two')]
WARMUPS = {'conditional_mae/vit-l_300e': 30}
ACCUMULATED = {'ccmim/vit-b_800e_released': 4, 'conditional_mae/convnextv2-b_800e_one-shot': 4,
               'conditional_mae/convnextv2-b_800e_two-shot': 4}
METHODS = 'mae', 'ccmim', 'cmae', 'cmt_mae', 'conditional_mae', 'self_guided_mae'
ALL = sorted(str(path.relative_to(ROOT / 'configs').with_suffix(''))
             for method in METHODS for path in (ROOT / 'configs' / method).rglob('*.py'))
SMALL = [name for name in ALL if 'vit-micro' in name or '/guidance/' in name]
PRETRAINING = [name for name in ALL if name not in SMALL]


@cache
def read(name: str) -> Config:
    """A config that the test does not change."""
    return load(name)


def changed(name: str, **options) -> Config:
    """A config with options, whose dots are written as __."""
    cfg = load(name)
    cfg.merge_from_dict({key.replace('__', '.'): value for key, value in options.items()})
    return cfg


def test_every_pretraining_config_is_in_the_table():
    assert set(PRETRAINING) == {*PAPERS, *SWIN}


@pytest.mark.parametrize('name', ALL)
def test_docstring_holds_the_command(name):
    assert f'configs/{name}.py' in docstring(name)


@pytest.mark.parametrize('name', PAPERS)
def test_recipe(name):
    """Batch, learning rate, warm-up, length and pipeline of the paper."""
    cfg = read(name)
    epochs, batch, lr, transforms = PAPERS[name]
    warmup, cosine = cfg.param_scheduler
    warm = WARMUPS.get(name, 40)
    assert cfg.train_cfg.max_epochs == cosine.end == epochs
    assert (warmup.type, warmup.begin, warmup.end) == ('LinearLR', 0, warm)
    assert (cosine.type, cosine.begin, cosine.eta_min) == ('CosineAnnealingLR', warm, 0.)
    assert 'T_max' not in cosine  # MMEngine takes end - begin
    steps = ACCUMULATED.get(name, 1)
    assert cfg.optim_wrapper.get('accumulative_counts', 1) == steps
    assert cfg.train_dataloader.batch_size * 8 == cfg.auto_scale_lr.base_batch_size == batch / steps
    adamw = cfg.optim_wrapper.optimizer
    assert (adamw.type, adamw.betas, adamw.weight_decay) == ('AdamW', (.9, .95), .05)
    assert adamw.lr == pytest.approx(lr) and 'clip_grad' not in cfg.optim_wrapper
    assert cfg.train_dataloader.dataset.get('classes') == (
        'data/imagenet/subsets/imagenet100.txt' if batch == IN100_BATCH else None)
    first, *rest, last = flat(cfg.train_dataloader.dataset.pipeline)
    assert (first.type, last.type) == ('LoadImageFromFile', 'PackInputs')
    assert [(step.type, step.get('scale', step.get('crop_size'))) for step in rest] == transforms
    if 'crop_ratio_range' in rest[0]:
        assert (rest[0].crop_ratio_range, rest[0].interpolation) == ((.2, 1.), 'bicubic')


def flat(pipeline):
    """The transforms of a pipeline, also those within WithScores."""
    first, *rest = pipeline
    return [first, *(rest[0].transforms if rest[0].type == 'mmguided.WithScores' else rest)]


@pytest.mark.parametrize('name', [name for name in PAPERS if 'convnext' not in name])
def test_mask_ratio_and_decoder(name):
    model = read(name).model
    if 'conditional' not in name:
        assert model.mask_generator.mask_ratio == (.65 if name == 'cmae/vit-b_800e_released'
                                                   else .75)
    assert (model.neck.embed_dims, model.neck.depth, model.neck.num_heads) == (512, 8, 16)
    assert model.target_generator.type != 'mmguided.PixelTarget' or model.target_generator.norm_pix


def test_another_length_is_two_options():
    """mim_adamw_800e.py: the cosine ends with the run, after warm-up."""
    cfg = changed('mae/vit-b_800e', train_cfg__max_epochs=300, param_scheduler__1__end=300)
    shorter = read('mae/vit-b_300e')
    assert of_the_run(cfg) == of_the_run(shorter)


@pytest.mark.parametrize('name', ALL)
def test_hooks_that_every_pretraining_needs(name):
    """In default_hooks, because a config that sets custom_hooks replaces that list."""
    defaults = {hook.type for hook in read(name).default_hooks.values()}
    assert {f'mmguided.{name}Hook' for name in (
        'Clock', 'MomentumUpdate', 'ScoreMaps', 'RNGState', 'RunIdentity', 'PlainCheckpoint',
        'StrictBackbone', 'InputSize', 'BrokenImageReport')} <= defaults


@pytest.mark.parametrize('name', ALL)
def test_a_teacher_in_a_folder_brings_its_weights(name):
    """OpenCLIPTeacher refuses a folder and a tag of weights at once; its default is a tag."""
    teacher = read(name).model.get('teacher') or {}
    if str(teacher.get('model_name')).startswith('local-dir:'):
        assert teacher.pretrained is None


def test_ccmim_states_the_paper_and_the_released_code():
    paper, released = (load(f'ccmim/vit-b_800e{suffix}.py').model for suffix in ('', '_released'))
    head = dict(type='mmguided.InfoNCEHead', temperature=.5)
    assert paper.contrast_head == head | dict(student_negatives=True, loss_weight=.2)
    assert released.contrast_head == head | dict(
        student_negatives=False, temperature_scale=True, loss_weight=.1)
    for model, softmax in ((paper, 'mean'), (released, 'heads')):
        guidance = model.mask_generator.guidance
        assert (guidance.softmax, guidance.reduce, 'layers' in guidance) == (softmax, 'sum', False)


def test_cmae_states_the_paper_and_the_released_code():
    paper, released = (load(f'cmae/vit-b_800e{suffix}.py') for suffix in ('', '_released'))
    assert differences(paper.model, released.model) == {
        'mask_generator.sampling': dict(type='mmguided.GridBlockSampling', block_size=2),
        'mask_generator.mask_ratio': .65,
    }
    model = paper.model
    assert model.momentum_encoder == dict(
        type='mmguided.MomentumEncoder', momentum=.996, final_norm=False)
    assert model.feature_decoder == dict(
        type='mmguided.MAEDecoder', embed_dims=512, depth=2, num_heads=16)
    mlp = dict(
        type='NonLinearNeck',
        hid_channels=1536,
        out_channels=256,
        with_bias=True,
        with_last_bn=False,
        with_avg_pool=False,
        norm_cfg=dict(type='mmguided.SyncBatchNorm', eps=1e-6))
    assert model.projector == mlp
    assert model.contrast_head == dict(
        type='mmguided.InfoNCEHead',
        temperature=.07,
        temperature_scale=True,
        loss_weight=1.,
        predictor=mlp | dict(in_channels=256))
    shift, other = (cfg.train_dataloader.dataset.pipeline[-2] for cfg in (paper, released))
    assert shift == other and (shift.crop_size, shift.max_shift) == (224, 31)
    jitter, gray, blur = shift.target_transforms
    assert (jitter.prob, gray.prob, blur.prob) == (.8, .2, .5)
    assert [*jitter.transforms[0].values()] == ['ColorJitter', .4, .4, .4, .1, 'cv2']
    assert (blur.magnitude_range, blur.magnitude_std) == ((.1, 2.), 'inf')


def of_the_run(cfg):
    """The fields that a runner reads, without the variables of a config."""
    fields = {*inspect.signature(Runner.__init__).parameters, 'auto_scale_lr'}
    return {key: value for key, value in cfg.to_dict().items() if key in fields}


PIPELINE = 'train_dataloader.dataset.pipeline'


@pytest.mark.parametrize('name, fields', [
    ('byol-loss', {f'model.contrast_head.{field}' for field in (
        'type', 'temperature', 'temperature_scale', 'loss_weight')}),
    ('contrast', {'model.feature_decoder', 'model.feature_head', PIPELINE}),
    ('random-crop', {PIPELINE}),
])
def test_a_cmae_ablation_changes_its_field_and_nothing_else(name, fields):
    default, ablation = (of_the_run(read(f'cmae/{path}')) for path in (
        'vit-b_300e', f'ablations/vit-b_300e_{name}'))
    assert differences(default, ablation).keys() == fields


def test_values_of_cmaes_ablations():
    byol, default = (read(f'cmae/{path}').model for path in (
        'ablations/vit-b_300e_byol-loss', 'vit-b_300e'))
    head = default.contrast_head
    assert byol.contrast_head == dict(
        type='mmguided.CosineHead', predictor=head.predictor, loss_weight=2 * head.loss_weight)
    contrast = read('cmae/ablations/vit-b_300e_contrast').model
    assert contrast.feature_decoder is contrast.feature_head is None
    shift = changed('cmae/vit-b_300e', train_dataloader__dataset__pipeline__2__target_transforms=[])
    shift = shift.train_dataloader.dataset.pipeline[2]
    assert not TRANSFORMS.build(shift).target_transforms.transforms


@pytest.mark.parametrize('name, recolored', [('contrast', True), ('random-crop', False)])
def test_random_crops_of_cmaes_ablations_are_maes(name, recolored):
    """Two of them; the second, of the target, with or without color augmentation."""
    crop = read('mae/vit-b_300e').train_dataloader.dataset.pipeline[1]
    colors = read('cmae/vit-b_300e').train_dataloader.dataset.pipeline[2].target_transforms
    _, views, _ = read(f'cmae/ablations/vit-b_300e_{name}').train_dataloader.dataset.pipeline
    (*online, ), (*target, ) = views.transforms
    assert views.num_views == [1, 1] and online == [crop]
    assert target == [crop, *(colors if recolored else ())]


def test_metafiles_state_their_configs():
    for method in METHODS:
        models = yaml.safe_load((ROOT / f'configs/{method}/metafile.yml').read_text())['Models']
        for model in models:
            cfg, stated = read(model['Config'][len('configs/'):-len('.py')]), model['Metadata']
            steps = cfg.optim_wrapper.get('accumulative_counts', 1)
            small = 'micro' in model['Name'] or 'guidance' in model['Name']
            assert stated == {
                'Epochs': cfg.train_cfg.max_epochs,
                'Batch Size': cfg.auto_scale_lr.base_batch_size * steps,
                'Training Data': 'any folder of images' if small else
                'ImageNet-100' if 'classes' in cfg.train_dataloader.dataset else 'ImageNet-1k'}


@pytest.mark.parametrize('name', [name for name in PRETRAINING if name.startswith('mae/')])
def test_mae_differs_from_vit_b_in_encoder_data_and_length_alone(name):
    default, other = read('mae/vit-b_800e'), read(name)
    assert set(differences(default.model.to_dict(), other.model.to_dict())) == (
        {'backbone.type', 'backbone.patch_size'} if 'hybrid' in name else set())
    assert differences(default.optim_wrapper, other.optim_wrapper).keys() <= {'optimizer.lr'}


def test_no_two_configs_are_equal():
    """An ablation that is another config is a row of the README and no file."""
    runs = [of_the_run(read(name)) for name in PRETRAINING]
    assert not [(first, second) for (first, one), (second, other) in combinations(
        zip(PRETRAINING, runs, strict=True), 2) if one == other]


def test_an_option_of_the_projector_leaves_the_predictor_alone():
    """The config writes both as one dict."""
    cfg = changed('cmae/vit-b_300e', model__projector__norm_cfg__type='BN1d')
    assert cfg.model.projector.norm_cfg.type == 'BN1d'
    assert differences(cfg.model.projector, cfg.model.contrast_head.predictor) == {
        'in_channels': 256, 'norm_cfg.type': 'mmguided.SyncBatchNorm'}


SIZES = [(f'{method}/vit-b_{epochs}', arch) for method, epochs in (
    ('mae', '800e'), ('ccmim', '800e'), ('cmae', '800e'), ('cmt_mae', '800e'),
    ('conditional_mae', '300e_in100'), ('self_guided_mae', '400e')) for arch in ('small', 'large')]


@pytest.mark.parametrize('name, arch', [
    *((name, None) for name in ALL if not re.search('swin|convnext', name)), *SIZES])
def test_model_builds_with_fitting_widths(name, arch):
    """Necks, heads and projectors take the width from the backbone, so a size is one option."""
    cfg = load(name)
    if arch:
        cfg.merge_from_dict({'model.backbone.arch': arch})
    model = build_without_memory(cfg)
    width = model.backbone.embed_dims
    assert width == (dict(small=384, large=1024)[arch] if arch else
                     128 if name in SMALL else 1024 if 'vit-l' in name else 768)
    assert model.neck.decoder_embed.in_features == width
    assert model.head.decoder_pred.out_features == model.target_generator.dims
    if cfg.model.type == 'mmguided.CCMIM':
        assert model.projector.fc0.in_features == width
    if cfg.model.type == 'mmguided.CMAE':
        projectors = model.projector, model.target_projector
        assert [projector.fc0.in_features for projector in projectors] == [width, width]
        head, predictor = model.feature_head, model.contrast_head.predictor
        assert head is None or head.decoder_pred.out_features == width
        assert predictor.fc0.in_features == model.projector.fc1.out_features
        assert predictor.fc1.out_features == model.target_projector.fc1.out_features
    if cfg.model.type == 'mmguided.ConditionalMAE':
        assert model.mask_generator.layers == [layer for layer, _ in cfg.model.mask_generator.shots]


def count(*modules):
    return [sum(parameter.numel() for parameter in module.parameters()) for module in modules]


def test_number_of_parameters():
    """85.8 M in ViT-B's encoder and 111.9 M in MAE's whole model (mmpretrain's metafile). CMAE
    adds an encoder without final norm, two blocks, two projectors and a predictor."""
    mae, cmae, shared = (build_without_memory(cfg) for cfg in (
        load('mae/vit-b_800e'), load('cmae/vit-b_800e'),
        changed('cmae/vit-b_300e', model__feature_decoder=None, model__feature_head__block=2)))
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
    model = MODELS.build(cfg.model)
    cfg.optim_wrapper.type = 'OptimWrapper'
    del cfg.optim_wrapper.loss_scale
    wrapper = Runner.build_optim_wrapper(_WithModel(model), cfg.optim_wrapper)
    decay = {id(g['params'][0]): g['weight_decay'] for g in wrapper.optimizer.param_groups}
    trained = {k: p for k, p in model.named_parameters() if p.requires_grad}
    assert {decays(*pair) for pair in trained.items()} == {True, False}
    for key, parameter in trained.items():
        assert decay[id(parameter)] == (.05 if decays(key, parameter) else 0.), key


class _WithModel:

    def __init__(self, model):
        self.model = model


@pytest.fixture
def eight_images(data_root, tmp_path):
    """An ImageNet-like root of two classes with eight images each."""
    folders = sorted((data_root / 'imagenet_mini' / 'train').iterdir())
    for i, folder in enumerate(folders[:16]):
        target = tmp_path / 'imagenet' / 'train' / folders[i // 8].name
        target.mkdir(parents=True, exist_ok=True)
        image = next(folder.iterdir())
        (target / image.name).symlink_to(image)
    return tmp_path / 'imagenet'


@pytest.mark.parametrize('name', ['ccmim/vit-b_800e.py', 'cmae/vit-b_800e_released.py'])
def test_the_eight_gpu_command_runs_as_configured(name, eight_images, tmp_path):
    """Only batch, workers, data root and the log's interval are changed; two processes on CPUs.
    Long, since that leaves the encoder a ViT-B on 224 x 224 pixels."""
    command = [
        'bash', 'tools/dist_train.sh', f'configs/{name}', '2', '--work-dir', str(tmp_path / 'work'),
        '--cfg-options', 'train_dataloader.batch_size=2', 'train_dataloader.num_workers=0',
        f'train_dataloader.dataset.data_root={eight_images}', 'default_hooks.logger.interval=1'
    ]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=dict(os.environ, OMP_NUM_THREADS='1'),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True)
    lines = []
    try:
        for line in process.stdout:
            lines.append(line)
            if 'Epoch(train)   [1][3/4]' in line:
                break
    finally:
        # The launcher passes the signal on; killed itself, it would leave its processes running.
        process.terminate()
        process.communicate(timeout=60)
    steps = [line for line in lines if 'Epoch(train)' in line]
    assert len(steps) == 3, ''.join(lines[-30:])
    losses = [float(re.search(r'loss_reconstruction: ([\d.]+)', line)[1]) for line in steps]
    assert all(.1 < loss < 10 for loss in losses)
    assert 'loss_contrast' in steps[-1]
    assert ('ema_momentum: 0.9960' in steps[-1]) == ('cmae' in name)
