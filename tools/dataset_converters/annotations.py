"""Annotation files of labeled images, in the format of :class:`mmguided.datasets.ImageFolder`."""
from collections.abc import Iterable
from pathlib import Path

from mmguided.utils.errors import ConfigError


def write_annotations(path: Path, samples: Iterable[tuple[str, int]]) -> None:
    """Write a line ``image label`` for each sample, and print a summary.

    Args:
        path: The file; its folder is created.
        samples: Path of each image, relative to the folder of the dataset, and its label from 0.

    Raises:
        ConfigError: If ``samples`` is empty.
    """
    samples = list(samples)
    if not samples:
        raise ConfigError(f'path={str(path)!r}: no image was found for this file. Check the folder '
                          'of the dataset.')
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(''.join(f'{image} {label}\n' for image, label in samples))
    print(f'{path}: {len(samples)} images of {len({label for _, label in samples})} classes')
