"""KNNClassifier through Runner.test, on images whose class is their color."""
import pytest
import torch
import torch.multiprocessing as mp
import torch.nn.functional as F
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from mmguided.evaluation import KNNClassifier
from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError
from tests.helpers.colors import COLORS, color_folders, small


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    return color_folders(tmp_path_factory.mktemp('colors'), train=7, val=5)


@pytest.fixture(scope='module')
def checkpoint(folders, tmp_path_factory):
    """An encoder as pretraining would save it, with parts that k-NN does not use."""
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
def test_colors_are_told_apart(folders, checkpoint, tmp_path, out_type):
    cfg = knn_config(folders, tmp_path, checkpoint)
    cfg.model.backbone.out_type = out_type
    # The red image that is labeled blue is wrong, the other fourteen are right.
    expected = {'knn/top1_k1': 1400 / 15, 'knn/top1_k5': 1400 / 15}
    assert Runner.from_cfg(cfg).test() == pytest.approx(expected)


def test_the_first_k_predicts_for_other_metrics(folders, checkpoint, tmp_path):
    """mmpretrain's confusion matrix; classes are blue, green, red."""
    cfg = knn_config(folders, tmp_path, checkpoint)
    cfg.model.backbone.out_type = 'featmap'
    cfg.test_evaluator = dict(type='ConfusionMatrix')
    matrix = Runner.from_cfg(cfg).test()['confusion_matrix/result']
    assert matrix.tolist() == [[4, 0, 1], [0, 5, 0], [0, 0, 5]]


def test_bank_follows_the_dataset(folders, checkpoint, tmp_path):
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


def test_new_weights_need_a_new_bank(folders, checkpoint, tmp_path):
    runner = Runner.from_cfg(knn_config(folders, tmp_path, checkpoint))
    runner.test()
    before = runner.model.bank[0]
    runner.model.load_state_dict(
        {name: 2 * value for name, value in runner.model.state_dict().items()})
    runner.test()
    assert not torch.allclose(runner.model.bank[0], before)


def test_images_not_delivered_are_left_out(folders, checkpoint, tmp_path):
    cfg = knn_config(folders, tmp_path, checkpoint)
    cfg.model.bank_dataloader.update(drop_last=True)  # 5 batches of 4: the last image is missing
    runner = Runner.from_cfg(cfg)
    runner.model.prepare_bank()
    bank, labels = runner.model.bank
    assert labels.tolist() == [0] * 7 + [1] * 7 + [2] * 6
    assert len(bank) == 20 and bank.norm(dim=1).min() > 0


def test_more_neighbors_than_images(folders, checkpoint, tmp_path):
    cfg = knn_config(folders, tmp_path, checkpoint)
    cfg.model.ks = (10, 22)
    with pytest.raises(ConfigError, match='more neighbors than the 21 images'):
        Runner.from_cfg(cfg).test()


def test_wrong_checkpoint_stops(folders, checkpoint, tmp_path):
    cfg = knn_config(folders, tmp_path, checkpoint)
    cfg.model.backbone.arch.embed_dims = 64
    with pytest.raises(ConfigError, match='width 32.* builds width 64'):
        Runner.from_cfg(cfg).test()


@pytest.mark.parametrize('wrong', [
    dict(ks=()), dict(ks=(0, 5)), dict(temperature=0.)])
def test_settings_are_checked_at_once(folders, tmp_path, wrong):
    cfg = small('folder/vit-tiny_knn.py', folders, tmp_path)
    cfg.model.update(wrong)
    with pytest.raises(ConfigError, match=f'model.{next(iter(wrong))}='):
        MODELS.build(cfg.model)


def test_tokens_are_no_feature(folders, tmp_path):
    cfg = small('folder/vit-tiny_knn.py', folders, tmp_path)
    cfg.model.backbone.out_type = 'raw'
    with pytest.raises(ConfigError, match="out_type='raw'"):
        MODELS.build(cfg.model)


def _test_on(rank, cfg, world_size):
    """Run the test as one of several gloo processes and save what it found."""
    torch.set_num_threads(1)
    if world_size > 1:
        torch.distributed.init_process_group(
            'gloo', init_method=f'file://{cfg.work_dir}/store', rank=rank, world_size=world_size)
        cfg.launcher = 'pytorch'
        # MMEngine names a device for each process, which a CPU model may not have.
        cfg.model_wrapper_cfg = dict(type='MMDistributedDataParallel', device_ids=None)
    runner = Runner.from_cfg(cfg)
    metrics = runner.test()
    model = runner.model.module if world_size > 1 else runner.model
    assert isinstance(model, KNNClassifier)
    torch.save((metrics, *model.bank), f'{cfg.work_dir}/result{rank}.pth')
    if world_size > 1:
        torch.distributed.destroy_process_group()


def test_two_processes_equal_one(folders, checkpoint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # MMEngine collects results below the current folder
    monkeypatch.setenv('LOCAL_RANK', '0')
    monkeypatch.setenv('OMP_NUM_THREADS', '1')
    results = {}
    for world_size in (1, 2):
        work_dir = tmp_path / str(world_size)
        work_dir.mkdir()
        cfg = knn_config(folders, work_dir, checkpoint)
        if world_size == 1:
            _test_on(0, cfg, 1)
        else:
            # Forked, to spare each process the import of the toolboxes.
            mp.start_processes(_test_on, (cfg, world_size), world_size, start_method='fork')
        for rank in range(world_size):
            results[world_size, rank] = torch.load(work_dir / f'result{rank}.pth')
    metrics, bank, labels = results[1, 0]
    # Two processes take 11 images each, and thus one of the 21 twice.
    assert len(bank) == 21
    for rank in (0, 1):
        assert results[2, rank][0] == metrics
        torch.testing.assert_close(results[2, rank][1], bank)
        assert torch.equal(results[2, rank][2], labels)
    assert torch.equal(results[2, 0][1], results[2, 1][1])
