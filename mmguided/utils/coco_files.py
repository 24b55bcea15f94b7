"""Read annotation files in the format of COCO."""
import json
import os
from collections.abc import Sequence
from pathlib import Path

from .errors import ConfigError


def read_coco(path: str | os.PathLike, field: str, required: Sequence[str]) -> dict:
    """Read ``images``, ``annotations`` and ``categories``.

    Args:
        field: Config field or argument that names the file, for errors.
        required: Fields that each annotation must have.

    Raises:
        ConfigError: If the file has another format, or an annotation lacks a field.
    """
    start = f'{field}={os.fspath(path)!r}'
    try:
        content = json.loads(Path(path).read_bytes())
        names = {image['id']: image['file_name'] for image in content['images']}
        categories = [category['name'] for category in content['categories']]
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f'{start}: not in the format of COCO ({type(error).__name__}: {error}). '
                          'Give a JSON file of images, annotations and categories.') from error
    if repeated := sorted({name for name in categories if categories.count(name) > 1}):
        raise ConfigError(f'{start}: the categories {repeated} are repeated. Rename them.')
    for annotation in content.setdefault('annotations', []):
        for name in required:
            if annotation.get(name) in (None, []):
                raise ConfigError(
                    f'{start}: annotation {annotation.get("id")} of image '
                    f'{names.get(annotation.get("image_id"))!r} has no {name!r}. Add the field, or '
                    'delete the annotation.')
    return content
