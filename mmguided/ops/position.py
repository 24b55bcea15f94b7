"""2D sine-cosine position embeddings and relative position bias tables."""
import math

import numpy as np
import torch
from torch import Tensor


def sincos_position_embedding(grid: tuple[int, int], dim: int) -> Tensor:
    """MAE's fixed position embedding: the first half of the channels encodes the column, the second
    half the row, each as sines then cosines of wavelengths from 2 pi to 10000 * 2 pi.

    mmpretrain's function swaps the halves and supports only square grids.

    Args:
        grid: Number of patches ``(h, w)``.
        dim: Channels, a multiple of 4.

    Returns:
        ``(1, 1 + h * w, dim)``, float32; the first row, for [CLS], is zero.

    Raises:
        ValueError: If ``dim`` is not a multiple of 4.
    """
    if dim % 4:
        raise ValueError(f'dim={dim}: not a multiple of 4. Choose a multiple of 4.')
    # float64, as in the released code, because float32 would round large products.
    omega = 10000**(-torch.arange(dim // 4, dtype=torch.float64) / (dim // 4))
    rows, columns = (torch.arange(n, dtype=torch.float64) for n in grid)
    rows, columns = torch.meshgrid(rows, columns, indexing='ij')
    angles = [axis.flatten()[:, None] * omega for axis in (columns, rows)]
    embedding = torch.cat([f(a) for a in angles for f in (torch.sin, torch.cos)], dim=1)
    return torch.cat((embedding.new_zeros(1, dim), embedding)).float().unsqueeze(0)


def resize_relative_positions(table: Tensor, window: int) -> Tensor:
    """Resize a Swin relative position bias table to another window size, as in SimMIM.

    The trained offsets are placed at distances that grow geometrically, so that the farthest one
    coincides with the farthest offset of the new window. The new table is interpolated by a cubic
    spline. mmpretrain's function uses ``interp2d``, which SciPy has removed.

    Args:
        table: ``((2 * w - 1)**2, num_heads)`` for windows of side w > 2.
        window: Side of the new windows.

    Returns:
        ``((2 * window - 1)**2, num_heads)``.
    """
    # Imported here because SciPy loads slowly and nothing else needs it.
    from scipy.interpolate import make_interp_spline
    from scipy.optimize import brentq

    side = math.isqrt(len(table))
    reach = side // 2
    factor = brentq(lambda q: sum(q**i for i in range(reach)) - (window - 1), 1e-3, 1e3)
    far = np.cumsum(factor**np.arange(reach))
    trained = np.concatenate((-far[::-1], [0], far))
    wanted = np.arange(1 - window, window)
    values = table.double().cpu().numpy().reshape(side, side, -1)
    for axis in (0, 1):
        values = make_interp_spline(trained, values, axis=axis)(wanted)
    return torch.from_numpy(values).flatten(0, 1).to(table)
