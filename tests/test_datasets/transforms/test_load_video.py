"""Load the frames and masks of a video."""
import numpy as np
import pytest

from mmguided.datasets import LoadVideo
from mmguided.utils.errors import ConfigError
from mmguided.utils.mask_files import write_mask
from tests.helpers.davis import render, write_davis

MASKS = np.zeros((3, 16, 24), np.uint8)
MASKS[:, 4:12, 4:12] = 3  # dark yellow


@pytest.fixture
def sequence(tmp_path):
    write_davis(tmp_path, dict(x=(render(MASKS)[:, ::-1], MASKS)))
    return dict(sequence='x', **{
        name: [str(tmp_path / folder / f'x/{t:05}{ending}') for t in range(3)]
        for name, folder, ending in (('frame_paths', 'JPEGImages/480p', '.jpg'),
                                     ('mask_paths', 'Annotations/480p', '.png'))})


def test_frames_and_masks(sequence):
    video = LoadVideo().transform(sequence)
    assert np.array_equal(video['gt_masks'], MASKS)
    assert video['img'].shape == (3, 3, 16, 24) and video['img'].dtype == np.uint8
    # Noise from 32 to 95; 64 is added within the object except in blue, the first channel.
    blue, green, red = video['img'][:, :, 6:10, 6:10].mean((0, 2, 3))
    assert abs(blue - 63.5) < 15 and abs(green - 127.5) < 15 and abs(red - 127.5) < 15


def test_images_with_another_size(sequence):
    write_mask(sequence['mask_paths'][2], MASKS[0, :, :20])
    with pytest.raises(ConfigError, match=r"sequence='x': .*00002.png' .*\(16, 20\).*\(16, 24\)"):
        LoadVideo().transform(sequence)


def test_first_annotation_without_objects(sequence):
    write_mask(sequence['mask_paths'][0], 0 * MASKS[0])
    with pytest.raises(ConfigError, match="sequence='x': "):
        LoadVideo().transform(sequence)
