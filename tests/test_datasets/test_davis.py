"""DAVIS-2017 dataset."""
import shutil

import pytest

from mmguided.datasets import DAVIS2017
from mmguided.utils.errors import ConfigError
from tests.helpers.davis import moving_squares, write_davis


@pytest.fixture
def root(tmp_path):
    frames, masks = moving_squares(num_frames=4, patch=2)
    return write_davis(tmp_path, dict(second=(frames, masks), first=(frames[:3], masks[:3])))


def test_sequences_in_list_order_and_frames_in_name_order(root):
    dataset = DAVIS2017(str(root))
    assert [info['sequence'] for info in dataset] == ['second', 'first']
    info = dataset[1]
    assert info['frame_names'] == ['00000', '00001', '00002']
    assert info['frame_paths'][2] == str(root / 'JPEGImages/480p/first/00002.jpg')
    assert info['mask_paths'][2] == str(root / 'Annotations/480p/first/00002.png')


def test_custom_list_and_folders(root):
    (root / 'mine.txt').write_text('first\n\n')
    (root / 'JPEGImages/480p').rename(root / 'frames')
    dataset = DAVIS2017(str(root), ann_file='mine.txt',
                        data_prefix=dict(img='frames', mask='Annotations/480p'))
    assert [info['frame_paths'][0] for info in dataset] == [str(root / 'frames/first/00000.jpg')]


@pytest.mark.parametrize('spoil, message', [
    (lambda root: (root / 'ImageSets/2017/val.txt').unlink(), r"ann_file='.*val.txt'.*data_root"),
    (lambda root: (root / 'ImageSets/2017/val.txt').write_text('\n'), "ann_file='.*val.txt'"),
    (lambda root: shutil.rmtree(root / 'JPEGImages/480p/first'), "ann_file=.*'first' has 0"),
    (lambda root: (root / 'JPEGImages/480p/first/00001.jpg').unlink(), "ann_file=.*'first' has 2"),
    (lambda root: (root / 'Annotations/480p/first/00000.png').unlink(), 'mask=.*first/00000.png'),
    (lambda root: (root / 'Annotations/480p/first/00002.png').unlink(), 'mask=.*first/00002.png')])
def test_missing_files(root, spoil, message):
    spoil(root)
    with pytest.raises(ConfigError, match=message):
        DAVIS2017(str(root))
