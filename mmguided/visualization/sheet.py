"""Figure sheets: what a model attends to, hides and rebuilds."""
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure


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
    columns = {'image': images}
    if attention is not None:
        columns['[CLS] attention'] = attention
    columns['mask (black: hidden)'] = 1 - mask
    columns['masked image'] = cover(images, mask)
    if reconstruction is not None:
        columns['reconstruction'] = reconstruction
    return _draw(columns, title, scores='[CLS] attention')


def draw_masks(images: np.ndarray,
               objects: np.ndarray,
               scores: np.ndarray,
               masks: Mapping[str, np.ndarray],
               title: str = '') -> np.ndarray:
    """One row per image: image, objects, guidance, and the image under several masks.

    Args:
        images: ``(B, H, W, 3)`` in [0, 1].
        objects: ``(B, H, W)``, 1 inside of objects; the rest is drawn dark.
        scores: Guidance of the patches, ``(B, h, w)``; each image is scaled to its own range.
        masks: By the name that stands above them, ``(B, h, w)``, 1 = masked.
        title: Stands above the sheet.

    Returns:
        The sheet, ``(height, width, 3)`` uint8 RGB.
    """
    return _draw({'image': images,
                  'objects': images * (0.25 + 0.75 * objects[..., None]),
                  'guidance': scores,
                  **{name: cover(images, mask) for name, mask in masks.items()}}, title,
                 scores='guidance')


def cover(images: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Images ``(B, H, W, 3)`` with the patches gray that ``mask (B, h, w)`` has as 1."""
    hidden = np.stack([_upsample(rows, images.shape[1:3]) for rows in mask])[..., None]
    return images * (1 - hidden) + 0.5 * hidden


def draw_grid(rows: Mapping[str, Sequence[np.ndarray]], titles: Sequence[str],
              legend: str) -> np.ndarray:
    """Pictures and maps in rows.

    Args:
        rows: By the name that stands beside it, the panels of a row: pictures ``(H, W, 3)``, and
            maps ``(h, w)``, both in [0, 1].
        titles: Stand above the columns.
        legend: What the colors of the maps mean.

    Returns:
        The sheet, ``(height, width, 3)`` uint8 RGB.
    """
    figure = Figure(figsize=(1.1 * len(titles) + 2.6, 1.15 * len(rows) + 0.3), dpi=110,
                    layout='constrained')
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots(len(rows), len(titles), squeeze=False)
    colors = ScalarMappable(Normalize(0, 1), 'viridis')
    for row, (name, panels) in zip(axes, rows.items(), strict=True):
        row[0].set_ylabel(name, fontsize=8, rotation=0, ha='right', va='center')
        for ax, title, panel in zip(row, titles, panels, strict=True):
            ax.imshow(panel if panel.ndim == 3 else colors.to_rgba(panel), extent=(0, 1, 0, 1))
            ax.set_xticks([])
            ax.set_yticks([])
            if ax in axes[0]:
                ax.set_title(title, fontsize=9, loc='left')
    bar = figure.colorbar(colors, ax=axes, fraction=0.015, pad=0.01)
    bar.set_label(legend, fontsize=8)
    bar.ax.tick_params(labelsize=8)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _draw(columns: Mapping[str, np.ndarray], title: str, scores: str) -> np.ndarray:
    """A row per image and a column per name, of pictures ``(B, H, W[, 3])`` in [0, 1], but for that
    of ``scores (B, h, w)``, which are drawn over the images."""
    images = columns['image']
    figure = Figure(figsize=(1.6 * len(columns), 1.6 * len(images) + 0.8), dpi=110)
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots(len(images), len(columns), squeeze=False)
    for row, image in enumerate(images):
        for ax, (name, pictures) in zip(axes[row], columns.items(), strict=True):
            if name == scores:
                ax.imshow(image.mean(-1), cmap='gray', extent=(0, 1, 0, 1))
                ax.imshow(pictures[row], cmap='inferno', alpha=0.75, extent=(0, 1, 0, 1))
            else:
                ax.imshow(np.clip(pictures[row], 0, 1), cmap='gray', vmin=0, vmax=1,
                          extent=(0, 1, 0, 1))
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
