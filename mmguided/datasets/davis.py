"""DAVIS-2017 dataset: videos with object masks."""
import os.path as osp
from pathlib import Path

from mmengine.dataset import BaseDataset
from mmengine.fileio import list_from_file

from mmguided.registry import DATASETS
from mmguided.utils.errors import ConfigError, check_file

_FIELD = 'test_dataloader.dataset'


@DATASETS.register_module()
class DAVIS2017(BaseDataset):
    """DAVIS-2017 for semi-supervised video object segmentation; an item is a sequence.

    ::

        data_root/
        ├── ImageSets/2017/val.txt                  one sequence name per line
        ├── JPEGImages/480p/SEQUENCE/00000.jpg      frames, sorted by name
        └── Annotations/480p/SEQUENCE/00000.png     palette images: 0 = background, 1.. = objects

    The pipeline starts with :class:`mmguided.datasets.LoadVideo` and receives ``sequence``,
    ``frame_names`` (without extension), ``frame_paths`` and ``mask_paths``.

    Args:
        data_root: Dataset folder. ``~`` is expanded.
        ann_file: List of sequences, relative to the dataset folder.
        data_prefix: Folders of frames (``img``) and masks (``mask``), relative to the dataset
            folder.
        **kwargs: Arguments of MMEngine's ``BaseDataset``.

    Raises:
        ConfigError: If the list is missing or empty, a sequence has fewer than 3 frames, or a
            frame has no annotation.
    """

    def __init__(self, data_root: str, ann_file: str = 'ImageSets/2017/val.txt',
                 data_prefix: dict | None = None, **kwargs) -> None:
        super().__init__(
            ann_file=ann_file,
            data_root=osp.expanduser(data_root),
            data_prefix=data_prefix or dict(img='JPEGImages/480p', mask='Annotations/480p'),
            **kwargs)

    def load_data_list(self) -> list[dict]:
        """One dict for each sequence of the list."""
        remedy = (f'Set {_FIELD}.data_root to the DAVIS folder that contains ImageSets, JPEGImages '
                  'and Annotations.')
        check_file(f'{_FIELD}.ann_file', self.ann_file, remedy)
        names = [name for line in list_from_file(self.ann_file) if (name := line.strip())]
        if not names:
            raise ConfigError(f'{_FIELD}.ann_file={self.ann_file!r}: empty. {remedy}')
        return [self._sequence(name) for name in names]

    def _sequence(self, name: str) -> dict:
        folder, masks = (Path(self.data_prefix[key], name) for key in ('img', 'mask'))
        frames = sorted(folder.glob('*.jpg'))
        if len(frames) < 3:
            raise ConfigError(f'{_FIELD}.ann_file={self.ann_file!r}: sequence {name!r} has '
                              f'{len(frames)} frames in {str(folder)!r}. Add frames (at least '
                              '3 are needed), or remove the sequence from the list.')
        mask_paths = [masks / f'{frame.stem}.png' for frame in frames]
        if missing := next((path for path in mask_paths if not path.is_file()), None):
            raise ConfigError(f'{_FIELD}.data_prefix.mask={self.data_prefix["mask"]!r}: the '
                              f'annotation {str(missing)!r} is missing. Use a split with '
                              'annotations of all frames (test-dev has only the first).')
        return dict(sequence=name,
                    frame_names=[frame.stem for frame in frames],
                    frame_paths=[str(frame) for frame in frames],
                    mask_paths=[str(path) for path in mask_paths])
