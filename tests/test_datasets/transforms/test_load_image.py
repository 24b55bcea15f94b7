"""Image files are decoded as by Pillow."""
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, UnidentifiedImageError

from mmguided.datasets import LoadImage
from mmguided.datasets.transforms import load_image
from mmguided.utils.images import to_rgb

PIXELS = np.random.default_rng(0).integers(0, 256, (21, 35, 3), np.uint8)


def encoded(mode='RGB', ending='jpeg', orientation=None, **options):
    exif, file = Image.Exif(), BytesIO()
    if orientation is not None:
        exif[0x0112] = orientation
    Image.fromarray(PIXELS).convert(mode).save(file, ending, exif=exif, **options)
    return file.getvalue()


XMP = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
RGB_JPEGS = [
    *(encoded(orientation=orientation) for orientation in range(10)),
    encoded(subsampling='4:4:4', progressive=True), encoded(subsampling='4:2:2', quality=30),
    encoded() + b'trailing bytes']
OTHERS = [encoded(xmp=XMP), encoded('CMYK'), encoded('L'), encoded('RGBA', 'png'),
          encoded('P', 'gif')]


def load(content, tmp_path):
    (tmp_path / 'a').write_bytes(content)
    return LoadImage()(dict(img_path=str(tmp_path / 'a')))


@pytest.mark.parametrize('content', RGB_JPEGS + OTHERS)
def test_pixels_are_those_of_pillow(content, tmp_path):
    results = load(content, tmp_path)
    expected = np.asarray(to_rgb(Image.open(BytesIO(content))))
    np.testing.assert_array_equal(results['img'][..., ::-1], expected)
    assert results['img_shape'] == results['ori_shape'] == expected.shape[:2]


def test_rgb_jpegs_are_decoded_without_pillow(tmp_path, monkeypatch):
    monkeypatch.delattr(load_image, 'to_rgb')
    for content in RGB_JPEGS:
        assert sorted(load(content, tmp_path)['img'].shape) == [3, 21, 35]


@pytest.mark.parametrize('content', [
    RGB_JPEGS[0][:-20], RGB_JPEGS[0][:300], encoded(ending='png')[:-200]])
def test_errors_are_those_of_pillow(content, tmp_path):
    with pytest.raises(Exception) as expected:
        to_rgb(Image.open(BytesIO(content)))
    with pytest.raises(expected.type) as error:
        load(content, tmp_path)
    assert str(error.value)[:30] == str(expected.value)[:30]


@pytest.mark.parametrize('content, said', [(b'', 'empty file'), (b'text', 'not a known image')])
def test_an_unknown_format_is_an_error_without_an_address(content, said, tmp_path):
    with pytest.raises(UnidentifiedImageError, match=f'^{said}'):
        load(content, tmp_path)
