"""Lists of labeled images, as :class:`mmguided.datasets.ImageFolder` reads them by ``ann_file``."""
from collections.abc import Iterable
from pathlib import Path

from .errors import ConfigError


def write_annotations(path: Path, samples: Iterable[tuple[str, int]]) -> None:
    """Write a line ``image label`` for each sample, and print a summary.

    Args:
        path: The file; its folder is made.
        samples: Path of an image, as ``ann_file`` shall hold it, and its label from 0 on.

    Raises:
        ConfigError: If there is no sample.
    """
    samples = list(samples)
    if not samples:
        raise ConfigError(f'{str(path)!r} would be empty: no image of it was found; check the '
                          'folder of the data set')
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(''.join(f'{image} {label}\n' for image, label in samples))
    print(f'{path}: {len(samples)} images of {len({label for _, label in samples})} classes')
