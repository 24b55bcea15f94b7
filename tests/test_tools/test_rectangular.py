"""Images of 16 x 32 pixels (height x width): train, inspect, draw, evaluate."""
import json

import numpy as np
import pytest
import torch
from PIL import Image

import mmguided
from tests.helpers.paths import ROOT
from tests.helpers.tools import run_tool, use_cpu

SMALL = ('train_dataloader.batch_size=8', 'train_dataloader.num_workers=0',
         'train_dataloader.persistent_workers=False')
BENCHMARKS = ROOT / 'configs/benchmarks/folder'


@pytest.fixture
def checkpoint(tmp_path, monkeypatch):
    """Checkpoint of MAE after one epoch on 16 x 32 pixels. The images are 48 x 120 pixels; red is
    the row and green the column."""
    monkeypatch.chdir(tmp_path)
    use_cpu(monkeypatch)
    rows, columns = np.mgrid[:48, :120].astype(np.uint8)
    for split, number in (('train', 4), ('val', 2)):
        for label in (0, 1):
            folder = tmp_path / split / str(label)
            folder.mkdir(parents=True)
            for i in range(number):
                blue = np.full_like(rows, 150 * label + i)
                Image.fromarray(np.stack((rows, columns, blue), -1)).save(folder / f'{i}.png')
    run_tool(monkeypatch, 'train.py', ROOT / 'configs/mae/vit-micro_folder-32.py', '--img-size',
             '16', '32', '--epochs', '3', '--work-dir', 'run', '--cfg-options', *SMALL,
             'train_dataloader.dataset.data_root=train', 'model.backbone.patch_size=8')
    return tmp_path / 'run/epoch_3.pth'


def test_rectangular_images(checkpoint, monkeypatch):
    model = mmguided.get_model(checkpoint)
    assert model.backbone.patch_resolution == (2, 4)
    assert torch.load(checkpoint)['state_dict']._metadata['backbone']['grid'] == (2, 4)

    look = mmguided.inspect(model, 'val/1/0.png')
    image = 255 * look.images[0]
    assert image.shape[:2] == (16, 32)
    # The image is reduced by 3 in both directions, and loses 12 columns at both sides.
    np.testing.assert_allclose(image[2:-2, 0, 0], 3 * np.arange(2, 14) + 1, atol=1)
    np.testing.assert_allclose(image[0, 2:-2, 1], 12 + 3 * np.arange(2, 30) + 1, atol=1)

    run_tool(monkeypatch, 'extract_features.py', checkpoint, 'val', 'features', '--feature',
             'mean', '--workers', '0')
    features = np.load('features/features.npy')
    np.testing.assert_allclose(features[2], look.features.mean((0, 1, 2)), atol=1e-4)

    run_tool(monkeypatch, 'visualization/show_masks.py', checkpoint, '--images', 'val/1/0.png',
             '--out', 'masks.png')
    assert Image.open('masks.png').width > Image.open('masks.png').height

    run_tool(monkeypatch, 'test.py', BENCHMARKS / 'vit_knn.py', checkpoint, '--data-root', '.',
             '--work-dir', 'knn', '--cfg-options', 'model.ks=(3,)')
    result, = checkpoint.parents[1].glob('knn/*/*.json')
    assert json.loads(result.read_text())['knn/top1_k3'] == 100

    run_tool(monkeypatch, 'train.py', BENCHMARKS / 'vit_linear.py', '--data-root', '.',
             '--work-dir', 'linear', '--epochs', '1', '--cfg-options', *SMALL,
             f'model.backbone.init_cfg.checkpoint={checkpoint}')
    probe = mmguided.get_model('linear/epoch_1.pth')
    assert torch.equal(probe.backbone.pos_embed, model.backbone.pos_embed)
