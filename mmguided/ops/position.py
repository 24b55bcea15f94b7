"""Fixed two-dimensional sine-cosine position embeddings."""
import torch
from torch import Tensor


def sincos_position_embedding(grid: tuple[int, int], dim: int, cls_token: bool = True) -> Tensor:
    """MAE's fixed position embedding: the first half of the channels encodes the column, the second
    half the row, each as sines then cosines of wavelengths from 2 pi to 10000 * 2 pi.

    Not mmpretrain's function, which swaps the halves and is right for square grids alone.

    Args:
        grid: Number of patches ``(h, w)``.
        dim: Channels, a multiple of 4.
        cls_token: Prepend a zero row for [CLS].

    Returns:
        ``(1, [1 +] h * w, dim)``, float32.

    Raises:
        ValueError: If ``dim`` is not a multiple of 4.
    """
    if dim % 4:
        raise ValueError(f'dim={dim}: sine-cosine position embeddings need a multiple of 4')
    # float64 keeps the large products exact to float32's last place, as the released code does.
    omega = 10000**(-torch.arange(dim // 4, dtype=torch.float64) / (dim // 4))
    rows, columns = (torch.arange(n, dtype=torch.float64) for n in grid)
    rows, columns = torch.meshgrid(rows, columns, indexing='ij')
    angles = [axis.flatten()[:, None] * omega for axis in (columns, rows)]
    embedding = torch.cat([f(a) for a in angles for f in (torch.sin, torch.cos)], dim=1)
    if cls_token:
        embedding = torch.cat((embedding.new_zeros(1, dim), embedding))
    return embedding.float().unsqueeze(0)
