"""k-NN classifier in Runner.test, on images whose class is their color."""
import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError
from tests.helpers.colors import COLORS, color_folders, small
from tests.helpers.processes import in_processes, run_test


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    return color_folders(tmp_path_factory.mktemp('colors'), train=7, val=5)


@pytest.fixture(scope='module')
def checkpoint(folders, tmp_path_factory):
    """A pretraining checkpoint, with weights that k-NN does not use."""
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        backbone = MODELS.build(small('folder/vit-tiny_knn.py', folders, folders).model.backbone)
    backbone.init_weights()
    state = {f'backbone.{name}': value for name, value in backbone.state_dict().items()}
    path = tmp_path_factory.mktemp('checkpoint') / 'epoch_1.pth'
    torch.save({'state_dict': {**state, 'neck.mask_token': torch.zeros(1)}}, path)
    return path


def knn_config(folders, work_dir, checkpoint):
    cfg = small('folder/vit-tiny_knn.py', folders, work_dir)
    cfg.load_from = str(checkpoint)
    cfg.model.ks = (1, 5)
    return cfg


@pytest.mark.parametrize('out_type', ['cls_token', 'featmap'])
def test_colors_are_classified(folders, checkpoint, tmp_path, out_type):
    cfg = knn_config(folders, tmp_path, checkpoint)
    cfg.model.backbone.out_type = out_type
    # 14 of 15 are correct; a red image is labeled blue.
    expected = {'knn/top1_k1': 1400 / 15, 'knn/top1_k5': 1400 / 15}
    assert Runner.from_cfg(cfg).test() == pytest.approx(expected)


def test_other_metrics_use_the_first_k(folders, checkpoint, tmp_path):
    """mmpretrain's confusion matrix; classes are blue, green, red."""
    cfg = knn_config(folders, tmp_path, checkpoint)
    cfg.model.backbone.out_type = 'featmap'
    cfg.test_evaluator = dict(type='ConfusionMatrix')
    matrix = Runner.from_cfg(cfg).test()['confusion_matrix/result']
    assert matrix.tolist() == [[4, 0, 1], [0, 5, 0], [0, 0, 5]]


def test_bank_is_in_dataset_order(folders, checkpoint, tmp_path):
    cfg = knn_config(folders, tmp_path, checkpoint)
    cfg.model.backbone.out_type = 'featmap'
    cfg.model.bank_dataloader.sampler.shuffle = True
    runner = Runner.from_cfg(cfg)
    runner.load_or_resume()
    model = runner.model
    model.prepare_bank()
    bank, labels = model.bank
    assert labels.tolist() == [label for label in range(len(COLORS)) for _ in range(7)]
    dataset = runner.build_dataloader(cfg.model.bank_dataloader).dataset
    for i in (0, 10, 20):
        image = model.data_preprocessor({'inputs': [dataset[i]['inputs']]})['inputs']
        patches = model.backbone(image)[-1].flatten(2).mean(dim=2)
        torch.testing.assert_close(bank[i:i + 1], F.normalize(patches))


def test_new_weights_rebuild_the_bank(folders, checkpoint, tmp_path):
    runner = Runner.from_cfg(knn_config(folders, tmp_path, checkpoint))
    runner.test()
    before = runner.model.bank[0]
    runner.model.load_state_dict(
        {name: 2 * value for name, value in runner.model.state_dict().items()})
    runner.test()
    assert not torch.allclose(runner.model.bank[0], before)


def test_missing_images_are_not_in_the_bank(folders, checkpoint, tmp_path):
    cfg = knn_config(folders, tmp_path, checkpoint)
    cfg.model.bank_dataloader.update(drop_last=True)  # 5 batches of 4: the last image is missing
    runner = Runner.from_cfg(cfg)
    runner.model.prepare_bank()
    bank, labels = runner.model.bank
    assert labels.tolist() == [0] * 7 + [1] * 7 + [2] * 6
    assert len(bank) == 20 and bank.norm(dim=1).min() > 0


def test_too_few_images(folders, checkpoint, tmp_path):
    cfg = knn_config(folders, tmp_path, checkpoint)
    cfg.model.ks = (10, 22)
    with pytest.raises(ConfigError, match=r'model\.ks=\(10, 22\):'):
        Runner.from_cfg(cfg).test()


def test_wrong_checkpoint_stops(folders, checkpoint, tmp_path):
    cfg = knn_config(folders, tmp_path, checkpoint)
    cfg.model.backbone.arch.embed_dims = 64
    with pytest.raises(ConfigError, match='width 32.*width 64'):
        Runner.from_cfg(cfg).test()


@pytest.mark.parametrize('wrong', [dict(ks=()), dict(ks=(0, 5)), dict(temperature=0.)])
def test_invalid_settings(folders, tmp_path, wrong):
    cfg = small('folder/vit-tiny_knn.py', folders, tmp_path)
    cfg.model.update(wrong)
    with pytest.raises(ConfigError, match=f'model.{next(iter(wrong))}='):
        MODELS.build(cfg.model)


def test_token_sequences_are_rejected(folders, tmp_path):
    cfg = small('folder/vit-tiny_knn.py', folders, tmp_path)
    cfg.model.backbone.out_type = 'raw'
    with pytest.raises(ConfigError, match="out_type='raw'"):
        MODELS.build(cfg.model)


def test_two_processes_equal_one(folders, checkpoint, tmp_path, monkeypatch):
    """Two processes load 11 of the 21 bank images each, one of them twice."""
    monkeypatch.chdir(tmp_path)  # MMEngine collects results below the working directory
    monkeypatch.setenv('LOCAL_RANK', '0')
    metrics, (bank, labels) = run_test(knn_config(folders, tmp_path / '1', checkpoint))
    assert len(bank) == 21
    cfg = knn_config(folders, tmp_path / '2', checkpoint)
    two = in_processes(lambda: run_test(cfg, distributed=True), tmp_path)
    for found, (found_bank, found_labels) in two:
        assert found == metrics
        torch.testing.assert_close(found_bank, bank)
        assert torch.equal(found_labels, labels)
    assert torch.equal(two[0][1][0], two[1][1][0])
