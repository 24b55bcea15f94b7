"""ViT, sigma_F and sigma_S in NumPy, independent of mmguided's code."""
import numpy as np
from scipy.special import erf, softmax


def numpy_layers(state: dict, image: np.ndarray, heads: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Attention outputs X' (Self-guided MAE, Eq. 1) and output tokens of the patches in each block.

    Args:
        state: Weights of a MaskedViT as float64 arrays.
        image: Normalized, ``(3, H, W)``.
    """

    def linear(x, name):
        return x @ state[f'{name}.weight'].T + state[f'{name}.bias']

    def norm(x, name):
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6)
        return x * state[f'{name}.weight'] + state[f'{name}.bias']

    kernel = state['patch_embed.projection.weight']
    side = kernel.shape[-1]
    patches = [image[:, y:y + side, x:x + side].ravel()
               for y in range(0, image.shape[1], side) for x in range(0, image.shape[2], side)]
    x = patches @ kernel.reshape(len(kernel), -1).T + state['patch_embed.projection.bias']
    x = np.vstack([state['cls_token'][0], x]) + state['pos_embed'][0]
    layers = []
    for i in range(len([name for name in state if name.endswith('attn.qkv.weight')])):
        query, key, value = (np.split(part, heads, axis=1) for part in np.split(
            linear(norm(x, f'layers.{i}.ln1'), f'layers.{i}.attn.qkv'), 3, axis=1))
        attended = np.hstack([softmax(q @ k.T / np.sqrt(q.shape[1]), axis=1) @ v
                              for q, k, v in zip(query, key, value, strict=True)])
        x = x + linear(attended, f'layers.{i}.attn.proj')
        hidden = linear(norm(x, f'layers.{i}.ln2'), f'layers.{i}.ffn.layers.0.0')
        x = x + linear(hidden * (1 + erf(hidden / np.sqrt(2))) / 2, f'layers.{i}.ffn.layers.1')
        layers.append((attended[1:], x[1:]))
    return layers


def sigma_f(features: np.ndarray) -> float:
    """sigma_F of Eq. 3 of features ``(n, D)``."""
    unit = [x / np.sqrt((x**2).sum()) for x in features]
    mean = sum(unit) / len(unit)
    return sum(((x - mean)**2).sum() for x in unit) / len(unit)


def sigma_s(features: np.ndarray) -> float:
    """sigma_S of Eq. 3 as printed: the mean includes the diagonal, the sum excludes it."""
    n = len(features)
    m = [[x @ y / np.sqrt((x @ x) * (y @ y)) for y in features] for x in features]
    mean = sum(map(sum, m)) / (n * (n - 1))
    return sum((m[i][j] - mean)**2 for i in range(n) for j in range(n) if j != i) / (n * (n - 1))
