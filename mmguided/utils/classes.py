"""Names of the classes of a dataset."""
from collections.abc import Sequence

from torch.utils.data import Dataset

from .errors import ConfigError


def class_names(dataset: Dataset) -> tuple[str, ...]:
    """Names of the classes in the order of the labels; () if unknown."""
    return tuple(getattr(dataset, 'metainfo', {}).get('classes') or ())


def check_same_classes(field: str, dataset: Dataset, source: str, expected: Sequence[str]) -> None:
    """Raise ConfigError if the classes of a dataset differ from those of ``source``, or their order
    does. Without this check, a missing class would shift the labels. Unknown classes are not
    compared."""
    names = class_names(dataset)
    if names and expected and names != tuple(expected):
        different = sorted({*names} ^ {*expected})
        raise ConfigError(
            f'{field}.data_root={getattr(dataset, "data_root", "")!r}: the classes differ from '
            f'{source} ({", ".join(different[:3]) or "only in their order"}), so the labels differ '
            'too. Give both the same classes, each with an image.')
