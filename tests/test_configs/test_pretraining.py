"""Every config of MAE, ccMIM, CMAE and CMT-MAE loads and builds, says what it should, and the
eight-GPU command runs."""
import inspect
import os
import re
import subprocess
from fnmatch import fnmatchcase
from itertools import combinations

import pytest
import yaml
from mmengine.runner import Runner

from mmguided.registry import MODELS, TRANSFORMS
from tests.helpers.configs import build_without_memory, differences, load
from tests.helpers.paths import ROOT

PRETRAINING = sorted(
    str(path.relative_to(ROOT / 'configs')) for method in (
        'mae', 'ccmim', 'cmae', 'cmt_mae', 'self_guided_mae')
    for path in (ROOT / 'configs' / method).rglob('*.py')
    if 'vit-micro' not in path.name and path.parent.name != 'guidance')
SMALL = ['quickstart/ccmim_vit-micro.py', 'quickstart/mae_vit-micro.py', *(
    f'{method}/vit-micro_folder-32.py'
    for method in ('mae', 'ccmim', 'cmae', 'cmt_mae', 'self_guided_mae')), *sorted(
        f'ccmim/guidance/{path.name}' for path in (ROOT / 'configs/ccmim/guidance').glob('*.py'))]


@pytest.mark.parametrize('name', PRETRAINING)
def test_docstring_holds_the_command_hardware_and_the_papers_number(name):
    doc = (ROOT / 'configs' / name).read_text().split('"""')[1]
    assert f'tools/dist_train.sh configs/{name} 8' in doc
    assert 'Hardware: 8 GPUs' in doc and 'Ours: not measured' in doc


@pytest.mark.parametrize('name', PRETRAINING)
def test_recipe(name):
    """The papers' batch, learning rate, warm-up and length, in numbers that agree."""
    cfg = load(name)
    epochs = int(re.search(r'_(\d+)e', name)[1])
    warmup, cosine = cfg.param_scheduler
    assert cfg.train_cfg.max_epochs == cosine.end == epochs
    assert (warmup.end, cosine.begin, cosine.T_max) == (40, 40, epochs - 40)
    step = cfg.train_dataloader.batch_size * 8
    batch = step * cfg.optim_wrapper.get('accumulative_counts', 1)
    in100 = 'in100' in name  # Conditional MAE's baselines
    assert batch == (256 if in100 else
                     1024 if 'ccmim' in name and 'released' not in name else 4096)
    assert cfg.train_dataloader.dataset.get('classes') == (
        'data/imagenet/subsets/imagenet100.txt' if in100 else None)
    # Fig. 2 of ccMIM states a rate of its own.
    fig_2 = re.search(r'ccmim/ablations/loss_', name)
    assert cfg.optim_wrapper.optimizer.lr == pytest.approx(1e-5 if fig_2 else 1.5e-4 * batch / 256)
    assert cfg.auto_scale_lr.base_batch_size == step
    adamw = cfg.optim_wrapper.optimizer
    assert (adamw.type, adamw.betas, adamw.weight_decay) == ('AdamW', (.9, .95), .05)
    released, cmae = 'released' in name, 'cmae' in name
    _, crop, *rest = cfg.train_dataloader.dataset.pipeline
    if crop.type == 'mmguided.WithScores':
        crop, *rest = crop.transforms
    if crop.type == 'MultiView':  # the other view is told in CMAE_ABLATIONS
        crop, cmae = crop.transforms[0][0], False
    size = 224 + 32 if cmae else 224
    assert (crop.scale, crop.crop_ratio_range, crop.interpolation) == (size, (.2, 1.), 'bicubic')
    steps = ['RandomFlip'] * released + ['mmguided.PixelShift'] * cmae + ['PackInputs']
    assert [t.type for t in rest] == steps
    model = cfg.model
    stated = re.search(r'/ratio_([\d.]+)_', name)
    assert model.mask_generator.mask_ratio == (
        float(stated[1]) if stated else .65 if cmae and released else .75)
    depth = 2 if 'two-layer-decoder' in name else 8
    assert (model.neck.embed_dims, model.neck.depth, model.neck.num_heads) == (512, depth, 16)
    assert model.target_generator.type != 'mmguided.PixelTarget' or model.target_generator.norm_pix


@pytest.mark.parametrize('name', PRETRAINING + SMALL)
def test_hooks_that_every_pretraining_needs(name):
    """The method's own among the default ones, which a list of custom hooks does not replace."""
    cfg = load(name)
    defaults = {hook.type for hook in cfg.default_hooks.values()}
    assert {f'mmguided.{name}Hook' for name in (
        'Clock', 'MomentumUpdate', 'ScoreMaps', 'RNGState', 'RunIdentity', 'PlainCheckpoint',
        'StrictBackbone', 'InputSize', 'BrokenImageReport')} <= defaults


@pytest.mark.parametrize('name', PRETRAINING + SMALL)
def test_a_teacher_in_a_folder_brings_its_weights(name):
    """OpenCLIPTeacher refuses a folder and a tag of weights at once; its default is a tag."""
    teacher = load(name).model.get('teacher') or {}
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
    dividing = {
        name: load(f'ccmim/ablations/{name}_100e.py').model.mask_generator
        for name in ('dividing_random', 'dividing_blockwise', 'dividing_importance', 'base')
    }
    assert [masks.sampling.type.split('.')[1] for masks in dividing.values()] == [
        'RandomSampling', 'BlockwiseSampling', 'TopKSampling', 'ImportanceSampling']


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


PIPELINE = 'train_dataloader.dataset.pipeline'
CMAE_ABLATIONS = sorted(
    path.stem.removesuffix('_300e') for path in (ROOT / 'configs/cmae/ablations').glob('*.py'))
DECODER = {'model.feature_decoder', 'model.feature_head'}
# The fields of vit-b_300e.py in which those differ whose name does not hold the new value.
CMAE_FIELDS = {
    'components_contrast': DECODER | {PIPELINE},
    'augmentation_random-crop': {PIPELINE},
    'augmentation_pixel-shift': {f'{PIPELINE}.2.target_transforms'},
    'loss_byol': {
        f'model.contrast_head.{field}'
        for field in ('type', 'temperature', 'temperature_scale', 'loss_weight')},
}


def of_the_run(cfg):
    """The fields that a runner reads, without the variables of a config."""
    fields = {*inspect.signature(Runner.__init__).parameters, 'auto_scale_lr'}
    return {key: value for key, value in cfg.to_dict().items() if key in fields}


def by_name(name):
    """Fields and values that the name of an ablation of CMAE states."""
    field, value, *shared = name.split('_')
    if field == 'weight':
        return {'model.contrast_head.loss_weight': float(value)}
    if field == 'target-mask':
        return {'model.target_mask_generator': dict(
            type='mmguided.MaskGenerator', mask_ratio=float(value))}
    depth = int(value.removeprefix('depth-'))
    if shared:
        return {'model.feature_decoder': None, 'model.feature_head.block': depth}
    if depth == 0:
        return dict.fromkeys(DECODER)
    return {'model.feature_decoder.depth': depth}


@pytest.mark.parametrize('name', CMAE_ABLATIONS)
def test_a_cmae_ablation_changes_its_field_and_nothing_else(name):
    default, ablation = (
        of_the_run(load(f'cmae/{path}_300e')) for path in ('vit-b', f'ablations/{name}'))
    changed = differences(default, ablation)
    if name in CMAE_FIELDS:
        assert changed.keys() == CMAE_FIELDS[name]
    else:
        assert changed == by_name(name)


def test_values_of_the_other_cmae_ablations():
    byol, default = (load(f'cmae/{path}_300e').model for path in ('ablations/loss_byol', 'vit-b'))
    head = default.contrast_head
    assert byol.contrast_head == dict(
        type='mmguided.CosineHead', predictor=head.predictor, loss_weight=2 * head.loss_weight)
    shift = load('cmae/ablations/augmentation_pixel-shift_300e').train_dataloader.dataset.pipeline
    assert not TRANSFORMS.build(shift[2]).target_transforms.transforms
    contrast = load('cmae/ablations/components_contrast_300e').model
    assert contrast.feature_decoder is contrast.feature_head is None


@pytest.mark.parametrize('name, recolored', [
    ('components_contrast', True), ('augmentation_random-crop', False)])
def test_random_crops_of_cmaes_ablations_are_maes(name, recolored):
    """Two of them, the second, the target's, with or without the default's colors."""
    crop = load('mae/vit-b_300e').train_dataloader.dataset.pipeline[1]
    colors = load('cmae/vit-b_300e').train_dataloader.dataset.pipeline[2].target_transforms
    image, views, pack = load(f'cmae/ablations/{name}_300e').train_dataloader.dataset.pipeline
    assert [step.type for step in (image, views, pack)] == [
        'LoadImageFromFile', 'MultiView', 'PackInputs']
    (*online, ), (*target, ) = views.transforms
    assert views.num_views == [1, 1] and online == [crop]
    assert target == [crop, *(colors if recolored else ())]


def test_every_cmae_ablation_is_checked_and_in_the_readme():
    readme = (ROOT / 'configs/cmae/README.md').read_text()
    listed = set(re.findall(r'\(ablations/(\S+)_300e\.py\)', readme))
    assert len(CMAE_ABLATIONS) == 16 and listed == set(CMAE_ABLATIONS)


def test_every_config_of_mae_is_in_readme_and_metafile():
    folder = ROOT / 'configs/mae'
    names = {path.stem for path in folder.glob('*.py')}
    assert set(re.findall(r'^\| \[`(\S+)`\]\(\1\.py\)', (folder / 'README.md').read_text(), re.M)
               ) == names
    models = yaml.safe_load((folder / 'metafile.yml').read_text())['Models']
    assert {model['Config'] for model in models} == {f'configs/mae/{name}.py' for name in names}
    for model in models:
        cfg, stated = load(model['Config'].removeprefix('configs/')), model['Metadata']
        assert (stated['Epochs'], stated['Batch Size'], stated['Training Data']) == (
            cfg.train_cfg.max_epochs, cfg.auto_scale_lr.base_batch_size,
            'any folder of images' if 'micro' in model['Name'] else
            'ImageNet-100' if 'classes' in cfg.train_dataloader.dataset else 'ImageNet-1k')


@pytest.mark.parametrize('name', [name for name in PRETRAINING if name.startswith('mae/')])
def test_mae_differs_from_vit_b_in_size_data_and_length_alone(name):
    """The baselines share model and recipe, but for what their names state."""
    default, other = load('mae/vit-b_800e'), load(name)
    changed = set(differences(default.model.to_dict(), other.model.to_dict()))
    size = name.split('/')[1].split('_')[0]
    if size == 'hybrid-b':
        assert changed == {'backbone.type', 'backbone.patch_size'}
        assert other.model.backbone.type == 'mmguided.MaskedHybridViT'
    else:
        assert changed == (set() if size == 'vit-b' else {'backbone.arch'})
    assert differences(default.optim_wrapper, other.optim_wrapper).keys() <= {'optimizer.lr'}


def test_every_ccmim_ablation_is_in_the_readme():
    readme = (ROOT / 'configs/ccmim/README.md').read_text().split('\n## ')[0]
    listed = [pattern for row in readme.splitlines() if row.startswith('| `')
              for pattern in re.findall(r'`(\w\S*_\S+)`', row.split('|')[1])]
    names = [path.stem for path in (ROOT / 'configs/ccmim/ablations').glob('*.py')]
    assert names and not [
        name for name in names if not any(fnmatchcase(name, pattern) for pattern in listed)]
    assert not [
        pattern for pattern in listed if not any(fnmatchcase(name, pattern) for name in names)]


def test_no_two_configs_are_equal():
    """An ablation that is another config is a row of the README and no file."""
    runs = [of_the_run(load(name)) for name in PRETRAINING]
    assert not [(first, second) for (first, one), (second, other) in combinations(
        zip(PRETRAINING, runs, strict=True), 2) if one == other]


def test_the_shift_range_is_set_as_the_readme_says():
    text = (ROOT / 'configs/cmae/README.md').read_text()
    name, options = re.search(
        r"SIZE = 224 \+ RANGE \+ 1: `\S+ configs/(cmae/\S+) 8 --cfg-options\s([^`]+)`",
        text).groups()
    values = dict(SIZE=285, RANGE=60)
    before, after = load(name), load(name)
    after.merge_from_dict(
        {path: values[value] for path, value in re.findall(r'(\S+)=(SIZE|RANGE)\b', options)})
    assert differences(before.to_dict(), after.to_dict()) == {
        f'{PIPELINE}.1.scale': 285, f'{PIPELINE}.2.max_shift': 60}


@pytest.mark.parametrize('name', ['loss_nce_400e', 'loss_align_400e'])
def test_lambda_of_ccmim_is_set_as_the_readme_says(name):
    text = (ROOT / 'configs/ccmim/README.md').read_text()
    option, = set(re.findall(r'--cfg-options\s(\S+)=LAMBDA', text))
    before, after = (load(f'ccmim/ablations/{name}') for _ in range(2))
    assert before.optim_wrapper.optimizer.lr == 1e-5  # as Sec. 4.3 states it
    after.merge_from_dict({option: .4})
    assert differences(before.to_dict(), after.to_dict()) == {
        'model.contrast_head.loss_weight': .4}


def test_an_option_of_the_projector_leaves_the_predictor_alone():
    """The config writes both as one dict."""
    cfg = load('cmae/vit-b_300e.py')
    cfg.merge_from_dict({'model.projector.norm_cfg.type': 'BN1d'})
    assert cfg.model.projector.norm_cfg.type == 'BN1d'
    assert differences(cfg.model.projector, cfg.model.contrast_head.predictor) == {
        'in_channels': 256, 'norm_cfg.type': 'mmguided.SyncBatchNorm'}


@pytest.mark.parametrize('name', PRETRAINING + SMALL)
def test_model_builds_with_fitting_widths(name):
    model = build_without_memory(load(name))
    width = model.backbone.embed_dims
    for size, expected in (('vit-s', 384), ('vit-l', 1024)):
        assert (width == expected) == (size in name)
    assert model.neck.decoder_embed.in_features == width
    assert model.head.decoder_pred.out_features == model.target_generator.dims
    if 'ccmim' in name and not re.search('guidance/mae|no-contrast', name):
        assert model.projector.fc0.in_features == width
    if 'cmae' in name:
        projectors = model.projector, model.target_projector
        assert [projector.fc0.in_features for projector in projectors] == [width, width]
        head, predictor = model.feature_head, model.contrast_head.predictor
        assert head is None or head.decoder_pred.out_features == width
        assert predictor.fc0.in_features == model.projector.fc1.out_features
        assert predictor.fc1.out_features == model.target_projector.fc1.out_features


def count(*modules):
    return [sum(parameter.numel() for parameter in module.parameters()) for module in modules]


def test_number_of_parameters():
    """85.8 M in ViT-B's encoder and 111.9 M in MAE's whole model (mmpretrain's metafile). CMAE
    adds an encoder without final norm, two blocks, two projectors and a predictor."""
    mae, cmae, shared = (
        build_without_memory(load(name)) for name in (
            'mae/vit-b_800e.py', 'cmae/vit-b_800e.py',
            'cmae/ablations/decoder_depth-2_shared_300e.py'))
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
    ('mae/vit-s_300e.py', timms), ('cmae/vit-s_300e.py', timms),
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
