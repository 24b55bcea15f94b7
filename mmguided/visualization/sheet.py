"""Figure sheets: what a model attends to, hides and rebuilds."""
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

COLUMNS = ('image', '[CLS] attention', 'mask (black: hidden)', 'masked image', 'reconstruction')


def _upsample(grid: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Patches ``(h, w)`` to pixels ``(H, W)``, without smoothing."""
    return np.kron(grid, np.ones((shape[0] // grid.shape[0], shape[1] // grid.shape[1])))


def draw_sheet(images: np.ndarray,
               attention: np.ndarray | None,
               mask: np.ndarray,
               reconstruction: np.ndarray | None,
               title: str = '') -> np.ndarray:
    """One row per image: image, attention, mask, masked image, reconstruction.

    Args:
        images: ``(B, H, W, 3)`` in [0, 1].
        attention: Scores of the patches, ``(B, h, w)``; each image is scaled to its own range. None
            leaves the column out.
        mask: ``(B, h, w)``, 1 = masked.
        reconstruction: ``(B, H, W, 3)`` in [0, 1]; None leaves the column out.
        title: Stands above the sheet.

    Returns:
        The sheet, ``(height, width, 3)`` uint8 RGB.
    """
    given = dict(zip(COLUMNS, (images, attention, mask, images, reconstruction), strict=True))
    columns = [name for name, pictures in given.items() if pictures is not None]
    figure = Figure(figsize=(1.6 * len(columns), 1.6 * len(images) + 0.8), dpi=110)
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots(len(images), len(columns), squeeze=False)
    for row, image in enumerate(images):
        hidden = _upsample(mask[row], image.shape[:2])[..., None]
        for ax, name in zip(axes[row], columns, strict=True):
            picture = given[name][row]
            if name == 'masked image':
                picture = image * (1 - hidden) + 0.5 * hidden
            if name == '[CLS] attention':
                ax.imshow(image.mean(-1), cmap='gray', extent=(0, 1, 0, 1))
                ax.imshow(picture, cmap='inferno', alpha=0.75, extent=(0, 1, 0, 1))
            elif name.startswith('mask ('):
                ax.imshow(picture, cmap='gray_r', vmin=0, vmax=1, extent=(0, 1, 0, 1))
            else:
                ax.imshow(np.clip(picture, 0, 1), extent=(0, 1, 0, 1))
            ax.set_aspect(image.shape[0] / image.shape[1])
            ax.set_xticks([])
            ax.set_yticks([])
            if row == 0:
                ax.set_title(name, fontsize=9)
    figure.suptitle(title, fontsize=10)
    # Leaves room to the title.
    figure.tight_layout(
        pad=0.4, w_pad=0.3, h_pad=0.3, rect=(0, 0, 1, 1 - 0.2 / figure.get_figheight()))
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
