"""Configs and links of the documentation."""
import re

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

import tests.helpers.cmt_mae  # noqa: F401
from mmguided.cli.arguments import load_config
from mmguided.datasets import WithScores
from mmguided.registry import MODELS, TRANSFORMS
from mmguided.structures import Clock, Wants
from tests.helpers.images import write_image
from tests.helpers.models import as_trained
from tests.helpers.paths import ROOT

ARCH = dict(embed_dims=24, num_layers=2, num_heads=2, feedforward_channels=48)


@pytest.fixture
def documented(tmp_path):
    """Configs of docs/variants.md."""
    blocks = re.findall(r'```python\n(_base_.*?)```', (ROOT / 'docs/variants.md').read_text(), re.S)
    configs = []
    for i, block in enumerate(blocks):
        path = tmp_path / f'variant_{i}.py'
        path.write_text(block.replace("'configs/", f"'{ROOT}/configs/"))
        configs.append(Config.fromfile(str(path)))
    return configs


def test_documented_attmask(documented):
    shot, = MODELS.build(documented[0].model).mask_generator.shots
    clock, shares = Clock(), []
    for epoch in (10, 40, 80):
        clock.set(epoch)
        shares.append(shot.schedule.at(clock))
    assert shares == [0, .5, 1] and shot.guidance.layers == [-1]


def test_the_readmes_attmask_masks_what_the_momentum_encoder_attends_to(tmp_path):
    block, = re.findall(r'```python\n(_base_.*?)```', (ROOT / 'README.md').read_text(), re.S)
    (tmp_path / 'attmask.py').write_text(block)
    cfg = load_config(str(tmp_path / 'attmask.py')).model
    cfg.backbone.arch = ARCH
    model = as_trained(MODELS.build(cfg))
    images = torch.randn(2, 3, 224, 224)
    mask, _ = model.make_mask(images, model.observe(images))
    wants = Wants(attention=frozenset({(-1, 'heads')}))
    scores, = model.momentum_encoder.encoder.observe(images, wants).cls_attention([-1], 'heads')
    assert torch.equal(mask.mask, torch.zeros(2, 196).scatter(1, scores.topk(147).indices, 1))


def test_documented_cut_of_the_decoders_relations(documented):
    cfg = documented[1].model
    cfg.backbone.arch = ARCH
    model = as_trained(MODELS.build(cfg))
    images = torch.randn(2, 3, 224, 224)
    for epoch, share in ((49, 0), (50, 1)):
        model.clock.set(epoch, max_epochs=300)
        mask, log_vars = model.make_mask(images, model.observe(images))
        assert log_vars['guided_share'] == share and (mask.mask.sum(1) == 147).all()
    assert log_vars['topk_overlap'] == pytest.approx(139 / 147)


def test_documented_blocks_by_a_momentum_encoder(documented):
    """The 37 of 49 blocks with the highest attention of the momentum encoder are masked."""
    cfg = documented[2].model
    cfg.backbone.arch = ARCH
    model = MODELS.build(cfg)
    momentum = []
    for epoch in (0, 150, 300):
        model.clock.set(epoch, max_epochs=300)
        momentum.append(model.momentum_encoder.momentum_at(model.clock))
    assert momentum == pytest.approx([.996, .998, 1])
    with torch.no_grad():  # as after training, so that the two encoders differ
        for parameter in model.momentum_encoder.parameters():
            parameter.add_(.2 * torch.randn_like(parameter))
    images = torch.randn(3, 3, 224, 224)
    mask, _ = model.make_mask(images, model.observe(images))
    wants = Wants(attention=frozenset({(-1, 'heads')}))
    seen = model.momentum_encoder.encoder.observe(images, wants)
    scores, = seen.cls_attention([-1], 'heads')
    blocks = scores.reshape(3, 7, 2, 7, 2).mean((2, 4)).flatten(1)
    hidden = torch.zeros(3, 49).scatter(1, blocks.topk(37).indices, 1).view(3, 7, 7)
    assert torch.equal(mask.mask.view(3, 14, 14)[:, ::2, ::2], hidden)
    assert torch.equal(mask.mask.view(3, 14, 14)[:, 1::2, 1::2], hidden)


def test_documented_attention_of_clip_read_once(documented):
    """CLIP scores only whole images, and the pipeline loads these scores."""
    cfg = documented[5]
    cfg.model.backbone.arch = ARCH
    cfg.model.teacher = dict(type='mmguided.LinearTeacher')
    cached = MODELS.build(cfg.model).mask_generator.shots[0].guidance
    assert cached.wants(Clock()) == {} and set(cached.eval().wants(Clock())) == {'teacher'}
    load_image, with_scores = (TRANSFORMS.build(t) for t in cfg.train_dataloader.dataset.pipeline)
    assert isinstance(with_scores, WithScores) and len(with_scores.transforms) == 2


def test_documented_teacher_of_timm(documented, tmp_path):
    timm = pytest.importorskip('timm')
    cfg = documented[6].model
    size = dict(depth=1, embed_dim=24, num_heads=2)
    model = timm.create_model(cfg.teacher.model_name, img_size=196, **size)
    torch.save(model.state_dict(), tmp_path / 'timm.pth')
    cfg.backbone.arch = ARCH
    cfg.teacher.update(weights=str(tmp_path / 'timm.pth'), **size)
    model = MODELS.build(cfg)
    images = torch.randn(1, 3, 224, 224)
    _, logs = model.make_mask(images, model.observe(images))
    assert model.teacher.model.patch_embed.grid_size == (14, 14) and logs['topk_overlap'] == 1


def test_documented_maps(documented):
    cfg = documented[7]
    cfg.model.backbone.arch = ARCH
    assert MODELS.build(cfg.model).mask_generator.shots[0].guidance.folder == 'data/maps'
    _, with_scores = (TRANSFORMS.build(t) for t in cfg.train_dataloader.dataset.pipeline)
    assert isinstance(with_scores, WithScores)


def test_documented_decoding_on_the_gpu(documented, tmp_path):
    (tmp_path / 'images').mkdir()
    for i in range(3):
        write_image(tmp_path / f'images/{i}.jpg')
    cfg = documented[-1]
    cfg.train_dataloader.update(batch_size=3, num_workers=0, pin_memory=False)
    cfg.train_dataloader.dataset.update(
        data_root=str(tmp_path), data_prefix='images', with_label=False)
    batch = next(iter(Runner.build_dataloader(cfg.train_dataloader)))
    inputs = MODELS.build(cfg.data_preprocessor)(batch, training=True)['inputs']
    assert inputs.shape == (3, 3, 224, 224) and inputs.abs().max() < 3


PAGES = [path for pattern in ('*.md', 'docs/*.md', 'configs/**/*.md', 'projects/**/*.md')
         for path in ROOT.glob(pattern)]
SOURCES = [path for folder in ('configs', 'projects', 'tools')
           for path in (ROOT / folder).rglob('*') if path.suffix in ('.py', '.sh')]


@pytest.mark.parametrize('page', PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_the_documentation_lead_somewhere(page):
    links = re.findall(r'\]\(([^)\s]+)\)', page.read_text())
    files = [link.partition('#')[0] for link in links if '://' not in link]
    assert not [file for file in files if not page.parent.joinpath(file).exists()]


def test_files_named_in_commands_and_headers_exist():
    named = {name for path in PAGES + SOURCES for name in re.findall(
        r'(?<![\w./{-])(?:configs|projects|tools|docs)/[\w./-]+\.(?:py|sh|md)\b', path.read_text())}
    assert not [name for name in named if 'METHOD' not in name and not (ROOT / name).exists()]
