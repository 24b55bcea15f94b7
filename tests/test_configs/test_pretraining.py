"""Every config loads and builds, says what it should, and the eight-GPU command runs."""
import os
import re
import subprocess

import pytest
import torch
import yaml
from mmengine.config import Config
from mmengine.runner import Runner

from mmguided.registry import MODELS
from tests.helpers.paths import ROOT

PRETRAINING = sorted(
    str(path.relative_to(ROOT / 'configs')) for method in ('mae', 'ccmim', 'cmae')
    for path in (ROOT / 'configs' / method).rglob('*.py') if 'vit-micro' not in path.name)
RUNNABLE = [name for name in PRETRAINING if '/base_' not in name]
SMALL = ['quickstart/ccmim_vit-micro.py', 'cmae/vit-micro_folder-32.py']


def load(name):
    return Config.fromfile(str(ROOT / 'configs' / name))


@pytest.mark.parametrize('name', RUNNABLE)
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
    assert batch == (1024 if 'ccmim' in name and 'released' not in name else 4096)
    assert cfg.optim_wrapper.optimizer.lr == pytest.approx(1.5e-4 * batch / 256)
    assert cfg.auto_scale_lr.base_batch_size == step
    adamw = cfg.optim_wrapper.optimizer
    assert (adamw.type, adamw.betas, adamw.weight_decay) == ('AdamW', (.9, .95), .05)
    released, cmae = 'released' in name, 'cmae' in name
    _, crop, *rest = cfg.train_dataloader.dataset.pipeline
    if crop.type == 'MultiView':  # the other view is told in CMAE_ABLATIONS
        crop, cmae = crop.transforms[0][0], False
    size = (256 if released else 224 + 31) if cmae else 224
    assert (crop.scale, crop.crop_ratio_range, crop.interpolation) == (size, (.2, 1.), 'bicubic')
    steps = ['RandomFlip'] * released + ['mmguided.PixelShift'] * cmae + ['PackInputs']
    assert [t.type for t in rest] == steps
    model = cfg.model
    assert model.mask_generator.mask_ratio == (.65 if cmae and released else .75)
    assert (model.neck.embed_dims, model.neck.depth, model.neck.num_heads) == (512, 8, 16)
    assert 'hog' in name or model.target_generator.norm_pix


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
        name: load(f'ccmim/ablations/dividing_{name}_100e.py').model.mask_generator
        for name in ('random', 'blockwise', 'importance', 'importance-sampling')
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


ABSENT = object()


def differences(before, after):
    """Paths and new values of the fields in which two configs differ."""
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        before, after = (dict(enumerate(fields)) for fields in (before, after))
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return {} if before == after else {'': after}
    return {
        f'{key}.{path}'.rstrip('.'): value
        for key in before.keys() | after.keys()
        for path, value in differences(before.get(key, ABSENT), after.get(key, ABSENT)).items()
    }


def two_crops(*target_transforms):
    """The pipeline of Table 4b's random crops."""
    crop = dict(
        type='RandomResizedCrop',
        scale=224,
        crop_ratio_range=(.2, 1.),
        backend='pillow',
        interpolation='bicubic')
    return [
        dict(type='LoadImageFromFile', imdecode_backend='pillow'),
        dict(type='MultiView', num_views=[1, 1], transforms=[[crop], [crop, *target_transforms]]),
        dict(type='PackInputs')
    ]


PIPELINE = 'train_dataloader.dataset.pipeline'
SHARED = {
    'model.feature_decoder.type': 'mmguided.SharedDecoder',
    'model.feature_decoder.embed_dims': ABSENT,
    'model.feature_decoder.num_heads': ABSENT,
}
# What each changes in vit-b_300e.py.
CMAE_ABLATIONS = {
    'components_contrast': {
        'model.feature_decoder': None,
        PIPELINE: two_crops(*load('cmae/vit-b_300e.py').target_transforms),
    },
    'decoder_depth-0': {'model.feature_decoder': None},
    'augmentation_random-crop': {PIPELINE: two_crops()},
    'augmentation_pixel-shift': {f'{PIPELINE}.2.target_transforms': ABSENT},
    'decoder_depth-2_shared': SHARED,
    'decoder_depth-4': {'model.feature_decoder.depth': 4},
    'decoder_depth-4_shared': SHARED | {'model.feature_decoder.depth': 4},
    'weight_0.1': {'model.contrast_head.loss_weight': .1},
    'weight_0.5': {'model.contrast_head.loss_weight': .5},
    'weight_1.5': {'model.contrast_head.loss_weight': 1.5},
    'weight_2.0': {'model.contrast_head.loss_weight': 2.},
    **{
        f'target-mask_{ratio}': {
            'model.target_mask_generator': dict(type='mmguided.MaskGenerator', mask_ratio=ratio)
        }
        for ratio in (.25, .5, .65, .75)
    },
    'loss_byol': {
        'model.contrast_head.type': 'mmguided.CosineHead',
        'model.contrast_head.temperature': ABSENT,
        'model.contrast_head.temperature_scale': ABSENT,
        'model.contrast_head.loss_weight': 2.,
    },
    'shift-range': {},
}


@pytest.mark.parametrize('name', CMAE_ABLATIONS)
def test_a_cmae_ablation_changes_its_field_and_nothing_else(name):
    default, ablation = (load(f'cmae/{path}_300e.py') for path in ('vit-b', f'ablations/{name}'))
    for cfg in (default, ablation):
        for variable in ('train_pipeline', 'target_transforms', 'random_crop'):
            cfg.pop(variable, None)  # without effect but where the pipeline uses it
    assert differences(default.to_dict(), ablation.to_dict()) == CMAE_ABLATIONS[name]


def test_every_cmae_ablation_is_checked_and_in_the_readme():
    names = {path.stem for path in (ROOT / 'configs/cmae/ablations').glob('*.py')}
    assert names == {f'{name}_300e' for name in CMAE_ABLATIONS}
    readme = (ROOT / 'configs/cmae/README.md').read_text()
    assert not [name for name in names if f'(ablations/{name}.py)' not in readme]


def test_the_shift_range_is_set_as_its_docstring_says():
    name = 'cmae/ablations/shift-range_300e.py'
    doc = (ROOT / 'configs' / name).read_text().split('"""')[1]
    assert 'SIZE = 224 + RANGE' in doc
    values = dict(SIZE=284, RANGE=60)
    before, after = load(name), load(name)
    after.merge_from_dict(
        {path: values[value] for path, value in re.findall(r'(\S+)=(SIZE|RANGE)\b', doc)})
    assert differences(before.to_dict(), after.to_dict()) == {
        f'{PIPELINE}.1.scale': 284, f'{PIPELINE}.2.max_shift': 60}


def test_an_option_of_the_projector_leaves_the_predictor_alone():
    """The config writes both as one dict."""
    cfg = load('cmae/vit-b_300e.py')
    cfg.merge_from_dict({'model.projector.norm_cfg.type': 'BN1d'})
    assert cfg.model.projector.norm_cfg.type == 'BN1d'
    assert differences(cfg.model.projector, cfg.model.contrast_head.predictor) == {
        'in_channels': 256, 'norm_cfg.type': 'mmguided.SyncBatchNorm'}


def build_without_memory(cfg):
    with torch.device('meta'):
        return MODELS.build(cfg.model)


@pytest.mark.parametrize('name', RUNNABLE + SMALL)
def test_model_builds_with_fitting_widths(name):
    model = build_without_memory(load(name))
    width = model.backbone.embed_dims
    for size, expected in (('vit-s', 384), ('vit-l', 1024)):
        assert (width == expected) == (size in name)
    assert model.neck.decoder_embed.in_features == width
    assert model.neck.decoder_pred.out_features == model.target_generator.dims
    if 'ccmim' in name:
        assert model.projector.fc0.in_features == width
    if 'cmae' in name:
        projectors = model.projector, model.target_projector
        assert [projector.fc0.in_features for projector in projectors] == [width, width]
        decoder, predictor = model.feature_decoder, model.contrast_head.predictor
        assert decoder is None or decoder.decoder_pred.out_features == width
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
    decoder = (768 * 512 + 512) + 512 + 197 * 512 + 2 * block + 2 * 512 + (512 * 768 + 768)
    projector = 768 * 1536 + 3 * 1536 + 1536 * 256
    predictor = 256 * 1536 + 3 * 1536 + 1536 * 256
    added = [85798656 - 2 * 768, decoder, projector, projector, predictor]
    assert count(cmae.momentum_encoder, cmae.feature_decoder, cmae.projector,
                 cmae.target_projector, cmae.contrast_head) == added
    assert count(cmae) == [111907840 + sum(added)]
    assert count(shared.feature_decoder) == [2 * 512 + (512 * 768 + 768)]


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


def test_metafiles_name_configs_that_exist_and_no_invented_checkpoints():
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text())
    for metafile in index['Import']:
        content = yaml.safe_load((ROOT / metafile).read_text())
        for model in content['Models']:
            assert (ROOT / model['Config']).is_file()
            assert not model.get('Weights')


@pytest.fixture
def documented(tmp_path):
    """The variants of docs/variants.md as configs."""
    blocks = re.findall(r'```python\n(_base_.*?)```', (ROOT / 'docs/variants.md').read_text(), re.S)
    configs = []
    for i, block in enumerate(blocks):
        path = tmp_path / f'variant_{i}.py'
        path.write_text(block.replace("'configs/", f"'{ROOT}/configs/"))
        configs.append(Config.fromfile(str(path)))
    return configs


def test_documented_attmask(documented):
    masks = MODELS.build(documented[0].model).mask_generator
    shares = []
    for epoch in (10, 40, 80):
        masks.schedule.set_epoch(epoch)
        shares.append(masks.schedule.share)
    assert shares == [0, .5, 1] and masks.guidance.layers == [-1]


def test_documented_blocks_by_a_momentum_encoder(documented):
    """The 37 of 49 blocks that the momentum encoder attends to most are hidden."""
    cfg = documented[1].model
    cfg.backbone.arch = dict(embed_dims=24, num_layers=2, num_heads=2, feedforward_channels=48)
    model = MODELS.build(cfg)
    momentum = [model.momentum_encoder.momentum_at(progress) for progress in (0, .5, 1)]
    assert momentum == pytest.approx([.996, .998, 1])
    with torch.no_grad():  # as trained, so that the two encoders do not agree
        for parameter in model.momentum_encoder.parameters():
            parameter.add_(.2 * torch.randn_like(parameter))
    images = torch.randn(3, 3, 224, 224)
    mask, _ = model.make_mask(images)
    scores, = model.momentum_encoder.encoder.cls_attention(images, [-1])
    blocks = scores.reshape(3, 7, 2, 7, 2).mean((2, 4)).flatten(1)
    hidden = torch.zeros(3, 49).scatter(1, blocks.topk(37).indices, 1).view(3, 7, 7)
    assert torch.equal(mask.mask.view(3, 14, 14)[:, ::2, ::2], hidden)
    assert torch.equal(mask.mask.view(3, 14, 14)[:, 1::2, 1::2], hidden)


@pytest.mark.parametrize('page', sorted(
    str(path.relative_to(ROOT)) for pattern in ('*.md', 'docs/*.md', 'configs/**/*.md')
    for path in ROOT.glob(pattern)))
def test_links_of_the_documentation_lead_somewhere(page):
    text = (ROOT / page).read_text()
    links = [link for link in re.findall(r'\]\(([^)\s]+)\)', text) if '://' not in link]
    assert not [link for link in links if not (ROOT / page).parent.joinpath(link).exists()]


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
    """Only batch, workers, data root and the log's interval are changed; two processes on CPUs."""
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
