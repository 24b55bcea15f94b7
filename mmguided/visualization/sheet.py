"""Figure sheets: what a model attends to, hides and rebuilds."""
import math
import re
import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from .style import COLORS, plain_text

# Lengths in inches.
_PANEL, _GAP, _BLOCK_GAP, _LINE, _LEGEND_ENTRY = 1.45, 0.08, 0.2, 0.17, 1.4
_SCORE_COLORS = {f'{which} score': to_hex(colormaps['inferno'](value))
                 for which, value in (('lowest', 0.), ('highest', 1.))}


def draw_sheet(images: np.ndarray,
               shot: np.ndarray | None,
               guidance: np.ndarray | None = None,
               attention: np.ndarray | None = None,
               reconstruction: np.ndarray | None = None,
               title: str = '') -> np.ndarray:
    """One row per image: image, guidance, attention, mask, masked image, reconstruction. What is
    None has no column.

    Args:
        images: ``(B, H, W, 3)`` in [0, 1].
        shot: The shot that masks each patch, counted from 1; 0 = visible. ``(B, h, w)``.
        guidance: Scores that made the mask, ``(B, h, w)``; NaN for patches that have none, which
            shows the image alone.
        attention: [CLS] attention to the patches, ``(B, h, w)``. As of ``guidance``, each image is
            scaled to its own range.
        reconstruction: ``(B, H, W, 3)`` in [0, 1].
        title: Stands above the sheet.

    Returns:
        The sheet, ``(height, width, 3)`` uint8 RGB.
    """
    columns = {'image': images}
    if guidance is not None:
        columns['guidance'] = _heat(images, guidance)
    if attention is not None:
        columns['[CLS] attention'] = _heat(images, attention)
    legend = _SCORE_COLORS if attention is not None or guidance is not None else {}
    if shot is not None:
        legend = _shot_colors(shot) | legend
        columns[_mask_title(guidance, shot)] = color_shots(shot)
        columns['masked image'] = cover(images, shot > 0)
    if reconstruction is not None:
        columns['reconstruction'] = reconstruction
    return _pixels(_draw([('', columns)], title, legend))


def draw_models(models: Mapping[str, Mapping[str, np.ndarray | None]]) -> Figure:
    """What several models mask in the same images: a row per image; the image, then a block of
    columns for each model: guidance, mask, reconstruction.

    Args:
        models: By the name that stands above its block, each model's ``images``, ``shot``,
            ``guidance`` and ``reconstruction``, see :func:`draw_sheet`. The images that are shown
            are the largest.
    """
    blocks = [('', {'image': max((shown['images'] for shown in models.values()), key=np.size)})]
    legend = {}
    if any(shown['guidance'] is not None for shown in models.values()):
        legend = _SCORE_COLORS
    for name, shown in models.items():
        columns = {}
        if shown['guidance'] is not None:
            columns['guidance'] = _heat(shown['images'], shown['guidance'])
        columns[_mask_title(shown['guidance'], shown['shot'])] = color_shots(shown['shot'])
        if shown['reconstruction'] is not None:
            columns['reconstruction'] = shown['reconstruction']
        blocks.append((name, columns))
        legend = _shot_colors(shown['shot']) | legend
    return _draw(blocks, '', legend, dpi=220)


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
    return _pixels(_draw([('', {
        'image': images,
        'objects': images * (0.25 + 0.75 * objects[..., None]),
        'guidance': _heat(images, scores),
        **{name: cover(images, mask) for name, mask in masks.items()}})], title))


def cover(images: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Images ``(B, H, W, 3)`` with the patches gray that ``mask (B, h, w)`` has as 1."""
    hidden = _upsample(mask[..., None], images)
    return images * (1 - hidden) + 0.5 * hidden


def color_shots(shot: np.ndarray) -> np.ndarray:
    """Colors ``(B, h, w, 3)`` of the shots that mask patches, ``(B, h, w)``."""
    return np.array([to_rgb(color) for color in _shot_colors(shot).values()])[shot]


def _shot_colors(shot: np.ndarray) -> dict[str, str]:
    """Meaning and color of the numbers in ``shot``, which is all that a legend has to say."""
    num_shots = int(shot.max())
    if num_shots == 1:
        return {'visible': 'white', 'masked': 'black'}
    return {'visible': 'white'} | {f'masked in shot {i + 1}': COLORS[i % len(COLORS)]
                                   for i in range(num_shots)}


def _mask_title(guidance: np.ndarray | None, shot: np.ndarray) -> str:
    if guidance is None:
        return 'mask, random'
    guided = np.isfinite(guidance).any(axis=(1, 2)).sum()
    return 'mask, guided' + (f': {guided} of {len(shot)}' if guided < len(shot) else '')


def _upsample(grid: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Patches ``(B, h, w, C)`` to the pixels of images, ``(B, H, W, C)``, without smoothing."""
    rows, columns = (images.shape[axis] // grid.shape[axis] for axis in (1, 2))
    return grid.repeat(rows, axis=1).repeat(columns, axis=2)


def _heat(images: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Gray images under the colors of scores ``(B, h, w)``, each image's in its own range."""
    scored = np.isfinite(scores)
    low, high = (limit(scores, axis=(1, 2), keepdims=True, where=scored, initial=start)
                 for limit, start in ((np.min, np.inf), (np.max, -np.inf)))
    colors = colormaps['inferno']((scores - low) / np.maximum(high - low, 1e-12))[..., :3]
    weight = 0.75 * _upsample(scored[..., None], images)
    return images.mean(-1, keepdims=True) * (1 - weight) + _upsample(colors, images) * weight


def _draw(blocks: Sequence[tuple[str, Mapping[str, np.ndarray]]], title: str,
          legend: Mapping[str, str] | None = None, dpi: int = 110) -> Figure:
    """Rows of pictures.

    Args:
        blocks: Names and the columns below each; by their titles, pictures ``(B, H, W, 3)`` in
            [0, 1] or, of patches, ``(B, h, w, 3)``. The first column of all is that of the images,
            which gives panels their shape.
        title: Stands above all.
        legend: Colors by their meaning, below all.
        dpi: Pixels per inch, of the pictures in vector formats too.
    """
    images = next(iter(blocks[0][1].values()))
    panel_height = _PANEL * images.shape[1] / images.shape[2]
    widths = [len(columns) * (_PANEL + _GAP) - _GAP for _, columns in blocks]
    names = [_wrap(plain_text(name), int(13 * width))
             for (name, _), width in zip(blocks, widths, strict=True)]
    lines = max(map(len, names))
    top = (1.5 + lines + (2 if title else 0)) * _LINE
    width = sum(widths) + (len(blocks) - 1) * _BLOCK_GAP + 2 * _GAP
    legend = legend or {}
    legend_columns = min(len(legend), int(width / _LEGEND_ENTRY))
    legend_height = math.ceil(len(legend) / max(legend_columns, 1)) * _LINE + 0.5 * _LINE
    height = top + len(images) * (panel_height + _GAP) + legend_height
    # Placed by hand: a layout engine would take many times as long as the drawing.
    figure = Figure(figsize=(width, height), dpi=dpi)
    FigureCanvasAgg(figure)
    figure.text(0.5, 1 - _LINE / height, plain_text(title), ha='center', va='center', fontsize=10)
    left = _GAP
    for (_, columns), block_width, name in zip(blocks, widths, names, strict=True):
        figure.text((left + block_width / 2) / width, 1 - (top - 1.4 * _LINE) / height,
                    '\n'.join(name), ha='center', va='bottom', fontsize=9, fontweight='bold')
        for heading, pictures in columns.items():
            figure.text((left + _PANEL / 2) / width, 1 - (top - 0.3 * _LINE) / height, heading,
                        ha='center', va='bottom', fontsize=9)
            for row, picture in enumerate(pictures):
                bottom = height - top - row * (panel_height + _GAP) - panel_height
                ax = figure.add_axes((left / width, bottom / height,
                                      _PANEL / width, panel_height / height), xticks=[], yticks=[])
                ax.imshow(np.clip(picture, 0, 1), extent=(0, 1, 0, 1), aspect='auto')
            left += _PANEL + _GAP
        left += _BLOCK_GAP - _GAP
    if legend:
        handles = [Patch(facecolor=color, edgecolor='black', linewidth=0.5, label=meaning)
                   for meaning, color in legend.items()]
        figure.legend(handles=handles, loc='lower center', ncols=legend_columns, fontsize=8,
                      frameon=False, borderaxespad=0.2)
    return figure


def _wrap(name: str, width: int) -> list[str]:
    """Lines of so many characters, which paths and configs' names may be cut into."""
    wrapper = textwrap.TextWrapper(width)
    wrapper.wordsep_re = re.compile(r'(\s+|[^\s/_-]*[/_-])')
    return wrapper.wrap(name)


def _pixels(figure: Figure) -> np.ndarray:
    """A figure as uint8 RGB."""
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()
