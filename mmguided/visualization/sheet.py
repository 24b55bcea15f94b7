"""Figure sheets: guidance, masks and reconstructions."""
import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from .grid import upsample
from .style import SCORE_COLORS, plain_text, wrapped

# Lengths in inches.
_PANEL, _GAP, _BLOCK_GAP, _LINE, _LEGEND_ENTRY, _PAGE = 1.45, 0.08, 0.2, 0.17, 1.4, 10
_SCORE_LEGEND = {f'{which} score': to_hex(SCORE_COLORS(value))
                 for which, value in (('lowest', 0.), ('highest', 1.))}


def draw_sheet(images: np.ndarray, shot: np.ndarray | None, guidance: np.ndarray | None = None,
               attention: np.ndarray | None = None, reconstruction: np.ndarray | None = None,
               title: str = '') -> np.ndarray:
    """Draw one row per image: image, guidance, attention, mask, masked image, reconstruction.
    Arguments that are None have no column.

    Args:
        images: ``(B, H, W, 3)`` in [0, 1].
        shot: Shot that masks each patch, from 1; 0 = visible. ``(B, h, w)``.
        guidance: Guidance scores, ``(B, h, w)``. Patches without a score (NaN) show the image.
        attention: [CLS]-to-patch attention, ``(B, h, w)``. Guidance and attention are scaled to
            the range of each image.
        reconstruction: ``(B, H, W, 3)`` in [0, 1].

    Returns:
        The sheet, ``(height, width, 3)`` uint8 RGB.
    """
    columns = {'image': images}
    if guidance is not None:
        columns['guidance'] = heatmap(images, guidance)
    if attention is not None:
        columns['[CLS] attention'] = heatmap(images, attention)
    legend = _SCORE_LEGEND if attention is not None or guidance is not None else {}
    if shot is not None:
        legend = _shot_colors(shot) | legend
        columns[_mask_title(guidance, shot)] = color_shots(shot)
        columns['masked image'] = cover(images, shot > 0)
    if reconstruction is not None:
        columns['reconstruction'] = reconstruction
    return _pixels(_draw([('', columns)], title, legend))


def draw_models(models: Mapping[str, Mapping[str, np.ndarray | None]]) -> Figure:
    """Draw several models on the same images, one row per image: the image, and for each model a
    group of columns with guidance, mask and reconstruction. Models with inputs of different sizes
    have their own image columns. The figure fits on a page.

    Args:
        models: Model name -> ``images``, ``shot``, ``guidance`` and ``reconstruction``, see
            :func:`draw_sheet`. All masks have the same seed, which the title states.
    """
    inputs = [shown['images'] for shown in models.values()]
    is_shared = all(images.shape == inputs[0].shape and np.allclose(images, inputs[0], atol=1e-3)
                    for images in inputs)  # except rounding
    blocks = [('', {'image': inputs[0]})] if is_shared else []
    legend = {}
    if any(shown['guidance'] is not None for shown in models.values()):
        legend = _SCORE_LEGEND
    for name, shown in models.items():
        columns = {} if is_shared else {'image': shown['images']}
        if shown['guidance'] is not None:
            columns['guidance'] = heatmap(shown['images'], shown['guidance'])
        columns[_mask_title(shown['guidance'], shown['shot'])] = color_shots(shown['shot'])
        if shown['reconstruction'] is not None:
            columns['reconstruction'] = shown['reconstruction']
        blocks.append((name, columns))
        legend = _shot_colors(shown['shot']) | legend
    return _draw(blocks, 'the masks of all models are drawn with the same seed'
                 if len(models) > 1 else '', legend, dpi=220)


def draw_masks(images: np.ndarray, objects: np.ndarray, scores: np.ndarray,
               masks: Mapping[str, np.ndarray], title: str = '') -> np.ndarray:
    """Draw one row per image: image, objects, guidance, and the image under several masks.

    Args:
        images: ``(B, H, W, 3)`` in [0, 1].
        objects: ``(B, H, W)``, 1 = object; the background is darkened.
        scores: Guidance scores, ``(B, h, w)``, scaled to the range of each image.
        masks: Column title -> ``(B, h, w)``, 1 = masked.

    Returns:
        The sheet, ``(height, width, 3)`` uint8 RGB.
    """
    return _pixels(_draw([('', {
        'image': images,
        'objects': images * (0.25 + 0.75 * objects[..., None]),
        'guidance': heatmap(images, scores),
        **{name: cover(images, mask) for name, mask in masks.items()}})], title,
        {'masked': '0.5'} | _SCORE_LEGEND))


def cover(images: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Images ``(B, H, W, 3)`` with masked patches in gray; ``mask (B, h, w)``, 1 = masked."""
    masked = upsample(mask[..., None], images)
    return images * (1 - masked) + 0.5 * masked


def color_shots(shot: np.ndarray) -> np.ndarray:
    """Colors ``(B, h, w, 3)`` of visible and masked patches, from ``shot (B, h, w)``."""
    return np.array([to_rgb(color) for color in _shot_colors(shot).values()])[shot]


def _shot_colors(shot: np.ndarray) -> dict[str, str]:
    """Legend of the masks: white and neutral grays, darker for later shots, but lighter than the
    color of the lowest score."""
    num_shots = int(shot.max())
    if num_shots == 1:
        return {'visible': 'white', 'masked': '0.5'}
    return {'visible': 'white'} | {f'masked in shot {i}': f'{gray:.2f}' for i, gray in enumerate(
        np.linspace(0.8, 0.4, num_shots), start=1)}


def _mask_title(guidance: np.ndarray | None, shot: np.ndarray) -> str:
    if guidance is None:
        return 'mask, random'
    guided = np.isfinite(guidance).any(axis=(1, 2)).sum()
    return 'mask, guided' + (f': {guided} of {len(shot)}' if guided < len(shot) else '')


def heatmap(images: np.ndarray, scores: np.ndarray,
            limits: tuple[float, float] | None = None) -> np.ndarray:
    """Gray images under score colors, ``scores (B, h, w)`` scaled to ``limits`` or the range of
    each image. Patches without a score (NaN) show the image."""
    scored = np.isfinite(scores)
    low, high = limits or (limit(scores, axis=(1, 2), keepdims=True, where=scored, initial=start)
                           for limit, start in ((np.min, np.inf), (np.max, -np.inf)))
    colors = SCORE_COLORS((scores - low) / np.maximum(high - low, 1e-12))[..., :3]
    weight = 0.75 * upsample(scored[..., None], images)
    return images.mean(-1, keepdims=True) * (1 - weight) + upsample(colors, images) * weight


def _draw(blocks: Sequence[tuple[str, Mapping[str, np.ndarray]]], title: str,
          legend: Mapping[str, str] | None = None, dpi: int = 110) -> Figure:
    """Draw rows of images. Panels are narrowed if the figure would not fit on a page.

    Args:
        blocks: Block title and its columns, a dict of column title -> images ``(B, H, W, 3)`` or
            patches ``(B, h, w, 3)`` in [0, 1]. The first column sets the aspect ratio.
        legend: Meaning -> color.
        dpi: Pixels per inch, also of the images in vector formats.
    """
    images = next(iter(blocks[0][1].values()))
    num_columns = sum(len(columns) for _, columns in blocks)
    margins = (num_columns - len(blocks)) * _GAP + (len(blocks) - 1) * _BLOCK_GAP + 2 * _GAP
    panel = min(_PANEL, (_PAGE - margins) / num_columns)
    width = num_columns * panel + margins
    panel_height = panel * images.shape[1] / images.shape[2]
    font = min(9, max(6, 9 * panel))
    widths = [len(columns) * (panel + _GAP) - _GAP for _, columns in blocks]
    names = [wrapped(name, int(13 * width))
             for (name, _), width in zip(blocks, widths, strict=True)]
    separator = ', ' if panel == _PANEL else ',\n'
    heading_lines = 1 + max(heading.replace(', ', separator).count('\n')
                            for _, columns in blocks for heading in columns)
    name_lines = max(len(name.splitlines()) for name in names)
    top = (0.5 + heading_lines + name_lines + (2 if title else 0)) * _LINE
    legend = legend or {}
    legend_columns = min(len(legend), int(width / _LEGEND_ENTRY))
    legend_height = math.ceil(len(legend) / max(legend_columns, 1)) * _LINE + 0.5 * _LINE
    height = top + len(images) * (panel_height + _GAP) + legend_height
    # Panels are placed by hand because a layout engine takes much longer than drawing.
    figure = Figure(figsize=(width, height), dpi=dpi)
    FigureCanvasAgg(figure)
    figure.text(0.5, 1 - _LINE / height, plain_text(title), ha='center', va='center', fontsize=10)
    left = _GAP
    for (_, columns), block_width, name in zip(blocks, widths, names, strict=True):
        figure.text((left + block_width / 2) / width,
                    1 - (top - (0.4 + heading_lines) * _LINE) / height,
                    name, ha='center', va='bottom', fontsize=9, fontweight='bold')
        for heading, pictures in columns.items():
            figure.text((left + panel / 2) / width, 1 - (top - 0.3 * _LINE) / height,
                        heading.replace(', ', separator), ha='center', va='bottom', fontsize=font)
            for row, picture in enumerate(pictures):
                bottom = height - top - row * (panel_height + _GAP) - panel_height
                ax = figure.add_axes((left / width, bottom / height,
                                      panel / width, panel_height / height), xticks=[], yticks=[])
                ax.imshow(np.clip(picture, 0, 1), extent=(0, 1, 0, 1), aspect='auto')
            left += panel + _GAP
        left += _BLOCK_GAP - _GAP
    if legend:
        handles = [Patch(facecolor=color, edgecolor='black', linewidth=0.5, label=meaning)
                   for meaning, color in legend.items()]
        figure.legend(handles=handles, loc='lower center', ncols=legend_columns, fontsize=8,
                      frameon=False, borderaxespad=0.2)
    return figure


def _pixels(figure: Figure) -> np.ndarray:
    """Render a figure to uint8 RGB."""
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()
