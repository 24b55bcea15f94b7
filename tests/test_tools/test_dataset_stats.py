"""tools/dataset_stats.py: statistics of a folder equal NumPy's."""
import re
import shutil

import numpy as np
import pytest
import tifffile
from mmengine.config import Config
from PIL import Image

from mmguided.datasets import ImageFolder
from mmguided.utils.configs import parse_config
from tests.helpers.tools import error_of_tool, import_tool, run_tool

TOOL = 'dataset_stats.py'
RNG = np.random.default_rng(0)


@pytest.fixture
def folder(tmp_path):
    """Four RGB images, a gray one and a copy; six broken files."""
    (tmp_path / 'a').mkdir()
    for i in range(4):
        pixels = RNG.integers(0, 256 - 50 * i, (20 + i, 30, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f'a/{i}.png')
    Image.fromarray(pixels[..., 0]).save(tmp_path / 'gray.png')
    shutil.copy(tmp_path / 'a/1.png', tmp_path / 'copy.png')
    (tmp_path / 'broken.png').write_bytes(b'broken')
    for name in ('empty.png', 'empty2.png'):
        (tmp_path / name).touch()
    for i in range(2):
        Image.fromarray(RNG.integers(0, 256, (24, 24, 3)).astype(np.uint8)).save(
            path := tmp_path / f'cut{i}.jpg')
        path.write_bytes(path.read_bytes()[:900])
    Image.fromarray(np.full((8, 8), 4000, np.uint16)).save(tmp_path / 'deep.png')
    return tmp_path


def tables(text):
    """Rows of the tables by their first cell."""
    rows = [line.strip('| ').split(' | ') for line in text.splitlines() if line.startswith('|')]
    return {row[0]: row[1:] for row in rows}


@pytest.mark.parametrize('workers', [0, 2])
def test_statistics_equal_those_of_numpy(folder, monkeypatch, capsys, workers):
    run_tool(monkeypatch, TOOL, folder, '--workers', workers)
    printed, warned = capsys.readouterr()
    names = ['a/0.png', 'a/1.png', 'a/2.png', 'a/3.png', 'copy.png', 'gray.png']
    pixels = np.concatenate([np.asarray(Image.open(folder / name).convert('RGB')).reshape(-1, 3)
                             for name in names])
    rows = tables(printed)
    for band in range(3):
        values = pixels[:, band]
        expected = [values.mean(), values.std(), *np.percentile(values, (0, 1, 2, 50, 98, 99, 100))]
        np.testing.assert_allclose([float(x) for x in rows[str(band)]], expected, rtol=1e-5)
    assert rows['images'] == ['6'] and rows['width'] == ['30 to 30, median 30']
    assert rows['height'] == ['20 to 23, median 22'] and rows['modes'] == ['RGB: 5, L: 1']
    assert rows['sizes'] == ['4, most often 30 x 21 (2)']
    assert [line.split()[1] for line in printed.splitlines() if line.startswith('broken: ')] == [
        'broken.png', 'cut0.jpg', 'cut1.jpg', 'deep.png', 'empty.png', 'empty2.png']
    assert re.sub(r'\d+ bytes', 'N bytes', rows['broken files'][0]) == (
        '6: 2 like cut0.jpg (OSError: image file is truncated (N bytes not processed)); '
        '2 like empty.png (UnidentifiedImageError: empty file); '
        '1 like broken.png (UnidentifiedImageError: not a known image format); '
        '1 like deep.png (ValueError: mode I;16 has values that do not fit into 8 bits)')
    assert rows['duplicate files'] == ['1: copy.png = a/1.png'] and '--load-raster' in warned


def test_the_lines_load_the_images_into_a_config(tmp_path, monkeypatch, capsys):
    bands = RNG.integers(0, 4096, (3, 8, 9, 5)).astype(np.uint16)
    for i, image in enumerate(bands):
        tifffile.imwrite(tmp_path / f'{i}.tif', image, photometric='minisblack',
                         planarconfig='contig')
    run_tool(monkeypatch, TOOL, tmp_path, '--workers', 0, '--load-raster', 'scaling=(0,4095)',
             'bands=[4,2]')
    printed = capsys.readouterr().out
    lines = parse_config(printed[printed.index('data_preprocessor ='):printed.index('--cfg')])
    images = ImageFolder(str(tmp_path), pipeline=[lines.load])
    pixels = np.concatenate([images[i]['img'].reshape(-1, 2) for i in range(3)])
    np.testing.assert_allclose(lines.data_preprocessor.mean, pixels.mean(0), atol=1e-3)
    np.testing.assert_allclose(lines.data_preprocessor.std, pixels.std(0), atol=1e-3)
    assert lines.model.backbone.in_channels == 2
    rows = tables(printed)  # percentiles are stored values
    np.testing.assert_allclose([float(x) for x in rows['0'][2:]], np.percentile(
        bands[..., 4], (0, 1, 2, 50, 98, 99, 100)), rtol=1e-5)
    assert rows['modes'] == ['uint16 x 2: 3']

    parser = import_tool('dataset_stats').tool_parser('', '--cfg-options')
    options = parser.parse_args(
        [word.replace('"', '') for word in printed[printed.index('--cfg'):].split()]).cfg_options
    cfg = Config(dict(model=dict(backbone={}), data_preprocessor={}, train_dataloader=dict(
        dataset=dict(pipeline=[dict(type='mmguided.LoadImage')]))))
    cfg.merge_from_dict(options)
    assert cfg.train_dataloader.dataset.pipeline[0] == lines.load
    assert cfg.data_preprocessor == lines.data_preprocessor and cfg.model == lines.model


def test_percentiles_of_large_images_are_of_evenly_spaced_pixels(tmp_path, monkeypatch):
    tool = import_tool('dataset_stats')
    monkeypatch.setattr(tool, 'MAX_PIXELS', 200)
    for name in 'ab':
        np.save(tmp_path / f'{name}.npy', np.arange(50000, dtype=np.uint16).reshape(250, 200))
    files = tool.Files(tmp_path, ['a.npy', 'b.npy'], {})
    sample = files[0]['sample']
    assert sample.shape == (100, 1) and (np.diff(sample[:, 0].astype(int)) == 500).all()


@pytest.mark.parametrize('args, said', [
    (['missing'], "FOLDER='missing': does not exist"),
    (['a.npy'], "FOLDER='a.npy': not a folder"), (['.'], "FOLDER='.': no images"),
    (['.', '--extensions', '.npy', '--load-raster'],
     r"'b.npy': has 2 bands, .* have 1\. .* \"bands=\[0, 1\]\"; files without"),
    (['.', '--extensions', '.txt'],
     "FOLDER='.': no readable image; .* Unidentified.* need --load-raster"),
    (['.', '--extensions', '.npy', '--load-raster', 'scale=(0,9)'],
     r"--load-raster scale=\(0, 9\): .* no such argument\. Did you mean 'scaling'\?"),
    (['.', '--extensions', '.npy', '--load-raster', 'scaling=all'], "LoadRaster.scaling='all'")])
def test_errors(args, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save('a.npy', np.zeros((4, 4, 1), np.uint8))
    np.save('b.npy', np.zeros((4, 4, 2), np.uint8))
    (tmp_path / 'a.txt').write_text('text')
    assert re.search(said, error_of_tool(monkeypatch, TOOL, *args, '--workers', '0'))
