"""Images of Hugging Face datasets."""
import functools
import os.path as osp
from typing import TYPE_CHECKING

from mmengine.fileio import LocalBackend, register_backend

from mmguided.registry import DATASETS
from mmguided.utils.errors import ConfigError, require_extra

from .image_folder import ImageFolder

if TYPE_CHECKING:
    from datasets import Dataset

_PREFIX = 'hf-datasets'
_HUB = 'hf-hub:'


@DATASETS.register_module()
class HuggingFaceImages(ImageFolder):
    """Images of a Hugging Face dataset, read by random access from memory-mapped Arrow files.

    Everything else is as with :class:`ImageFolder`: loading transforms, unreadable images, seeds
    and resume. The paths of images are ``hf-datasets://ROOT#SPLIT#IMAGE/INDEX``, which
    :class:`RowBackend` reads. Requires ``pip install -e '.[datasets]'``.

    Args:
        data_root (str): Folder of ``Dataset.save_to_disk``, folder of Parquet or Arrow files, or
            ``hf-hub:OWNER/NAME``. The package ``datasets`` writes Parquet files as Arrow files to
            its cache at the first use, see ``HF_DATASETS_CACHE``.
        split (str): Split. Defaults to '', which means the only split.
        image (str): Column of images: encoded files, or paths. Defaults to 'image'.
        label (str): Column of integer labels. Defaults to 'label'.
        with_label (bool | str): ``'auto'`` means True if the column 'label' has integers, or if
            ``label`` names another column. Defaults to 'auto'.
        **kwargs: Other arguments of :class:`ImageFolder`, except ``data_prefix``, ``ann_file``,
            ``classes`` and ``extensions``.

    Raises:
        ConfigError: If the dataset, the split or a column is missing, or a label is not an integer
            from 0. See also :class:`ImageFolder`.
    """

    def __init__(self, data_root: str, split: str = '', image: str = 'image', label: str = 'label',
                 with_label: bool | str = 'auto', **kwargs) -> None:
        for field in ('data_prefix', 'ann_file', 'classes', 'extensions'):
            if value := kwargs.pop(field, None):
                raise ConfigError(f'{field}={value!r}: not supported by HuggingFaceImages. Set '
                                  f"{field}='' and choose the images by `split`.")
        self.split, self.image, self.label = split, image, label
        super().__init__(data_root, with_label=with_label, **kwargs)

    def _join_prefix(self) -> None:
        self.data_prefix = dict(
            img_path=f'{_PREFIX}://{self.data_root}#{self.split}#{self.image}')

    def load_data_list(self) -> list[dict]:
        """List ``dict(img_path=..., gt_label=...)``, without ``gt_label`` if unlabeled."""
        rows = open_dataset(self.data_root, self.split)
        if not len(rows):
            raise ConfigError(f'data_root={self.data_root!r}: the dataset is empty. '
                              f'{self._remedy}')
        open_images(self.data_root, self.split, self.image)
        paths = [f'{self.img_prefix}/{index}' for index in range(len(rows))]
        if self.with_label == 'auto':
            self.with_label = self.label != 'label' or 'int' in str(
                getattr(rows.features.get('label'), 'dtype', ''))
        if not self.with_label:
            return [dict(img_path=path) for path in paths]
        _check_column(rows, 'label', self.label)
        labels = rows.select_columns(self.label).with_format('numpy')[:][self.label]
        if labels.ndim > 1 or labels.dtype.kind not in 'iu' or labels.min() < 0:
            raise ConfigError(
                f'label={self.label!r}: has values that are not integers from 0. Write labels with '
                '`Dataset.class_encode_column`, choose another split, or set with_label=False.')
        self._metainfo.setdefault(
            'classes', tuple(getattr(rows.features[self.label], 'names', ())) or None)
        return [dict(img_path=path, gt_label=label)
                for path, label in zip(paths, labels.tolist(), strict=True)]


@register_backend('mmguided.rows', prefixes=_PREFIX)
class RowBackend(LocalBackend):
    """Read the image ``hf-datasets://ROOT#SPLIT#IMAGE/INDEX`` of a Hugging Face dataset."""

    def get(self, filepath: str) -> bytes:
        """Read an encoded image.

        Raises:
            ValueError: If the row has no image.
        """
        source, _, index = str(filepath).removeprefix(f'{_PREFIX}://').rpartition('/')
        root, split, column = source.rsplit('#', 2)
        image = open_images(root, split, column)[int(index)][column]
        if image is None or image['bytes'] is image['path'] is None:
            raise ValueError('the row has no image')
        return image['bytes'] if image['bytes'] is not None else super().get(image['path'])


@functools.cache
def open_dataset(root: str, split: str) -> 'Dataset':
    """Open a dataset, once per process.

    Raises:
        ConfigError: See :class:`HuggingFaceImages`.
    """
    field, is_local = f'data_root={root!r}', not root.startswith(_HUB)
    if is_local and not osp.isdir(root):
        raise ConfigError(f'{field}: no such folder. Give the folder of a dataset, or '
                          'hf-hub:OWNER/NAME.')
    with require_extra('datasets', field):
        import datasets
    try:
        if any(osp.isfile(osp.join(root, name)) for name in ('state.json', 'dataset_dict.json')):
            found = datasets.load_from_disk(root)
        else:
            found = datasets.load_dataset(root.removeprefix(_HUB))
    except Exception as error:
        raise ConfigError(f'{field}: cannot be opened ({type(error).__name__}: {error}). Give a '
                          'folder of Dataset.save_to_disk or of Parquet files.') from error
    splits = found if isinstance(found, dict) else {str(found.split or ''): found}
    if not split and len(splits) == 1:
        split, = splits
    if split not in splits:
        raise ConfigError(f'split={split!r}: {root!r} has the splits {[*splits]}. Set one of them.')
    return splits[split]


@functools.cache
def open_images(root: str, split: str, column: str) -> 'Dataset':
    """Open the images of a dataset without decoding, once per process.

    Raises:
        ConfigError: If the column is missing or has no encoded images.
    """
    from datasets import Image
    rows = open_dataset(root, split)
    _check_column(rows, 'image', column)
    kind = rows.features[column]
    if not (isinstance(kind, Image) or isinstance(kind, dict) and kind.keys() == {'bytes', 'path'}
            or getattr(kind, 'dtype', '') in ('binary', 'large_binary', 'string')):
        raise ConfigError(f'image={column!r}: has neither image files nor paths, but {kind}. '
                          f'Choose from {rows.column_names}, or write it as datasets.Image.')
    return rows.select_columns(column).cast_column(column, Image(decode=False))


def _check_column(rows: 'Dataset', field: str, column: str) -> None:
    if column not in rows.column_names:
        raise ConfigError(f'{field}={column!r}: no such column. Choose from {rows.column_names}.')
