"""LoadRaster keeps the depth and the bands of image files."""
import sys

import numpy as np
import pydicom
import pytest
import tifffile
import torch
from PIL import Image
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage
from torchvision.io import decode_image

from mmguided.datasets import ImageFolder, LoadImage, LoadRaster
from mmguided.utils.errors import ConfigError

RNG = np.random.default_rng(0)
DEEP = np.arange(4096, dtype=np.uint16).reshape(64, 64)
FIVE = RNG.integers(0, 60000, (6, 8, 5)).astype(np.uint16)


def load(path, **settings):
    return LoadRaster(**settings)(dict(img_path=str(path)))


def save_tiff(path, image, **settings):
    tifffile.imwrite(path, image, photometric='minisblack', **settings)
    return path


@pytest.mark.parametrize('compression', [None, 'zlib', 'lzw', 'zstd'])
def test_12_bits_keep_all_levels(tmp_path, compression):
    path = save_tiff(tmp_path / 'a.tif', DEEP, compression=compression)
    results = load(path, scaling=(0, 4095))
    assert results['img'].dtype == np.float32 and results['img_shape'] == (64, 64)
    np.testing.assert_allclose(results['img'][..., 0], DEEP / 4095 * 255, atol=1e-4)
    assert len(np.unique(results['img'])) == 4096


@pytest.mark.parametrize('planarconfig, axes', [('contig', (0, 1, 2)), ('separate', (2, 0, 1))])
def test_bands_in_the_order_of_the_file(tmp_path, planarconfig, axes):
    path = save_tiff(tmp_path / 'a.tif', FIVE.transpose(axes), planarconfig=planarconfig)
    np.testing.assert_allclose(load(path)['img'], FIVE / 65535 * 255, rtol=1e-6)
    np.testing.assert_allclose(
        load(path, bands=[4, 1])['img'], FIVE[..., [4, 1]] / 65535 * 255, rtol=1e-6)
    # Images of three channels are BGR.
    np.testing.assert_allclose(
        load(path, bands=[4, 1, 0])['img'], FIVE[..., [0, 1, 4]] / 65535 * 255, rtol=1e-6)
    with pytest.raises(ValueError, match=r'bands=\(5,\), but the file has 5'):
        load(path, bands=[5])


def test_pages(tmp_path):
    pages = FIVE.transpose(2, 0, 1)
    with tifffile.TiffWriter(tmp_path / 'a.tif') as file:
        for page in pages:
            file.write(page, photometric='minisblack', contiguous=False)
    path, expected = tmp_path / 'a.tif', FIVE / 65535 * 255
    np.testing.assert_allclose(load(path)['img'], expected[..., :1], rtol=1e-6)
    np.testing.assert_allclose(load(path, page=3)['img'], expected[..., 3:4], rtol=1e-6)
    np.testing.assert_allclose(load(path, page=None)['img'], expected, rtol=1e-6)
    with pytest.raises(ValueError, match='page=5, but the file has 5'):
        load(path, page=5)


@pytest.mark.parametrize('dtype, low, high', [
    (np.int16, -32768, 32767), (np.uint32, 0, 2**32 - 1), (bool, 0, 1)])
def test_scaling_by_type(tmp_path, dtype, low, high):
    values = np.array([[low, high]]).astype(dtype)
    np.save(tmp_path / 'a.npy', values)
    np.testing.assert_allclose(load(tmp_path / 'a.npy')['img'][0, :, 0], [0, 255])


def test_scaling_by_range_clips_and_can_differ_by_band(tmp_path):
    np.save(tmp_path / 'a.npy', np.array([[[-1., 5.], [.25, 10.], [2., 30.]]]))
    image = load(tmp_path / 'a.npy', scaling=([0, 10], [1, 20]))['img']
    np.testing.assert_allclose(image[0], [[0, 0], [63.75, 0], [255, 255]])


def test_scaling_by_percentiles_of_each_band(tmp_path):
    bands = np.stack([np.arange(101.), 1000 * np.arange(101.), np.full(101, 7.), np.zeros(101)], 1)
    np.save(tmp_path / 'a.npy', bands[None])
    image = load(tmp_path / 'a.npy', scaling='percentile')['img'][0]
    expected = ((np.arange(101) - 2) / 96 * 255).clip(0, 255)
    np.testing.assert_allclose(image[:, 0], expected, atol=1e-3)
    np.testing.assert_allclose(image[:, 1], expected, atol=1e-3)
    assert not image[:, 2:].any()  # constant bands


@pytest.mark.parametrize('scaling', ['range', (1, 1), (0, 1, 2), ([0, 5], [1, 5])])
def test_invalid_scaling(scaling):
    with pytest.raises(ConfigError, match='LoadRaster.scaling='):
        LoadRaster(scaling=scaling)


def test_floats_need_a_range(tmp_path):
    np.save(tmp_path / 'a.npy', np.zeros((2, 2)))
    with pytest.raises(ConfigError, match="'dtype': float64 has no fixed range. Set 'percentile'"):
        load(tmp_path / 'a.npy')
    # A mistake in the config is not an unreadable image.
    with pytest.raises(ConfigError, match=r'^LoadRaster.scaling'):
        ImageFolder(str(tmp_path), extensions=['.npy'],
                    pipeline=[dict(type='mmguided.LoadRaster')])[0]


@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_missing_values_are_refused(tmp_path, value):
    np.save(tmp_path / 'a.npy', np.array([[0, value]]))
    with pytest.raises(ValueError, match='NaN or Inf'):
        load(tmp_path / 'a.npy', scaling=(0, 1))


def test_8_bit_files_equal_load_image(tmp_path):
    colors = RNG.integers(0, 256, (9, 7, 3), np.uint8)
    for ending in ('png', 'jpg', 'tif'):
        path = tmp_path / f'a.{ending}'
        Image.fromarray(colors).save(path)
        expected = LoadImage()(dict(img_path=str(path)))['img']
        assert load(path)['img'].dtype == np.uint8
        np.testing.assert_array_equal(load(path)['img'], expected)


def test_16_bit_png(tmp_path):
    Image.fromarray(DEEP).save(tmp_path / 'a.png')
    np.testing.assert_allclose(load(tmp_path / 'a.png')['img'][..., 0], DEEP / 65535 * 255,
                               rtol=1e-6)
    assert decode_image(str(tmp_path / 'a.png')).dtype == torch.uint16
    content = (tmp_path / 'a.png').read_bytes()
    (tmp_path / 'a.png').write_bytes(content[:len(content) // 2])
    with pytest.raises(RuntimeError):
        load(tmp_path / 'a.png')


@pytest.mark.parametrize('photometric', ['MONOCHROME2', 'MONOCHROME1'])
def test_dicom(tmp_path, photometric):
    file = pydicom.Dataset()
    file.file_meta = pydicom.dataset.FileMetaDataset()
    file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file.file_meta.MediaStorageSOPClassUID = file.SOPClassUID = SecondaryCaptureImageStorage
    file.file_meta.MediaStorageSOPInstanceUID = file.SOPInstanceUID = '1.2.3'
    frames = np.stack([DEEP, DEEP[::-1]])
    file.set_pixel_data(frames, photometric, bits_stored=12)
    file.RescaleSlope, file.RescaleIntercept = 2, -1024
    file.save_as(tmp_path / 'a.dcm', enforce_file_format=True)
    image = load(tmp_path / 'a.dcm', page=1, scaling=(-1024, 7166))['img'][..., 0]
    expected = 4095 - DEEP[::-1] if photometric == 'MONOCHROME1' else DEEP[::-1]
    np.testing.assert_allclose(image, expected / 4095 * 255, atol=1e-4)


def test_missing_packages(tmp_path, monkeypatch):
    save_tiff(tmp_path / 'a.tif', DEEP)
    monkeypatch.setitem(sys.modules, 'imagecodecs', None)
    with pytest.raises(ConfigError, match=r"'imagecodecs' is not installed. Run .*\[raster,dicom]"):
        load(tmp_path / 'a.tif')


@pytest.mark.parametrize('colors', [4, 200])
def test_palettes_are_refused(tmp_path, colors):
    """A palette index is not a gray value."""
    image = Image.fromarray(RNG.integers(0, 256, (8, 8, 3), np.uint8)).quantize(colors)
    image.save(tmp_path / 'a.png')
    image.save(tmp_path / 'a.tif')
    for name in ('a.png', 'a.tif'):
        with pytest.raises(ValueError, match='has a palette'):
            load(tmp_path / name)


@pytest.mark.parametrize('dtype', [bool, np.uint8, np.uint16])
def test_white_is_bright_in_every_tiff(tmp_path, dtype):
    stored = np.array([[0, 1]] if dtype is bool else [[0, np.iinfo(dtype).max]], dtype)
    for name in ('miniswhite', 'minisblack'):
        tifffile.imwrite(tmp_path / f'{name}.tif', stored, photometric=name)
    assert load(tmp_path / 'miniswhite.tif')['img'].ravel().tolist() == [255, 0]
    assert load(tmp_path / 'minisblack.tif')['img'].ravel().tolist() == [0, 255]
