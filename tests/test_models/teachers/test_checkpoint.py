"""CheckpointTeacher: parity with its encoder, on the student's grid."""
import pytest
import torch

from mmguided.models import CheckpointTeacher
from mmguided.registry import MODELS
from mmguided.structures import Wants
from mmguided.utils.errors import ConfigError
from tests.helpers.models import SMALL, as_trained, build, total

BACKBONE = dict(
    type='mmguided.MaskedViT', img_size=48, patch_size=16,
    arch=dict(embed_dims=24, num_layers=3, num_heads=3, feedforward_channels=48))
ALL = Wants(tokens=True, attention=frozenset({(1, 'heads'), (-1, None)}), relations=frozenset({1}))
SAME = dict(pixel_mean=(120., 110., 100.), pixel_std=(60., 50., 40.))


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """An encoder, and the checkpoint of a run that contains it."""
    encoder = as_trained(MODELS.build(BACKBONE), .3).eval()
    path = tmp_path_factory.mktemp('teacher') / 'epoch_1.pth'
    state = {f'backbone.{name}': value for name, value in encoder.state_dict().items()}
    torch.save(dict(state_dict=state | {'neck.mask_token': torch.zeros(1)}), path)
    return encoder, str(path)


def test_it_answers_as_the_encoder_of_the_checkpoint(trained):
    encoder, path = trained
    teacher = CheckpointTeacher(16, backbone=BACKBONE, checkpoint=path, **SAME)
    images = torch.randn(2, 3, 48, 48)
    seen, expected = teacher.observe(images, ALL), encoder.observe(images, ALL)
    torch.testing.assert_close(seen.tokens, expected.tokens)
    torch.testing.assert_close(seen.attention, expected.attention)
    torch.testing.assert_close(seen.relations, expected.relations)
    assert set(seen.attention) == {(1, 'heads'), (2, None)} and seen.tokens.std() > .1


@pytest.mark.parametrize('source', ['arguments', 'three values', 'one value'])
def test_another_normalization_and_another_size(trained, tmp_path, source):
    """The student has 4 x 4 patches of 32 px images; the teacher 3 x 3 of 48 px images. Its
    normalization is given, or is in the config in the checkpoint."""
    encoder, path = trained
    settings = dict(mean=[128.] * 3, std=[64.] * 3)
    if source != 'arguments':
        num = 3 if source == 'three values' else 1
        path = str(tmp_path / 'with_config.pth')
        torch.save(torch.load(trained[1]) | dict(meta=dict(
            cfg=f'model = dict()\ndata_preprocessor = dict(mean={[128.] * num}, std={[64.] * num})'
        )), path)
        settings = {}
    teacher = CheckpointTeacher(8, backbone=BACKBONE, checkpoint=path, **settings, **SAME)
    reached, encode = [], teacher.encode
    teacher.encode = lambda images, wants: reached.append(images) or encode(images, wants)
    gray = torch.full((1, 3, 1, 1), 192.)
    images = (gray - torch.tensor(SAME['pixel_mean']).view(1, 3, 1, 1)) / torch.tensor(
        SAME['pixel_std']).view(1, 3, 1, 1)
    seen = teacher.observe(images.expand(2, 3, 32, 32), ALL)
    torch.testing.assert_close(reached[0], torch.ones(2, 3, 48, 48), rtol=0, atol=1e-5)
    assert seen.tokens.shape == (2, 17, 24) and seen.relations[1].shape == (2, 16, 24)
    row = encoder.observe(torch.ones(2, 3, 48, 48), ALL).attention[1, 'heads']
    torch.testing.assert_close(seen.attention[1, 'heads'].sum(1), row.sum(1), rtol=.05, atol=0)


def test_it_guides_and_is_predicted_and_neither_trained_nor_saved(trained):
    _, path = trained
    guidance = dict(type='mmguided.ClsAttention', source='teacher', layers=[1, 2])
    model = build(
        'MAE', SMALL, teacher=dict(
            type='mmguided.CheckpointTeacher', backbone=BACKBONE, checkpoint=path),
        mask_generator=dict(type='mmguided.MaskGenerator', guidance=guidance,
                            sampling=dict(type='mmguided.TopKSampling')),
        target_generator=dict(type='mmguided.FeatureTarget', source='teacher'))
    losses = model.loss(torch.randn(2, 3, 32, 32))
    total(losses).backward()
    assert losses['topk_overlap'] == 1
    names = set(dict(model.named_parameters())) | set(model.state_dict())
    assert {name for name in names if name.startswith('teacher')} == {'teacher.weights_sha256'}
    assert all(parameter.grad is None for parameter in model.teacher.model.parameters())


@pytest.mark.parametrize('settings, message', [
    (dict(checkpoint='gone.pth'),
     r"teacher\.checkpoint='gone.pth': .*model\.teacher\.checkpoint=PATH"),
    (dict(backbone=dict(BACKBONE, arch=dict(BACKBONE['arch'], num_layers=4))),
     'width 24, 3 blocks'),
    (dict(prefix='encoder.'), "'encoder.'"),
    (dict(backbone=dict(
        type='mmguided.MaskedSwin', arch=dict(embed_dims=8, depths=[1], num_heads=[1]),
        img_size=8, window_size=2, patch_size=4, out_indices=(0, ))), 'MaskedSwin: .*tokens'),
])
def test_a_checkpoint_of_another_encoder_is_refused(trained, settings, message):
    with pytest.raises(ConfigError, match=message):
        CheckpointTeacher(16, **dict(backbone=BACKBONE, checkpoint=trained[1]) | settings, **SAME)
