"""Window partition against slicing."""
import pytest
import torch

from mmguided.ops import merge_windows, split_windows, window_padding

CASES = [((4, 6), (2, 3)), ((5, 7), (2, 3)), ((4, 5), (4, 2)), ((3, 3), (7, 7)), ((1, 4), (1, 1))]


@pytest.mark.parametrize('grid, size', CASES)
def test_windows_are_slices_of_the_grid_filled_up_with_zeros(grid, size):
    image = torch.randn(2, *grid, 3)
    windows, padding = split_windows(image.flatten(1, 2), grid, size), window_padding(grid, size)
    columns = -(-grid[1] // size[1])
    assert windows.shape == (2, -(-grid[0] // size[0]) * columns, size[0] * size[1], 3)
    assert torch.equal(merge_windows(windows, grid, size), image.flatten(1, 2))
    assert (padding is None) == (grid[0] % size[0] == grid[1] % size[1] == 0)
    for i in range(windows.shape[1]):
        top, left = i // columns * size[0], i % columns * size[1]
        part = image[:, top:top + size[0], left:left + size[1]]
        expected = torch.zeros(2, *size, 3)
        expected[:, :part.shape[1], :part.shape[2]] = part
        assert torch.equal(windows[:, i], expected.flatten(1, 2))
        if padding is not None:
            assert torch.equal(padding[i], (expected[0] == 0).all(-1).flatten())
