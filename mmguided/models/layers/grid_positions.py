"""Grid of position embeddings, recorded in state dicts."""
import logging
import math
from collections.abc import Mapping

from mmengine.logging import print_log
from torch import Tensor, nn

from mmguided.utils.errors import ConfigError


def record_grid(module: nn.Module, grid: tuple[int, int]) -> None:
    """Record the patch grid ``(h, w)`` of a module in the metadata of its state dicts, and as its
    attribute ``position_grid``. The names of the weights do not change, and other toolkits ignore
    the metadata."""
    module.position_grid = tuple(grid)
    module._register_state_dict_hook(_record)


def _record(module: nn.Module, state: Mapping, prefix: str, metadata: dict) -> None:
    metadata['grid'] = module.position_grid


def checkpoint_grid(module: nn.Module, name: str, embedding: Tensor, metadata: Mapping
                    ) -> tuple[int, int]:
    """Patch grid ``(h, w)`` of a position embedding in a checkpoint.

    If the metadata lacks the grid, as in checkpoints of other toolkits, the grid is assumed to be
    square or, if the number of positions is not a square, equal to the grid of the module. A
    warning states the assumption unless the grids of checkpoint and module are both square.

    Args:
        module: Module that loads the embedding, see :func:`record_grid`.
        name: Name of the weight, for messages.
        embedding: Position embedding of the checkpoint, ``(1, 1 + h * w, D)``.
        metadata: Metadata of the module in the checkpoint.

    Raises:
        ConfigError: If the grid is unknown.
    """
    positions, ours = embedding.shape[1] - 1, module.position_grid
    recorded = tuple(metadata.get('grid', ()))
    if recorded and math.prod(recorded) == positions:
        return recorded
    side = math.isqrt(positions)
    grid = (side, side) if side**2 == positions else ours
    problem = f'{name}: the checkpoint does not record the grid of its {positions} positions. '
    if math.prod(grid) != positions:
        raise ConfigError(f'{problem}Use a checkpoint that contains its config, or set img_size to '
                          'that of pretraining.')
    if grid[0] != grid[1] or ours[0] != ours[1]:
        print_log(f'{problem}{grid[0]} x {grid[1]} (height x width) is assumed.', 'current',
                  logging.WARNING)
    return grid
