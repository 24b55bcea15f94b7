"""Images are read as Pillow converts them to RGB."""
import numpy as np
import pytest
from PIL import Image

from mmguided.utils.errors import ConfigError
from mmguided.utils.images import is_decoding_error, read_image


def palette():
    image = Image.fromarray(np.array([[0, 1], [2, 1]], np.uint8))
    image.putpalette([255, 0, 0, 0, 200, 0, 7, 8, 9])
    return image


def gray(values, dtype):
    return Image.fromarray(np.array(values, dtype))


@pytest.mark.parametrize('image, ending, expected', [
    (palette(), 'png', [[[255, 0, 0], [0, 200, 0]], [[7, 8, 9], [0, 200, 0]]]),
    (Image.new('CMYK', (1, 1), (10, 20, 30, 40)), 'tif', [[[207, 198, 190]]]),
    (Image.new('RGBA', (1, 1), (10, 20, 30, 0)), 'png', [[[10, 20, 30]]]),
    (Image.new('LA', (1, 1), (90, 0)), 'png', [[[90, 90, 90]]]),
    (Image.new('1', (1, 1), 1), 'png', [[[255, 255, 255]]]),
    (gray([[0, 77]], np.uint8), 'png', [[[0] * 3, [77] * 3]]),
    (gray([[0, 255]], np.uint16), 'png', [[[0] * 3, [255] * 3]])])
def test_color_conversion(tmp_path, image, ending, expected):
    image.save(tmp_path / f'a.{ending}')
    assert np.asarray(read_image(tmp_path / f'a.{ending}', 'images')).tolist() == expected


def test_exif_orientation(tmp_path):
    pixels, exif = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8), Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / 'a.png', exif=exif)
    np.testing.assert_array_equal(read_image(tmp_path / 'a.png', 'images'), np.rot90(pixels, -1))


def test_raw_pixels_are_stored_values(tmp_path):
    palette().save(tmp_path / 'a.png')
    image = read_image(tmp_path / 'a.png', 'labels', raw=True)
    assert image.mode == 'P' and np.asarray(image).tolist() == [[0, 1], [2, 1]]


@pytest.mark.parametrize('content, decoding', [
    (gray([[0, 256]], np.uint16), True), (gray([[.5]], np.float32), True),
    (b'text', True), (b'', True), (None, False)])
def test_errors_name_field_and_file(tmp_path, content, decoding):
    path = tmp_path / 'a.tif'
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        content.save(path)
    with pytest.raises(ConfigError, match=r"images\[1\]='.*a\.tif'") as error:
        read_image(path, 'images[1]')
    assert is_decoding_error(error.value.__cause__) == decoding
