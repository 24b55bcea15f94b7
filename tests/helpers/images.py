"""Test images."""
from pathlib import Path

import numpy as np
from PIL import Image


def write_image(path: Path, value: int = 0, size: tuple[int, int] = (12, 10)) -> Path:
    """Write a gray image of a size (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new('RGB', size, (value, ) * 3).save(path)
    return path


def position_image(height: int, width: int) -> np.ndarray:
    """Image whose pixels are row, column and 7."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows, columns, np.full_like(rows, 7)], axis=2).astype(np.uint8)
