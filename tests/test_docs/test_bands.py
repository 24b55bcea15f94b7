"""The configs for images of five bands in docs/variants.md: train, resume, inspect, export,
evaluate."""
import json
import re

import numpy as np
import pytest
import tifffile
import timm
import torch

import mmguided
from tests.helpers.paths import ROOT
from tests.helpers.tools import run_tool, use_cpu

SMALL = ('train_dataloader.batch_size=16', 'train_dataloader.num_workers=0',
         'train_dataloader.persistent_workers=False')


@pytest.fixture
def configs(tmp_path, monkeypatch):
    """The configs, with a micro model, in the current folder; and a folder of images whose classes
    differ by the last band only, in the low bits."""
    monkeypatch.chdir(tmp_path)
    use_cpu(monkeypatch)
    blocks = re.findall(r'```python\n# (bands\w*\.py)\n(.*?)```',
                        (ROOT / 'docs/variants.md').read_text(), re.S)
    assert [name for name, _ in blocks] == ['bands.py', 'bands_knn.py', 'bands_linear.py']
    for name, text in blocks:
        (tmp_path / name).write_text(text.replace("'configs/", f"'{ROOT}/configs/").replace(
            'mae/vit-b_800e', 'mae/vit-micro_folder-32'))
    rng = np.random.default_rng(0)
    for split, number in (('train', 12), ('val', 6)):
        for label in (0, 1):
            folder = tmp_path / split / str(label)
            folder.mkdir(parents=True)
            for i in range(number):
                image = rng.integers(0, 4096, (36, 40, 5)).astype(np.uint16)
                image[..., 4] = 2000 + 300 * label + image[..., 4] // 64
                tifffile.imwrite(folder / f'{i}.tif', image, photometric='minisblack',
                                 planarconfig='contig')
    return tmp_path


def test_five_bands(configs, monkeypatch):
    for epochs in (1, 2):
        run_tool(monkeypatch, 'train.py', 'bands.py', '--work-dir', 'resumed', '--resume',
                 '--cfg-options', f'train_cfg.max_epochs={epochs}', *SMALL,
                 'train_dataloader.dataset.data_root=train',
                 'default_hooks.checkpoint.interval=1')
    state = torch.load('resumed/epoch_2.pth')['state_dict']
    assert state['backbone.patch_embed.projection.weight'].shape == (192, 5, 4, 4)
    assert state['head.decoder_pred.weight'].shape == (80, 64)
    model = mmguided.get_model('resumed/epoch_2.pth')
    look = mmguided.inspect(model, 'val/1/0.tif', bands=[4, 4, 4])
    np.testing.assert_allclose(look.images.mean(), (2300 + 31.5) / 4095, atol=2e-3)

    run_tool(monkeypatch, 'extract_features.py', 'resumed/epoch_2.pth', 'val', 'features',
             '--feature', 'mean', '--workers', '0')
    features = np.load('features/features.npy')
    np.testing.assert_allclose(features[6], look.features.mean((0, 1, 2)), atol=1e-4)

    run_tool(monkeypatch, 'export.py', 'resumed/epoch_2.pth', 'exported')
    exported = timm.create_model('local-dir:exported', pretrained=True, in_chans=5).eval()
    with torch.no_grad():
        images = torch.randn(2, 5, 32, 32)
        torch.testing.assert_close(exported.forward_features(images), model.backbone.image_tokens(
            images), rtol=1e-5, atol=1e-5)
    assert exported.pretrained_cfg['mean'] == pytest.approx(
        [value / 255 for value in (96., 98.6, 98.6, 127.7, 127.6)])

    run_tool(monkeypatch, 'test.py', 'bands_knn.py', 'resumed/epoch_2.pth', '--data-root', '.',
             '--work-dir', 'knn', '--cfg-options', 'model.ks=(5,)')
    result, = (configs / 'knn').glob('*/*.json')
    assert json.loads(result.read_text())['knn/top1_k5'] == 100

    run_tool(monkeypatch, 'train.py', 'bands_linear.py', '--data-root', '.', '--work-dir', 'linear',
             '--cfg-options', 'model.backbone.init_cfg.checkpoint=resumed/epoch_2.pth',
             'train_cfg.max_epochs=2', 'train_cfg.val_interval=2', *SMALL)
    log, = (configs / 'linear').glob('*/vis_data/scalars.json')
    assert 'accuracy/top1' in json.loads(log.read_text().splitlines()[-1])
