"""draw_sheet: which panels a sheet has, and what their pixels show."""
import numpy as np
import pytest

from mmguided.visualization import draw_sheet

BLACK, GRAY, WHITE = 0, 128, 255


def runs(dark, shortest):
    """Begin and end of the runs of True, as long as this or longer."""
    edges = np.flatnonzero(np.diff(np.r_[0, dark.astype(int), 0]))
    return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= shortest]


def panels(sheet):
    """The pictures of a sheet by row and column, without their frames."""
    dark = (sheet < 100).all(-1)
    top = next(line for line in dark if runs(line, 50))  # the upper sides of the frames; not text
    columns = runs(top, 50)
    rows = runs(dark[:, columns[0][0]], 20)  # the left sides of the first ones
    return [[sheet[a + 2:b - 2, c + 2:d - 2] for c, d in columns] for a, b in rows]


def at_patches(panel, grid):
    """Colors ``(h, w, 3)`` in the middle of each patch."""
    rows, columns = (((2 * np.arange(n) + 1) * length / (2 * n)).astype(int)
                     for n, length in zip(grid, panel.shape, strict=False))
    return panel[rows][:, columns].astype(int)


def pictures(grid, patch=8, number=2):
    """Images of one color per patch, and these colors ``(B, h, w, 3)`` from 0 to 255."""
    colors = np.random.randint(0, 256, (number, *grid, 3))
    return np.kron(colors / 255, np.ones((1, patch, patch, 1))), colors


@pytest.fixture(params=[(2, 2), (2, 5), (4, 3)], ids=str)
def case(request):
    """A grid, and what to draw on it for two images; every panel has another content."""
    grid = request.param
    images, colors = pictures(grid)
    reconstruction, rebuilt = pictures(grid)
    mask = np.random.permutation(2 * grid[0] * grid[1]).reshape(2, *grid) % 2
    attention = np.random.permutation(mask.size).reshape(mask.shape).astype(float)
    return grid, (images, attention, mask, reconstruction), (colors, rebuilt)


def test_every_panel_shows_its_content(case):
    grid, (images, attention, mask, reconstruction), (colors, rebuilt) = case
    sheet = draw_sheet(images, attention, mask, reconstruction)
    assert sheet.dtype == np.uint8 and sheet.ndim == 3 and sheet.shape[2] == 3
    rows = panels(sheet)
    assert [len(row) for row in rows] == [5, 5]
    for i, row in enumerate(rows):
        image, seen, hidden, masked, result = (at_patches(panel, grid) for panel in row)
        np.testing.assert_allclose(image, colors[i], atol=1)
        np.testing.assert_array_equal(
            hidden, np.where(mask[i], BLACK, WHITE)[..., None].repeat(3, -1))
        np.testing.assert_allclose(
            masked, np.where(mask[i][..., None], GRAY, colors[i]), atol=1)
        np.testing.assert_allclose(result, rebuilt[i], atol=1)
        assert len(np.unique(seen.reshape(-1, 3), axis=0)) > 1


def test_the_brightest_patch_is_the_most_attended_in_each_images_own_range():
    attention = np.random.permutation(12).reshape(1, 3, 4).astype(float)
    images = np.zeros((2, 24, 32, 3))
    sheet = draw_sheet(
        images, np.concatenate((attention, 5 + attention / 1000)), np.zeros((2, 3, 4)), None)
    first, second = (at_patches(row[1], (3, 4)) for row in panels(sheet))
    order = first.sum(-1).ravel().argsort()
    np.testing.assert_array_equal(order, attention.ravel().argsort())
    np.testing.assert_allclose(first, second, atol=1)


@pytest.mark.parametrize('attention, reconstruction, columns', [
    (True, True, 5), (False, True, 4), (True, False, 4), (False, False, 3)])
def test_what_is_not_there_has_no_column(attention, reconstruction, columns):
    grid = (2, 3)
    images, colors = pictures(grid, number=1)
    rebuilt, _ = pictures(grid, number=1)
    mask = np.array([[[1, 0, 0], [0, 1, 1]]])
    sheet = draw_sheet(
        images, np.random.rand(1, *grid) if attention else None, mask,
        rebuilt if reconstruction else None)
    row, = panels(sheet)
    assert len(row) == columns
    # The others stay, in their order.
    np.testing.assert_allclose(at_patches(row[0], grid), colors[0], atol=1)
    hidden = at_patches(row[1 + attention], grid)
    np.testing.assert_array_equal(hidden[..., 0], np.where(mask[0], BLACK, WHITE))


@pytest.mark.parametrize('grid', [(2, 4), (4, 2), (3, 3)])
def test_panels_have_the_shape_of_the_images(grid):
    images, _ = pictures(grid, number=1)
    (row, ) = panels(draw_sheet(images, np.random.rand(1, *grid), np.zeros((1, *grid)), images))
    for panel in row:
        assert panel.shape[0] / panel.shape[1] == pytest.approx(grid[0] / grid[1], rel=.05)


def test_colors_beyond_the_range_are_clipped():
    images = np.zeros((1, 8, 8, 3))
    bright, dark = (panels(draw_sheet(images, None, np.zeros((1, 1, 1)), images + value))[0][-1]
                    for value in (1.5, -.5))
    assert (bright == 255).all() and (dark == 0).all()


def test_the_title_stands_above():
    images, _ = pictures((2, 2))
    for title in ('MAE', ''):
        sheet = draw_sheet(images, None, np.zeros((2, 2, 2)), None, title)
        assert (sheet[:25] < WHITE).any() == bool(title)
