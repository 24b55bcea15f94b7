"""Partition of a token grid into windows."""
import torch
import torch.nn.functional as F
from torch import Tensor


def split_windows(tokens: Tensor, grid: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """Split a grid into windows, zero-padded at the bottom and right.

    Args:
        tokens: ``(B, h * w, D)``.
        grid: ``(h, w)``.
        size: Height and width of a window.

    Returns:
        Windows ``(B, W, n, D)`` of ``n`` tokens each, in row-major order.
    """
    x = tokens.unflatten(1, grid)
    bottom, right = -grid[0] % size[0], -grid[1] % size[1]
    if bottom or right:
        x = F.pad(x, (0, 0, 0, right, 0, bottom))
    x = x.unflatten(2, (-1, size[1])).unflatten(1, (-1, size[0]))  # (B, rows, a, columns, b, D)
    return x.transpose(2, 3).flatten(3, 4).flatten(1, 2)


def window_padding(grid: tuple[int, int], size: tuple[int, int],
                   device: torch.device | str | None = None) -> Tensor | None:
    """Mask ``(W, n)``, bool, of padding by :func:`split_windows`; None if nothing is padded."""
    if grid[0] % size[0] == 0 and grid[1] % size[1] == 0:
        return None
    inside = torch.ones(1, grid[0] * grid[1], 1, device=device)
    return split_windows(inside, grid, size)[0, ..., 0] == 0


def merge_windows(windows: Tensor, grid: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """Invert :func:`split_windows`: ``(B, W, n, D)`` to ``(B, h * w, D)``."""
    columns = -(-grid[1] // size[1])
    x = windows.unflatten(2, size).unflatten(1, (-1, columns))  # (B, rows, columns, a, b, D)
    x = x.transpose(2, 3).flatten(3, 4).flatten(1, 2)
    return x[:, :grid[0], :grid[1]].flatten(1, 2)
