"""OnlineLinearProbeHook: accuracy, resume, errors."""
import itertools
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import LoggerHook
from mmpretrain.structures import DataSample

from mmguided.engine.hooks import OnlineLinearProbeHook
from mmguided.evaluation import pool_latents
from mmguided.models import MAE
from mmguided.utils.errors import ConfigError
from tests.helpers.colors import color_folders
from tests.helpers.models import SMALL, build
from tests.helpers.online import assert_equal, checkpoint, rows, train, values

HOOK = dict(type='mmguided.OnlineLinearProbeHook', lr=.05)
TRAIN, VAL = 'online/linear_train_top1', 'online/linear_val_top1'
KEY = 'mmguided_linear_probe'


@pytest.fixture(scope='module')
def colors(tmp_path_factory):
    """16 images of each of three colors; 4 for validation, one of them with a wrong label."""
    return color_folders(tmp_path_factory.mktemp('colors'), train=16, val=4)


def test_the_probe_learns_colors(colors, tmp_path):
    """Training accuracy is reset in each epoch; validation accuracy, on whole images, is right
    except for the image with the wrong label."""
    val = dict(type='mmguided.ImageFolder', data_root=str(colors / 'val'))
    runner = train('conditional_mae', colors, tmp_path / 'run',
                   [dict(HOOK, val_dataset=val, interval=2)], epochs=5)
    assert all({'loss', TRAIN} <= row.keys() for row in rows(runner) if VAL not in row)
    learned = [value for _, value in values(runner, TRAIN)]
    assert len(learned) == 20
    assert learned[0] == pytest.approx(100 / 3, abs=35), 'chance'
    assert learned[-1] == 100 > learned[3]
    assert [step for step, _ in values(runner, VAL)] == [8, 16, 20]
    assert values(runner, VAL)[-1][1] == pytest.approx(100 * 11 / 12, rel=1e-4)


@pytest.mark.parametrize('feature', ['mean', 'cls'])
def test_the_probe_reads_the_latents_of_the_step(colors, tmp_path, monkeypatch, feature):
    """The input of the decoder, in the order of the labels, once per step."""
    seen, taken, decode = [], [], MAE.decode

    def watched(model, latent, mask):
        taken.append(pool_latents(model.backbone, latent.detach(), mask, feature))
        return decode(model, latent, mask)

    monkeypatch.setattr('mmguided.evaluation.OnlineLinearProbe.step', lambda probe, *args: (
        seen.append(args), torch.zeros(12, 3))[1])
    monkeypatch.setattr(MAE, 'decode', watched)
    cfg = {'model.type': 'mmguided.MAE', 'model.mask_generator.shots': ((0, .5), )}
    train('conditional_mae', colors, tmp_path / 'run',
          [dict(type='mmguided.OnlineLinearProbeHook', feature=feature)], epochs=1, **cfg)
    assert len(seen) == len(taken) == 4
    for (features, labels), expected in zip(seen, taken, strict=True):
        assert torch.equal(features, expected) and not features.requires_grad
        assert features.shape == (12, 16) and labels.shape == (12, )
    counts = torch.cat([labels for _, labels in seen]).bincount()
    assert counts.tolist() == [16, 16, 16]


def test_resumed_equals_uninterrupted(colors, tmp_path):
    whole = train('ccmim', colors, tmp_path / 'whole', [HOOK])
    train('ccmim', colors, tmp_path / 'run', [HOOK], epochs=1)
    resumed = train('ccmim', colors, tmp_path / 'run', [HOOK], resume=True)
    ours, theirs = (checkpoint(tmp_path / name, 2) for name in ('run', 'whole'))
    assert_equal(ours[KEY], theirs[KEY])
    assert_equal(ours['state_dict'], theirs['state_dict'])
    assert ours[KEY]['probe']['norm.num_batches_tracked'] == 8
    # Two runs that begin in the same second share a log.
    assert values(resumed, TRAIN)[-4:] == values(whole, TRAIN)[4:]


def test_a_run_resumed_within_an_epoch_continues_its_accuracy(colors, tmp_path):
    whole = train('mae', colors, tmp_path / 'whole', [HOOK, dict(
        type='CheckpointHook', interval=2, by_epoch=False)], epochs=1)
    resumed = train('mae', colors, tmp_path / 'run', [HOOK], epochs=1, resume=True,
                    load_from=str(tmp_path / 'whole/iter_2.pth'))
    assert values(resumed, TRAIN) == values(whole, TRAIN)[2:]


class Loader(SimpleNamespace):

    def __len__(self):
        return 9


@pytest.fixture
def step(monkeypatch):
    """Runs a step of a small MAE with the hook; returns the logged accuracy."""
    hook, model, logged = OnlineLinearProbeHook(3), build('MAE', SMALL), {}
    dataset = SimpleNamespace(metainfo=dict(classes=('a', 'b', 'c')))
    wrapper = SimpleNamespace(loss_scaler=torch.amp.GradScaler('cpu'))
    runner = SimpleNamespace(
        model=model, train_dataloader=Loader(dataset=dataset), iter=0, optim_wrapper=wrapper,
        hooks=[LoggerHook(interval=1)],
        message_hub=SimpleNamespace(update_scalar=logged.__setitem__))
    hook.before_train(runner)

    def run(images, labels, epoch=0.):
        model.clock.set(epoch)
        batch = dict(data_samples=[DataSample().set_gt_label(label) for label in labels])
        hook.before_train_iter(runner, 0, batch)
        model.loss(images)
        hook.after_train_iter(runner, 0, batch)
        return logged.get(f'train/{TRAIN}')

    run.hook = hook
    return run


def test_overflows_and_batches_of_one_image_are_skipped(step):
    images = torch.randn(4, 3, 32, 32)
    assert step(images, [0, 1, 2, 0]) is not None
    before = {name: value.clone() for name, value in step.hook._probe.state_dict().items()}
    step(images * torch.nan, [0, 1, 2, 0])
    step(images[:1], [1])
    assert_equal(before, dict(step.hook._probe.state_dict()))
    assert step(images, [0, 1, 2, 0]) >= 0


def test_accuracy_is_that_of_the_epoch(step, monkeypatch):
    predictions = itertools.chain([[0, 0, 0, 0]], itertools.repeat([0, 1, 2, 0]))
    monkeypatch.setattr(step.hook._probe, 'step', lambda *args: torch.eye(3)[next(predictions)])
    images = torch.randn(4, 3, 32, 32)
    assert [step(images, [0, 1, 2, 0], epoch) for epoch in (0, .5, 1, 1.5)] == [50, 75, 100, 100]


@pytest.mark.parametrize('options, settings, match', [
    (dict(), {'train_dataloader.dataset.with_label': False},
     r'train_dataloader\.dataset: unknown number of classes'),
    (dict(num_classes=3), {'train_dataloader.dataset.with_label': False},
     r'train_dataloader\.dataset: the images have no labels'),
    (dict(num_classes=2), {}, r'num_classes=2.* 3'),
    (dict(val_dataset=dict(type='mmguided.ImageFolder', data_root='val', with_label=False)), {},
     r'val_dataset: the images have no labels'),
    # The labels of the second and third class would be too small by one.
    (dict(val_dataset=dict(type='mmguided.ImageFolder', data_root='val',
                           classes=['green', 'red'])), {},
     r"val_dataset\.data_root='val': .*differ from train_dataloader\.dataset \(blue\)"),
])
def test_invalid_options_are_errors_before_the_first_step(
        colors, tmp_path, monkeypatch, options, settings, match):
    monkeypatch.chdir(colors)
    with pytest.raises(ConfigError, match=match):
        train('ccmim', colors, tmp_path / 'run', [HOOK | options], **settings)
    assert not list(tmp_path.glob('run/*/vis_data/scalars.json'))


def test_a_loss_that_does_not_decode_is_an_error(step, monkeypatch):
    monkeypatch.setattr(MAE, 'loss', lambda *args: None)
    with pytest.raises(ConfigError, match='model.type=MAE'):
        step(torch.randn(2, 3, 32, 32), [0, 1])
