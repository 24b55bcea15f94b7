"""Metrics of DAVIS-2017 video object segmentation, following the official toolkit.

J is the region similarity and F the contour accuracy of an object in a frame (Perazzi et al., "A
Benchmark Dataset and Evaluation Methodology for Video Object Segmentation", CVPR 2016). The first
frame, whose annotation is given, and the last frame are not scored (Pont-Tuset et al., "The 2017
DAVIS Challenge on Video Object Segmentation").
"""
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from mmguided.utils.errors import ConfigError
from mmguided.utils.mask_files import count_objects, read_mask

#: Contour tolerance of F as a share of the image diagonal.
CONTOUR_TOLERANCE = 0.008


def region_similarity(prediction: np.ndarray, annotation: np.ndarray) -> float:
    """J of two binary masks ``(H, W)``: intersection over union, 1 if both are empty."""
    union = np.count_nonzero(prediction | annotation)
    return np.count_nonzero(prediction & annotation) / union if union else 1.


def boundary(mask: np.ndarray) -> np.ndarray:
    """Boundary ``(H, W)`` of a binary mask: pixels that differ from the pixel to the right, below,
    or below right.

    In the last row, a pixel is compared only with the pixel to the right, and in the last column
    only with the pixel below. The last pixel is never a boundary.
    """
    padded = np.pad(mask, ((0, 1), (0, 1)), mode='edge')
    edges = (mask ^ padded[:-1, 1:]) | (mask ^ padded[1:, :-1])
    edges[:-1, :-1] |= mask[:-1, :-1] ^ mask[1:, 1:]
    return edges


def contour_accuracy(prediction: np.ndarray, annotation: np.ndarray) -> float:
    """F of two binary masks ``(H, W)``: the harmonic mean of boundary precision and recall.

    A boundary pixel is matched if the other boundary has a pixel within :data:`CONTOUR_TOLERANCE`,
    rounded up to whole pixels. Precision and recall of an empty boundary are 1.
    """
    radius = math.ceil(CONTOUR_TOLERANCE * math.hypot(*prediction.shape))
    predicted, annotated = boundary(prediction), boundary(annotation)
    precision = _matched_share(predicted, annotated, radius)
    recall = _matched_share(annotated, predicted, radius)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.


def _matched_share(edges: np.ndarray, others: np.ndarray, radius: int) -> float:
    """Share of the boundary pixels that have a pixel of the other boundary within ``radius``."""
    if not edges.any():
        return 1.
    y, x = np.ogrid[-radius:radius + 1, -radius:radius + 1]
    disk = (y**2 + x**2 <= radius**2).astype(np.uint8)
    near = cv2.dilate(others.astype(np.uint8), disk).astype(bool)
    return np.count_nonzero(edges & near) / np.count_nonzero(edges)


def score_sequence(predictions: np.ndarray, annotations: np.ndarray) -> list[dict[str, list]]:
    """J and F of each object in each frame except the first and the last.

    Args:
        predictions: Object indices, 0 = background, ``(T, H, W)``, unsigned integers.
        annotations: Object indices of the same shape. Objects are 1 to the largest index of the
            first frame; other values (DAVIS marks void pixels by 255) are background.

    Returns:
        One dict per object, in which ``J`` and ``F`` are lists of ``T - 2`` numbers.

    Raises:
        ValueError: If the shapes differ, there are fewer than 3 frames, the first annotation has no
            object, or the predictions contain an object that the first annotation lacks.
    """
    if predictions.shape != annotations.shape:
        raise ValueError(f'predictions.shape={predictions.shape}: differs from annotations.shape='
                         f'{annotations.shape} (frames, height, width). Give equal shapes.')
    if len(annotations) < 3:
        raise ValueError(f'frames={len(annotations)}: the first and the last frame are not scored. '
                         'Give at least 3 frames.')
    num_objects = count_objects(annotations[0])
    predictions, annotations = predictions[1:-1], annotations[1:-1]
    if predictions.max() > num_objects:
        raise ValueError(f'predictions={predictions.max()}: the first annotation has only '
                         f'{num_objects} objects. Predict indices up to {num_objects}.')
    pairs = list(zip(predictions, annotations, strict=True))
    return [{name: [measure(first == i, second == i) for first, second in pairs]
             for name, measure in (('J', region_similarity), ('F', contour_accuracy))}
            for i in range(1, num_objects + 1)]


def statistics(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean, recall and decay of an object's J or F over frames.

    Recall is the share of frames with a value above 0.5. Decay is the mean of the first quarter of
    the frames minus the mean of the last quarter. Quarter limits are rounded (half up), and
    adjacent quarters share the frame at the limit.
    """
    values = np.asarray(values)
    limits = np.floor(np.linspace(1, len(values), 5) + .5 + 1e-10).astype(int) - 1
    decay = values[:limits[1] + 1].mean() - values[limits[3]:].mean()
    return float(values.mean()), float((values > 0.5).mean()), float(decay)


def summarize_objects(scores: Mapping[str, list[dict[str, list]]]) -> tuple[dict, dict]:
    """Average frame scores over objects and over the dataset.

    Args:
        scores: Sequence name -> output of :func:`score_sequence`.

    Returns:
        Two dicts. The first maps each object, named ``SEQUENCE_INDEX`` with an index from 1, to its
        ``J-Mean``, ``J-Recall``, ``J-Decay`` and the same values of F. The second has the means of
        these values over all objects, preceded by ``J&F-Mean``, the mean of ``J-Mean`` and
        ``F-Mean``. All values are in [0, 1].
    """
    objects = {}
    for sequence, sequence_objects in scores.items():
        for i, measures in enumerate(sequence_objects, 1):
            objects[f'{sequence}_{i}'] = {
                f'{measure}-{name}': value for measure, values in measures.items()
                for name, value in zip(('Mean', 'Recall', 'Decay'), statistics(values),
                                       strict=True)}
    means = {name: float(np.mean([row[name] for row in objects.values()]))
             for name in next(iter(objects.values()))}
    return objects, {'J&F-Mean': (means['J-Mean'] + means['F-Mean']) / 2, **means}


def score_folders(predictions: str | Path, annotations: str | Path,
                  sequences: Iterable[str]) -> tuple[dict, dict]:
    """Score prediction files in the same way as the official toolkit.

    Args:
        predictions: Folder of palette images ``SEQUENCE/FRAME.png``.
        annotations: Annotation folder of the dataset, ``Annotations/480p``.

    Returns:
        See :func:`summarize_objects`.

    Raises:
        ConfigError: If a sequence has no annotation, a file is missing, or the predictions are
            invalid, see :func:`score_sequence`.
    """
    scores = {}
    for sequence in sequences:
        frames = sorted(path.name for path in Path(annotations, sequence).glob('*.png'))
        if not frames:
            raise ConfigError(f'annotations={str(annotations)!r}: no {sequence}/*.png. Give '
                              'the folder Annotations/480p of DAVIS.')
        try:
            scores[sequence] = score_sequence(*(
                np.stack([read_mask(Path(folder, sequence, name)) for name in frames])
                for folder in (predictions, annotations)))
        except ValueError as error:
            raise ConfigError(f'predictions={str(predictions)!r}: {sequence}: {error}') from error
    return summarize_objects(scores)
