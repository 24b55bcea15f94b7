"""Load the frames and masks of a video."""
import numpy as np
import pytest

from mmguided.datasets import LoadVideo
from mmguided.utils.errors import ConfigError
from mmguided.utils.mask_files import write_mask
from tests.helpers.davis import write_davis

MASKS = np.zeros((3, 16, 24), np.uint8)
MASKS[:, 4:12, 4:12] = 3
FRAMES = np.stack([0 * MASKS, 40 * MASKS, 60 * MASKS], axis=1)  # BGR


@pytest.fixture
def sequence(tmp_path):
    write_davis(tmp_path, dict(x=(FRAMES, MASKS)))
    return dict(sequence='x', **{
        name: [str(tmp_path / folder / f'x/{t:05}{ending}') for t in range(3)]
        for name, folder, ending in (('frame_paths', 'JPEGImages/480p', '.jpg'),
                                     ('mask_paths', 'Annotations/480p', '.png'))})


def test_frames_and_masks(sequence):
    video = LoadVideo().transform(sequence)
    assert np.array_equal(video['gt_masks'], MASKS) and video['img'].dtype == np.uint8
    difference = np.abs(video['img'].astype(int) - FRAMES)
    assert difference.max() < 60 and difference[..., 6:10, 6:10].max() < 10


@pytest.mark.parametrize('number, mask, message', [
    (2, MASKS[0, :, :20], r".*00002.png' .*\(16, 20\).*\(16, 24\)"), (0, 0 * MASKS[0], '')])
def test_other_size_and_first_annotation_without_objects(sequence, number, mask, message):
    write_mask(sequence['mask_paths'][number], mask)
    with pytest.raises(ConfigError, match=f"sequence='x': {message}"):
        LoadVideo().transform(sequence)
