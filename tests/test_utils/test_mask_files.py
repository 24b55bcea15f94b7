"""Object masks as palette images."""
import numpy as np
import pytest
from PIL import Image

from mmguided.utils.errors import ConfigError
from mmguided.utils.mask_files import PALETTE, count_objects, read_mask, write_mask


def test_written_masks_are_read_again(tmp_path):
    mask = np.random.default_rng(0).integers(0, 256, (5, 7), np.uint8)
    write_mask(tmp_path / 'a/b/0.png', mask)
    assert np.array_equal(read_mask(tmp_path / 'a/b/0.png'), mask)
    assert Image.open(tmp_path / 'a/b/0.png').mode == 'P'


def test_palette_is_that_of_davis(davis_masks):
    assert PALETTE[:4].tolist() == [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0]]
    image = Image.open(next(davis_masks.glob('Annotations/480p/*/*.png')))
    assert image.getpalette() == PALETTE.flatten().tolist()


def test_what_is_no_mask(tmp_path):
    Image.new('RGB', (3, 3)).save(tmp_path / 'rgb.png')
    with pytest.raises(ConfigError, match=r"rgb.png': .*RGB"):
        read_mask(tmp_path / 'rgb.png')
    with pytest.raises(ConfigError, match=r"none.png': no such file"):
        read_mask(tmp_path / 'none.png')


def test_objects_are_counted_without_void():
    assert count_objects(np.array([[0, 2], [255, 0]], np.uint8)) == 2
    with pytest.raises(ConfigError, match='no object'):
        count_objects(np.array([[0, 255]], np.uint8))
