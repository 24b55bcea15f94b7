"""OnlineEvaluationHook: values, intervals, errors."""
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mmguided.analysis import effective_rank
from mmguided.engine.online_features import OnlineFeatures
from mmguided.evaluation import image_features, knn_scores
from tests.helpers.colors import color_folders
from tests.helpers.online import train, values

HOOK = dict(type='mmguided.OnlineEvaluationHook', interval=1, ks=(3, ))
KNN, RANK = 'online/knn_top1_k3', 'online/effective_rank'


@pytest.fixture(scope='module')
def colors(tmp_path_factory):
    """8 images of each of three colors; 4 for validation, one of them with a wrong label."""
    return color_folders(tmp_path_factory.mktemp('colors'), train=8, val=4)


def test_values_equal_those_of_the_current_encoder(colors, tmp_path):
    """Values are recomputed from the images. Every fourth training image is a query and not in the
    bank."""
    runner = train('ccmim', colors, tmp_path / 'run', [dict(HOOK, num_images=20, ks=(3, 5))])
    dataset, model = runner.train_dataloader.dataset, runner.model
    infos = [dataset.get_data_info(i * 24 // 20) for i in range(20)]
    images = torch.stack([torch.from_numpy(np.array(Image.open(info['img_path']))).permute(2, 0, 1)
                          for info in infos])
    images = (images - model.data_preprocessor.mean) / model.data_preprocessor.std
    features = image_features(model.backbone.eval(), images)
    labels = torch.tensor([info['gt_label'] for info in infos])
    query = torch.arange(20) % 4 == 3
    scores = knn_scores(features[query], features[~query], labels[~query], 3, ks=(3, 5))
    for k, score in scores.items():
        expected = 100 * (score.argmax(1) == labels[query]).float().mean().item()
        assert values(runner, f'online/knn_top1_k{k}')[-1] == (4, pytest.approx(expected))
    assert values(runner, RANK)[-1] == (4, pytest.approx(effective_rank(features), rel=1e-3))


@pytest.mark.parametrize('interval, steps', [(0, [0, 5]), (2, [0, 2, 4, 5])])
def test_intervals_and_a_rank_without_labels(colors, tmp_path, interval, steps):
    runner = train(
        'conditional_mae', colors, tmp_path / 'run', [dict(HOOK, interval=interval)],
        epochs=5, **{'train_dataloader.batch_size': 24, 'log_level': 'INFO',
                     'train_dataloader.dataset.with_label': False})
    log, = Path(runner._log_dir).glob('*.log')
    assert log.read_text().count('images have no labels. OnlineEvaluationHook logs the') == 1
    assert [step for step, _ in values(runner, RANK)] == steps and not values(runner, KNN)


def test_a_run_resumed_in_its_first_epoch_is_not_evaluated_at_the_start(colors, tmp_path):
    hooks = [dict(type='mmguided.OnlineEvaluationHook', ks=())]
    options = {'default_hooks.checkpoint': dict(by_epoch=False, interval=1)}
    train('mae', colors, tmp_path / 'a', hooks, epochs=1, **options)
    runner = train('mae', colors, tmp_path / 'b', hooks, epochs=1, resume=True,
                   load_from=str(tmp_path / 'a/iter_1.pth'), **options)
    assert [step for step, _ in values(runner, RANK)] == [2]


def test_resume_with_unreadable_images(tmp_path):
    """A resumed run does not evaluate before its first epoch."""
    folder = color_folders(tmp_path / 'colors', train=8, val=4)
    (folder / 'train/green/0.png').write_bytes(b'broken')
    (folder / 'val/green/0.png').write_bytes(b'broken')
    hook = HOOK | dict(val_dataset=dict(
        type='mmguided.ImageFolder', data_root=str(folder / 'val')))
    train('conditional_mae', folder, tmp_path / 'run', [hook], epochs=1)
    runner = train('conditional_mae', folder, tmp_path / 'run', [hook], resume=True)
    # Two runs that begin in the same second share a log.
    assert [step for step, _ in values(runner, KNN)] in ([4], [0, 2, 4])
    assert values(runner, KNN)[-1] == (4, pytest.approx(100 * 11 / 12, rel=1e-4))
    assert runner.train_dataloader.dataset.num_broken == 1


def test_features_that_are_not_finite_are_reported(colors, tmp_path, monkeypatch):
    """Training continues."""
    extract = OnlineFeatures.extract
    monkeypatch.setattr(
        OnlineFeatures, 'extract',
        lambda self, *args, **kwargs: (extract(self, *args, **kwargs)[0] * torch.nan, None))
    runner = train('conditional_mae', colors, tmp_path / 'run', [dict(HOOK, ks=())])
    log, = Path(runner._log_dir).glob('*.log')
    assert log.read_text().count('features are not finite') == 3 and runner.iter == 4


@pytest.mark.parametrize('options, settings, match', [
    (dict(val_dataset=dict(type='mmguided.ImageFolder', data_root='{}/val', with_label=False)), {},
     r'val_dataset: the images have no labels'),
    (dict(val_dataset=dict(type='mmguided.ImageFolder', data_root='{}/val')),
     {'train_dataloader.dataset.with_label': False}, r'train_dataloader\.dataset: .*no labels'),
    (dict(ks=(20, )), {}, r'ks=\(20,\).* 18 features'),
    (dict(feature='clss'), {}, "feature='clss'"),
    (dict(), {'train_cfg': dict(_delete_=True, by_epoch=False, max_iters=2)},
     r'train_cfg\.by_epoch=True'),
    (dict(val_dataset=dict(type='mmguided.ImageFolder', data_root='{}/val', classes=['red'])), {},
     r'val_dataset\.data_root=.*differ from train_dataloader\.dataset \(blue, green\)'),
    (dict(), {'train_dataloader.dataset': dict(
        _delete_=True, type='RepeatDataset', times=2, dataset=dict(
            type='mmguided.ImageFolder', data_root='{}/train', pipeline=[]))},
     r'dataset\.type=RepeatDataset'),
    (dict(dataset=dict(type='mmguided.ImageFolder', data_root='{}/train', pipeline=[
        dict(type='LoadImageFromFile'), dict(type='Resize', scale=(24, 16)),
        dict(type='PackInputs')])), {},
     r'img_size=\(32, 32\).*dataset\.pipeline.*\(16, 24\)'),
])
def test_invalid_options_are_errors_before_training(colors, tmp_path, options, settings, match):

    def filled(node):
        if isinstance(node, dict):
            return {key: filled(value) for key, value in node.items()}
        return node.format(colors) if isinstance(node, str) else node

    with pytest.raises(ValueError, match=match):  # or its subclass ConfigError
        train('ccmim', colors, tmp_path / 'run', [HOOK | filled(options)], **filled(settings))
    assert not list(tmp_path.glob('run/*/vis_data/scalars.json'))
