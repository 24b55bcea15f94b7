"""Window partition against slicing."""
import pytest
import torch

from mmguided.ops import merge_windows, split_windows, window_padding

CASES = [((4, 6), (2, 3)), ((5, 7), (2, 3)), ((4, 5), (4, 2)), ((3, 3), (7, 7)), ((1, 4), (1, 1))]


def window(grid, size, index):
    """Row and column slices of a window."""
    row, column = divmod(index, -(-grid[1] // size[1]))
    return (slice(row * size[0], (row + 1) * size[0]),
            slice(column * size[1], (column + 1) * size[1]))


@pytest.mark.parametrize('grid, size', CASES)
def test_windows_are_slices_of_the_grid_filled_up_with_zeros(grid, size):
    image = torch.randn(2, *grid, 3)
    windows = split_windows(image.flatten(1, 2), grid, size)
    number = -(-grid[0] // size[0]) * -(-grid[1] // size[1])
    assert windows.shape == (2, number, size[0] * size[1], 3)
    for i in range(number):
        rows, columns = window(grid, size, i)
        part = image[:, rows, columns]
        expected = torch.zeros(2, *size, 3)
        expected[:, :part.shape[1], :part.shape[2]] = part
        assert torch.equal(windows[:, i], expected.flatten(1, 2))


@pytest.mark.parametrize('grid, size', CASES)
def test_merging_is_the_inverse(grid, size):
    tokens = torch.randn(2, grid[0] * grid[1], 3)
    assert torch.equal(merge_windows(split_windows(tokens, grid, size), grid, size), tokens)


@pytest.mark.parametrize('grid, size', CASES)
def test_padding_is_what_is_outside_the_grid(grid, size):
    padding = window_padding(grid, size)
    windows = split_windows(torch.ones(1, grid[0] * grid[1], 1), grid, size)[0, ..., 0]
    if padding is None:
        assert grid[0] % size[0] == grid[1] % size[1] == 0
    else:
        assert padding.dtype == torch.bool and torch.equal(padding, windows == 0)
        assert (~padding).sum() == grid[0] * grid[1]
