"""draw_sheet: which panels a sheet has, and what their pixels show."""
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from mmguided.visualization import draw_masks, draw_models, draw_sheet
from mmguided.visualization.style import COLORS

BLACK, GRAY, WHITE = 0, 128, 255


def runs(dark, shortest):
    """Begin and end of the runs of True, as long as this or longer."""
    edges = np.flatnonzero(np.diff(np.r_[0, dark.astype(int), 0]))
    return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= shortest]


def panels(sheet):
    """The pictures of a sheet by row and column, without their frames."""
    dark = (sheet < 20).all(-1)
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
    guidance, attention = (np.random.permutation(mask.size).reshape(mask.shape).astype(float)
                           for _ in range(2))
    return grid, (images, mask, guidance, attention, reconstruction), (colors, rebuilt)


def test_every_panel_shows_its_content(case):
    grid, (images, mask, guidance, attention, reconstruction), (colors, rebuilt) = case
    sheet = draw_sheet(images, mask, guidance, attention, reconstruction)
    assert sheet.dtype == np.uint8 and sheet.ndim == 3 and sheet.shape[2] == 3
    rows = panels(sheet)
    assert [len(row) for row in rows] == [6, 6]
    for i, row in enumerate(rows):
        image, *scores, hidden, masked, result = (at_patches(panel, grid) for panel in row)
        np.testing.assert_allclose(image, colors[i], atol=1)
        np.testing.assert_array_equal(
            hidden, np.where(mask[i], BLACK, WHITE)[..., None].repeat(3, -1))
        np.testing.assert_allclose(
            masked, np.where(mask[i][..., None], GRAY, colors[i]), atol=1)
        np.testing.assert_allclose(result, rebuilt[i], atol=1)
        for seen, values in zip(scores, (guidance[i], attention[i]), strict=True):
            over = seen - .25 * colors[i].mean(-1, keepdims=True)  # a quarter of the gray image
            np.testing.assert_array_equal(over.sum(-1).ravel().argsort(), values.ravel().argsort())


def test_the_brightest_patch_is_the_most_attended_in_each_images_own_range():
    attention = np.random.permutation(12).reshape(1, 3, 4).astype(float)
    images = np.zeros((2, 24, 32, 3))
    sheet = draw_sheet(
        images, None, attention=np.concatenate((attention, 5 + attention / 1000)))
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
        images, mask, attention=np.random.rand(1, *grid) if attention else None,
        reconstruction=rebuilt if reconstruction else None)
    row, = panels(sheet)
    assert len(row) == columns
    # The others stay, in their order.
    np.testing.assert_allclose(at_patches(row[0], grid), colors[0], atol=1)
    hidden = at_patches(row[1 + attention], grid)
    np.testing.assert_array_equal(hidden[..., 0], np.where(mask[0], BLACK, WHITE))


@pytest.mark.parametrize('grid', [(2, 4), (4, 2), (3, 3)])
def test_panels_have_the_shape_of_the_images(grid):
    images, _ = pictures(grid, number=1)
    (row, ) = panels(draw_sheet(
        images, np.ones((1, *grid), int), np.random.rand(1, *grid), reconstruction=images))
    for panel in row:
        assert panel.shape[0] / panel.shape[1] == pytest.approx(grid[0] / grid[1], rel=.05)


def test_colors_beyond_the_range_are_clipped():
    images = np.zeros((1, 8, 8, 3))
    bright, dark = (panels(draw_sheet(images, None, reconstruction=images + value))[0][-1]
                    for value in (1.5, -.5))
    assert (bright == 255).all() and (dark == 0).all()


def test_the_title_stands_above():
    images, _ = pictures((2, 2))
    titled, plain = (draw_sheet(images, None, title=title) for title in ('MAE', ''))
    higher = len(titled) - len(plain)
    assert higher > 20 and (titled[:higher] < WHITE).any()


def shown_texts(monkeypatch):
    """What the drawing writes onto figures, which is collected in a list."""
    texts = []
    monkeypatch.setattr(Figure, 'text', lambda self, x, y, text, **kwargs: texts.append(text))
    return texts


def test_each_shot_has_a_color_of_its_own_that_the_legend_explains():
    images, _ = pictures((2, 2), number=2)
    shot = np.array([[[0, 1], [2, 3]], [[0, 0], [0, 1]]])
    rows = panels(draw_sheet(images, shot))
    colors = 255 * np.array([to_rgb(color) for color in ('white', *COLORS[:3])])
    for row, shots in zip(rows, shot, strict=True):
        np.testing.assert_allclose(at_patches(row[1], (2, 2)), colors[shots], atol=1)
        hidden = (abs(at_patches(row[2], (2, 2)) - GRAY) <= 1).all(-1)
        np.testing.assert_array_equal(hidden, shots > 0)


@pytest.mark.parametrize('number', [1, 3, 7])
def test_the_legend_lies_within_the_sheet_and_below_the_panels(number):
    """Whether there is one shot or many, and one column or several."""
    images, _ = pictures((4, 4), number=1)
    shot = np.arange(16).reshape(1, 4, 4) % (number + 1)
    figure = draw_models({'': dict(
        images=images, shot=shot, guidance=None, reconstruction=None)})
    figure.canvas.draw()
    box = figure.legends[0].get_window_extent()
    panels_end = min(ax.get_window_extent().y0 for ax in figure.axes)
    assert 0 <= box.x0 and box.x1 <= figure.bbox.x1 and 0 <= box.y0 and box.y1 <= panels_end + 5
    assert len(figure.legends[0].get_texts()) == number + 1


def test_images_that_are_masked_at_random_show_no_guidance(monkeypatch):
    images, colors = pictures((2, 2))
    guidance = np.array([[[1., 2.], [3., np.nan]], np.full((2, 2), np.nan)])
    shot = np.ones((2, 2, 2), int)
    (_, partly, *_), (_, none, *_) = panels(draw_sheet(images, shot, guidance))
    gray = colors.mean(-1, keepdims=True).repeat(3, -1)
    plain = (abs(at_patches(partly, (2, 2)) - gray[0]) <= 1).all(-1)
    assert plain.tolist() == [[False, False], [False, True]]
    np.testing.assert_allclose(at_patches(none, (2, 2)), gray[1], atol=1)
    texts = shown_texts(monkeypatch)
    for given, title in ((guidance, 'mask, guided: 1 of 2'), (guidance[[0, 0]], 'mask, guided'),
                         (None, 'mask, random')):
        texts.clear()
        draw_sheet(images, shot, given)
        assert title in texts


def test_models_side_by_side(monkeypatch):
    """Each with its own columns; the image once."""
    images, colors = pictures((2, 2))
    rebuilt, new_colors = pictures((2, 2))
    one, two = np.array([[[0, 1], [1, 0]]] * 2), np.array([[[1, 2], [0, 1]]] * 2)
    models = {
        'mae, epoch 1 of 15 $x_1$': dict(
            images=images[:, ::2, ::2], shot=one, guidance=None, reconstruction=None),
        'another': dict(
            images=images, shot=two, guidance=np.random.rand(2, 2, 2), reconstruction=rebuilt)}
    figure = draw_models(models)
    figure.canvas.draw()
    for i, row in enumerate(panels(np.asarray(figure.canvas.buffer_rgba())[..., :3])):
        image, first, _, second, result = (at_patches(panel, (2, 2)) for panel in row)
        np.testing.assert_allclose(image, colors[i], atol=1)
        np.testing.assert_array_equal(first[..., 0], np.where(one[i], BLACK, WHITE))
        assert (second[0, 0] == second[1, 1]).all() and (second[0, 1] != second[0, 0]).any()
        np.testing.assert_allclose(result, new_colors[i], atol=1)
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert set(legend) == {'visible', 'masked', 'masked in shot 1', 'masked in shot 2',
                           'lowest score', 'highest score'}
    texts = shown_texts(monkeypatch)
    draw_models(models)
    assert [text for text in texts if text] == [
        'image', 'mae, epoch 1 of 15\n' r'\$x_1\$', 'mask, random', 'another', 'guidance',
        'mask, guided', 'reconstruction']


def test_masks_over_the_image_keep_their_names(monkeypatch):
    images, colors = pictures((2, 2), number=1)
    mask = np.array([[[1, 0], [0, 1]]])
    (row, ) = panels(draw_masks(
        images, np.zeros((1, 16, 16)), np.random.rand(1, 2, 2), {'top': mask, 'none': 0 * mask}))
    image, dark, _, top, none = (at_patches(panel, (2, 2)) for panel in row)
    np.testing.assert_allclose(dark, colors[0] / 4, atol=1)
    np.testing.assert_allclose(top, np.where(mask[0][..., None], GRAY, colors[0]), atol=1)
    np.testing.assert_array_equal(none, image)
