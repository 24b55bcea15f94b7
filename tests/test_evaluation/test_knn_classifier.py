"""k-NN classifier in Runner.test, on images whose class is their color."""
import copy

import pytest
import torch
import torch.nn.functional as F
from mmengine.runner import Runner

from mmguided.evaluation import KNNClassifier
from mmguided.utils.errors import ConfigError
from tests.helpers.benchmarks import save_encoder
from tests.helpers.colors import COLORS, color_folders, small
from tests.helpers.processes import in_processes, run_test


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    return color_folders(tmp_path_factory.mktemp('colors'), train=7, val=5)


@pytest.fixture
def config(folders, tmp_path):
    cfg = small('folder/vit_knn.py', folders, tmp_path)
    cfg.load_from = save_encoder(cfg.model.backbone, tmp_path / 'epoch_1.pth')
    cfg.model.ks = (1, 5)
    cfg.model.backbone.out_type = 'featmap'
    return cfg


@pytest.mark.parametrize('out_type', ['cls_token', 'featmap'])
def test_colors_are_classified(config, out_type):
    config.model.backbone.out_type = out_type
    # 14 of 15 are correct; a red image is labeled blue.
    expected = {'knn/top1_k1': 1400 / 15, 'knn/top1_k5': 1400 / 15}
    assert Runner.from_cfg(config).test() == pytest.approx(expected)


def test_other_metrics_use_the_first_k(config):
    """mmpretrain's confusion matrix; classes are blue, green, red."""
    config.test_evaluator = dict(type='ConfusionMatrix')
    matrix = Runner.from_cfg(config).test()['confusion_matrix/result']
    assert matrix.tolist() == [[4, 0, 1], [0, 5, 0], [0, 0, 5]]


def test_bank_is_in_dataset_order(config):
    config.model.bank_dataloader.sampler.shuffle = True
    runner = Runner.from_cfg(config)
    runner.load_or_resume()
    model = runner.model
    model.prepare_bank()
    bank, labels = model.bank
    assert labels.tolist() == [label for label in range(len(COLORS)) for _ in range(7)]
    dataset = runner.build_dataloader(config.model.bank_dataloader).dataset
    for i in (0, 10, 20):
        image = model.data_preprocessor({'inputs': [dataset[i]['inputs']]})['inputs']
        patches = model.backbone(image)[-1].flatten(2).mean(dim=2)
        torch.testing.assert_close(bank[i:i + 1], F.normalize(patches))


def test_new_weights_rebuild_the_bank(config):
    runner = Runner.from_cfg(config)
    runner.test()
    before = runner.model.bank[0]
    runner.model.load_state_dict(
        {name: 2 * value for name, value in runner.model.state_dict().items()})
    runner.test()
    assert not torch.allclose(runner.model.bank[0], before)


def test_missing_images_are_not_in_the_bank(config):
    config.model.bank_dataloader.update(drop_last=True)  # 5 batches of 4: the last image is missing
    runner = Runner.from_cfg(config)
    runner.model.prepare_bank()
    bank, labels = runner.model.bank
    assert labels.tolist() == [0] * 7 + [1] * 7 + [2] * 6
    assert len(bank) == 20 and bank.norm(dim=1).min() > 0


@pytest.mark.parametrize('wrong, field', [
    (dict(ks=()), r'model\.ks=\(\):'), (dict(ks=(0, 5)), r'model\.ks=\(0, 5\):'),
    (dict(ks=(10, 22)), r'model\.ks=\(10, 22\):'), (dict(temperature=0.), 'model.temperature=0.0:'),
    (dict(backbone=dict(out_type='raw')), r"out_type='raw':")])
def test_invalid_settings(config, wrong, field):
    """There are 21 images."""
    config.merge_from_dict(dict(model=wrong))
    with pytest.raises(ConfigError, match=field):
        Runner.from_cfg(config).test()


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_broken_weights_and_features_are_errors(config, tmp_path, monkeypatch, value):
    """NaN would give the accuracy 0, because no class has votes."""
    state = torch.load(config.load_from)['state_dict']
    broken = copy.deepcopy(config)
    broken.load_from = str(tmp_path / 'broken.pth')
    state['backbone.ln1.bias'][3] = value
    torch.save(dict(state_dict=state), broken.load_from)
    with pytest.raises(ConfigError, match='^checkpoint: contains NaN or Inf in backbone.ln1.bias'):
        Runner.from_cfg(broken).test()
    features = KNNClassifier.features
    # The 21 images of the bank are six batches; then the test begins.
    for batch, field in ((2, 'model.bank_dataloader'), (7, 'test_dataloader')):
        factors = iter([1] * batch + [value] + [1] * 9)
        monkeypatch.setattr(KNNClassifier, 'features', lambda self, inputs, factors=factors:
                            features(self, inputs) * next(factors))
        config.experiment_name += '_'
        with pytest.raises(ConfigError, match=f'^{field}: .* NaN or Inf'):
            Runner.from_cfg(config).test()


def test_bank_and_queries_of_different_sizes_are_an_error(config):
    config.default_hooks.input_size.any_size = True
    for transform, size in ((1, dict(scale=64)), (2, dict(crop_size=64))):
        config.test_dataloader.dataset.pipeline[transform].update(size)
    with pytest.raises(ConfigError, match=r'^test_dataloader.*\(64, 64\).*\(32, 32\)'):
        Runner.from_cfg(config).test()


def test_two_processes_equal_one(config, tmp_path, monkeypatch):
    """Two processes load 11 of the 21 bank images each, one of them twice."""
    monkeypatch.chdir(tmp_path)  # MMEngine collects results below the working directory
    monkeypatch.setenv('LOCAL_RANK', '0')
    metrics, (bank, labels) = run_test(copy.deepcopy(config))
    assert len(bank) == 21
    config.experiment_name += '_2'
    two = in_processes(lambda: run_test(config, distributed=True), tmp_path)
    for found, (found_bank, found_labels) in two:
        assert found == metrics
        torch.testing.assert_close(found_bank, bank)
        assert torch.equal(found_labels, labels)
    assert torch.equal(two[0][1][0], two[1][1][0])
