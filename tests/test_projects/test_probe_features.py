"""probe_features.py: k-NN equals test.py; the linear classifier separates separable classes."""
import json

import pytest
import torch

from tests.helpers.benchmarks import save_encoder
from tests.helpers.colors import ARCH, CONFIGS, color_folders
from tests.helpers.paths import ROOT
from tests.helpers.tools import error_of_tool, run_tool, use_cpu

TOOL = '../projects/study/probe_features.py'


@pytest.fixture
def case(tmp_path, monkeypatch):
    """Colors, a small k-NN config, and a checkpoint for it."""
    use_cpu(monkeypatch)
    config = tmp_path / 'knn.py'
    config.write_text(
        f"_base_ = ['{CONFIGS}/folder/vit_knn.py']\n"
        f'model = dict(ks=(3, 5), backbone=dict(arch=dict(_delete_=True, **{ARCH}), img_size=32, '
        'patch_size=8), bank_dataloader=dict(num_workers=0, batch_size=4))\n'
        'test_dataloader = dict(num_workers=0, batch_size=4)\n')
    encoder = dict(type='mmguided.MaskedViT', arch=ARCH, img_size=32, patch_size=8)
    checkpoint = save_encoder(encoder, tmp_path / 'encoder.pth')
    return config, checkpoint, color_folders(tmp_path / 'data', train=8, val=6)


def test_k_nn_is_that_of_the_test_tool(case, tmp_path, monkeypatch):
    """One of 18 images has a wrong label, so the best accuracy is 17 / 18."""
    config, checkpoint, data = case
    run_tool(monkeypatch, TOOL, config, checkpoint, '--data-root',
             data, '--out', tmp_path / 'probe.json')
    run_tool(monkeypatch, 'test.py', config, checkpoint, '--data-root', data, '--work-dir',
             tmp_path / 'work', '--out-item', 'metrics', '--out', tmp_path / 'knn.json')
    probe, knn = (json.loads((tmp_path / f'{name}.json').read_text()) for name in ('probe', 'knn'))
    # Every 10th of the 24 training images is one image per class; every 100th is a single image.
    assert probe.keys() == {'knn_3', 'knn_5', 'linear', 'linear_10%'}
    for k in (3, 5):
        assert probe[f'knn_{k}'] == pytest.approx(knn[f'knn/top1_k{k}'], abs=1e-4)
    assert probe['linear'] == pytest.approx(100 * 17 / 18)


def test_without_a_checkpoint_the_seed_decides(case, tmp_path, monkeypatch):
    config, _, data = case
    features = []
    monkeypatch.setattr('mmguided.evaluation.knn_scores',
                        lambda query, *_: features.append(query) or {})
    for seed in (0, 0, 1):
        run_tool(monkeypatch, TOOL, config, '--data-root', data, '--seed', seed)
    assert torch.equal(features[0], features[1]) and not torch.equal(features[0], features[2])


def test_another_config_is_rejected(case, monkeypatch):
    message = error_of_tool(monkeypatch, TOOL, ROOT / 'configs/mae/vit-b_300e.py')
    assert 'configs/mae/vit-b_300e.py' in message and 'mmguided.KNNClassifier' in message
