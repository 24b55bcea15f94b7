"""Every config loads and builds, says what it should, and the eight-GPU command runs."""
import os
import re
import subprocess

import pytest
import yaml
from mmengine.config import Config
from mmengine.runner import Runner

from mmguided.registry import MODELS
from tests.conftest import ROOT

PRETRAINING = sorted(
    str(path.relative_to(ROOT / 'configs')) for method in ('mae', 'ccmim')
    for path in (ROOT / 'configs' / method).rglob('*.py'))
RUNNABLE = [name for name in PRETRAINING if '/base_' not in name]


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
    _, crop, *rest = cfg.train_dataloader.dataset.pipeline
    assert (crop.scale, crop.crop_ratio_range, crop.interpolation) == (224, (.2, 1.), 'bicubic')
    assert [t.type for t in rest] == ['RandomFlip'] * ('released' in name) + ['PackInputs']
    model = cfg.model
    assert model.mask_generator.mask_ratio == .75
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


@pytest.mark.parametrize('name', [n for n in RUNNABLE if 'vit-l' not in n and '_100e' not in n])
def test_model_builds_with_fitting_widths(name):
    model = MODELS.build(load(name).model)
    assert model.neck.decoder_embed.in_features == model.backbone.embed_dims
    assert model.neck.decoder_pred.out_features == model.target_generator.dims
    if 'ccmim' in name:
        assert model.projector.fc0.in_features == model.backbone.embed_dims


def test_number_of_parameters():
    """85.8 M in ViT-B's encoder and 111.9 M in MAE's whole model (mmpretrain's metafile)."""
    model = MODELS.build(load('mae/vit-b_800e.py').model)
    count = [sum(p.numel() for p in m.parameters()) for m in (model.backbone, model)]
    assert count == [85798656, 111907840]


def test_weight_decay_leaves_out_vectors_alone():
    """As timm's rule in the released codes: one-dimensional parameters do not decay, tokens do."""
    cfg = load('mae/vit-s_300e.py')
    model = MODELS.build(cfg.model)
    cfg.optim_wrapper.type = 'OptimWrapper'
    del cfg.optim_wrapper.loss_scale
    wrapper = Runner.build_optim_wrapper(_WithModel(model), cfg.optim_wrapper)
    decay = {id(g['params'][0]): g['weight_decay'] for g in wrapper.optimizer.param_groups}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert decay[id(parameter)] == (0. if parameter.ndim == 1 else .05), name


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


def test_the_documented_variant_builds(tmp_path):
    """AttMask's mask by config alone, as docs/variants.md shows it."""
    block = re.search(r'```python\n(_base_.*?)```', (ROOT / 'docs/variants.md').read_text(), re.S)
    (tmp_path / 'variant.py').write_text(block[1].replace("'configs/", f"'{ROOT}/configs/"))
    cfg = Config.fromfile(str(tmp_path / 'variant.py'))
    masks = MODELS.build(cfg.model).mask_generator
    shares = []
    for epoch in (10, 40, 80):
        masks.schedule.set_epoch(epoch)
        shares.append(masks.schedule.share)
    assert shares == [0, .5, 1] and masks.guidance.layers == [-1]


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


@pytest.mark.parametrize('name', ['ccmim/vit-b_800e.py', 'mae/vit-b_800e_released.py'])
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
    assert ('loss_contrast' in steps[-1]) == ('ccmim' in name)
