"""Panels and pixels of figure sheets."""
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from mmguided.visualization import draw_masks, draw_models, draw_sheet
from mmguided.visualization.style import SCORE_COLORS

MASKED, GRAY, WHITE = 127, 128, 255


def runs(dark, shortest):
    """Begin and end of the runs of True with at least this length."""
    edges = np.flatnonzero(np.diff(np.r_[0, dark.astype(int), 0]))
    return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= shortest]


def panels(sheet):
    """Images of a sheet by row and column, without their frames."""
    dark = (sheet < 20).all(-1)
    top = next(line for line in dark if runs(line, 50))  # the top edges of the frames, not text
    columns = runs(top, 50)
    rows = runs(dark[:, columns[0][0]], 20)  # the left edges of the first column
    return [[sheet[a + 2:b - 2, c + 2:d - 2] for c, d in columns] for a, b in rows]


def at_patches(panel, grid):
    """Colors ``(h, w, 3)`` at the patch centers."""
    rows, columns = (((2 * np.arange(n) + 1) * length / (2 * n)).astype(int)
                     for n, length in zip(grid, panel.shape, strict=False))
    return panel[rows][:, columns].astype(int)


def pictures(grid, patch=8, number=2):
    """Images with one color per patch, and these colors ``(B, h, w, 3)`` from 0 to 255."""
    colors = np.random.randint(0, 256, (number, *grid, 3))
    return np.kron(colors / 255, np.ones((1, patch, patch, 1))), colors


def rendered(figure):
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3]


@pytest.fixture
def texts(monkeypatch):
    """Texts of all figures."""
    found = []
    monkeypatch.setattr(Figure, 'text', lambda self, x, y, text, **kwargs: found.append(text))
    return found


@pytest.mark.parametrize('grid', [(2, 5), (4, 3)], ids=str)
def test_panels_show_their_content(grid):
    images, colors = pictures(grid)
    reconstruction, predicted = pictures(grid)
    mask = np.random.permutation(2 * grid[0] * grid[1]).reshape(2, *grid) % 2
    guidance, attention = (np.random.permutation(mask.size).reshape(mask.shape).astype(float)
                           for _ in range(2))
    rows = panels(draw_sheet(images, mask, guidance, attention, reconstruction, title='MAE'))
    assert [len(row) for row in rows] == [6, 6]
    for i, row in enumerate(rows):
        for panel in row:
            assert panel.shape[0] / panel.shape[1] == pytest.approx(grid[0] / grid[1], rel=.05)
        image, *scores, masks, masked, result = (at_patches(panel, grid) for panel in row)
        np.testing.assert_allclose(image, colors[i], atol=1)
        np.testing.assert_array_equal(
            masks, np.where(mask[i], MASKED, WHITE)[..., None].repeat(3, -1))
        np.testing.assert_allclose(masked, np.where(mask[i][..., None], GRAY, colors[i]), atol=1)
        np.testing.assert_allclose(result, predicted[i], atol=1)
        for seen, values in zip(scores, (guidance[i], attention[i]), strict=True):
            over = seen - .25 * colors[i].mean(-1, keepdims=True)  # a quarter of the gray image
            np.testing.assert_array_equal(over.sum(-1).ravel().argsort(), values.ravel().argsort())


def test_scores_are_scaled_to_each_image():
    attention = np.random.permutation(12).reshape(1, 3, 4).astype(float)
    sheet = draw_sheet(np.zeros((2, 24, 32, 3)), None,
                       attention=np.concatenate((attention, 5 + attention / 1000)))
    first, second = (at_patches(row[1], (3, 4)) for row in panels(sheet))
    np.testing.assert_array_equal(first.sum(-1).ravel().argsort(), attention.ravel().argsort())
    np.testing.assert_allclose(first, second, atol=1)


@pytest.mark.parametrize('number', [1, 2, 3, 7])
def test_masks_have_grays_that_the_legend_explains_and_no_score_has(number):
    """With one or more shots, and in one or more legend columns."""
    images, _ = pictures((4, 4), number=1)
    shot = np.arange(16).reshape(1, 4, 4) % (number + 1)
    figure = draw_models({'': dict(
        images=images, shot=shot, guidance=np.random.rand(1, 4, 4), reconstruction=None)})
    sheet, legend = rendered(figure), figure.legends[0]
    box = legend.get_window_extent()
    panels_end = min(ax.get_window_extent().y0 for ax in figure.axes)
    assert 0 <= box.x0 and box.x1 <= figure.bbox.x1 and 0 <= box.y0 and box.y1 <= panels_end + 5
    names = [text.get_text() for text in legend.get_texts()]
    colors = np.array([to_rgb(patch.get_facecolor()) for patch in legend.get_patches()])
    assert names[-2:] == ['lowest score', 'highest score'] and len(names) == number + 3
    ((_, _, masks), ) = panels(sheet)
    np.testing.assert_allclose(at_patches(masks, (4, 4)), 255 * colors[shot[0]], atol=1)
    grays, scores = colors[:-2], SCORE_COLORS(np.linspace(0, 1, 256))[:, :3]
    assert len(np.unique(grays, axis=0)) == number + 1 and np.ptp(grays, axis=1).max() < 1e-6
    np.testing.assert_allclose(colors[-2:], scores[[0, -1]], atol=.01)
    distances = np.linalg.norm(grays[:, None] - scores, axis=-1)
    assert distances.min() > .15 and distances[:, 0].min() > .4


def test_patches_without_score_show_the_gray_image(texts):
    images, colors = pictures((2, 2))
    guidance = np.array([[[1., 2.], [3., np.nan]], np.full((2, 2), np.nan)])
    shot = np.ones((2, 2, 2), int)
    for given, title in ((None, 'mask, random'), (guidance[[0, 0]], 'mask, guided'),
                         (guidance, 'mask, guided: 1 of 2')):
        texts.clear()
        sheet = draw_sheet(images, shot, given)
        assert title in texts
    (_, partly, *_), (_, none, *_) = panels(sheet)
    gray = colors.mean(-1, keepdims=True).repeat(3, -1)
    plain = (abs(at_patches(partly, (2, 2)) - gray[0]) <= 1).all(-1)
    assert plain.tolist() == [[False, False], [False, True]]
    np.testing.assert_allclose(at_patches(none, (2, 2)), gray[1], atol=1)


def test_models_are_column_groups(texts):
    images, colors = pictures((2, 2))
    reconstruction, predicted = pictures((2, 2))
    one, two = np.array([[[0, 1], [1, 0]]] * 2), np.array([[[1, 2], [0, 1]]] * 2)
    figure = draw_models({
        'mae, epoch 1 of 15 $x_1$': dict(
            images=images[:, ::2, ::2], shot=one, guidance=None, reconstruction=None),
        'another': dict(images=images, shot=two, guidance=np.random.rand(2, 2, 2),
                        reconstruction=reconstruction)})
    grays = np.array([WHITE, 204, 102])  # visible, first and second shot
    for i, row in enumerate(panels(rendered(figure))):
        small, first, image, _, second, result = (at_patches(panel, (2, 2)) for panel in row)
        for panel, expected in ((small, colors[i]), (image, colors[i]), (result, predicted[i]),
                                (first, np.where(one[i], MASKED, WHITE)[..., None]),
                                (second, grays[two[i]][..., None])):
            np.testing.assert_allclose(panel, np.broadcast_to(expected, panel.shape), atol=1)
    assert [text for text in texts if text] == [
        'the masks of all models are drawn with the same seed', r'mae, epoch 1 of 15 \$x_1\$',
        'image', 'mask, random', 'another', 'image', 'guidance', 'mask, guided', 'reconstruction']


def test_many_models_fit_on_a_page():
    images, _ = pictures((2, 2))
    shown = dict(images=images, shot=np.array([[[0, 1], [1, 0]]] * 2),
                 guidance=np.random.rand(2, 2, 2), reconstruction=images)
    figure = draw_models({f'method {i}': shown for i in range(4)})
    assert figure.get_size_inches()[0] == pytest.approx(10)
    assert [len(row) for row in panels(rendered(figure))] == [13, 13]
    boxes = [text.get_window_extent() for text in figure.texts if text.get_text()]
    overlaps = [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]
    assert not overlaps and all(0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)


def test_covered_images_keep_their_names(texts):
    images, colors = pictures((2, 2), number=1)
    mask = np.array([[[1, 0], [0, 1]]])
    row, = panels(draw_masks(
        images, np.zeros((1, 16, 16)), np.random.rand(1, 2, 2), {'top': mask, 'none': 0 * mask}))
    _, dark, _, top, none = (at_patches(panel, (2, 2)) for panel in row)
    for panel, expected in ((dark, colors[0] / 4), (none, colors[0]),
                            (top, np.where(mask[0][..., None], GRAY, colors[0]))):
        np.testing.assert_allclose(panel, expected, atol=1)
    assert texts[-2:] == ['top', 'none']
