"""Measures of video object segmentation on DAVIS-2017, as its official toolkit defines them.

J is the region similarity and F the contour accuracy of an object in a frame (Perazzi et al., "A
Benchmark Dataset and Evaluation Methodology for Video Object Segmentation", CVPR 2016); the first
frame, which is given, and the last one do not count (Pont-Tuset et al., "The 2017 DAVIS Challenge
on Video Object Segmentation").
"""
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from mmguided.utils.errors import ConfigError
from mmguided.utils.mask_files import count_objects, read_mask

#: Of a tolerance of 0.8 % of the diagonal of the image, for F.
CONTOUR_TOLERANCE = 0.008


def region_similarity(prediction: np.ndarray, annotation: np.ndarray) -> float:
    """J of two binary masks ``(H, W)``: intersection over union, 1 if both are empty."""
    union = np.count_nonzero(prediction | annotation)
    return np.count_nonzero(prediction & annotation) / union if union else 1.


def boundary(mask: np.ndarray) -> np.ndarray:
    """Pixels ``(H, W)`` of a binary mask that differ from the one to the right, below, or both.

    In the last row only the pixel to the right counts, in the last column only the one below; the
    last pixel is no boundary.
    """
    padded = np.pad(mask, ((0, 1), (0, 1)), mode='edge')
    edges = (mask ^ padded[:-1, 1:]) | (mask ^ padded[1:, :-1])
    edges[:-1, :-1] |= mask[:-1, :-1] ^ mask[1:, 1:]
    return edges


def contour_accuracy(prediction: np.ndarray, annotation: np.ndarray) -> float:
    """F of two binary masks ``(H, W)``: the harmonic mean of precision and recall of the boundary.

    A pixel of one boundary is matched if one of the other is within :data:`CONTOUR_TOLERANCE`, a
    number of pixels that is rounded up. The precision of no boundary is 1, and so is its recall.
    """
    radius = math.ceil(CONTOUR_TOLERANCE * math.hypot(*prediction.shape))
    predicted, annotated = boundary(prediction), boundary(annotation)
    precision = _share_near(predicted, annotated, radius)
    recall = _share_near(annotated, predicted, radius)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.


def _share_near(edges: np.ndarray, others: np.ndarray, radius: int) -> float:
    """Share of the pixels of a boundary that have one of another within ``radius``."""
    if not edges.any():
        return 1.
    y, x = np.ogrid[-radius:radius + 1, -radius:radius + 1]
    disk = (y**2 + x**2 <= radius**2).astype(np.uint8)
    near = cv2.dilate(others.astype(np.uint8), disk).astype(bool)
    return np.count_nonzero(edges & near) / np.count_nonzero(edges)


def score_sequence(predictions: np.ndarray, annotations: np.ndarray) -> list[dict[str, list]]:
    """J and F of each object in each frame but the first and the last.

    Args:
        predictions: Indexes of objects, 0 is background, ``(T, H, W)``, unsigned integers.
        annotations: The same; the objects are 1 to the largest index of the first frame, and what
            is not among them (DAVIS marks void pixels by 255) is background.

    Returns:
        For each object, ``J`` and ``F``, lists of ``T - 2`` numbers.

    Raises:
        ValueError: If the shapes differ, there are fewer than 3 frames, the first annotation has
            no object, or the predictions have one that it has not.
    """
    if predictions.shape != annotations.shape:
        raise ValueError(f'predictions of {predictions.shape} (frames, height, width) and '
                         f'annotations of {annotations.shape}: give both the same size')
    if len(annotations) < 3:
        raise ValueError(f'{len(annotations)} frames: the first and the last do not count, so '
                         'that at least 3 are needed')
    num_objects = count_objects(annotations[0])
    predictions, annotations = predictions[1:-1], annotations[1:-1]
    if predictions.max() > num_objects:
        raise ValueError(f'the predictions have object {predictions.max()}, and the first '
                         f'annotation {num_objects} objects')
    return [_score_object(predictions == i, annotations == i) for i in range(1, num_objects + 1)]


def _score_object(predictions: np.ndarray, annotations: np.ndarray) -> dict[str, list]:
    pairs = list(zip(predictions, annotations, strict=True))
    return dict(J=[region_similarity(*pair) for pair in pairs],
                F=[contour_accuracy(*pair) for pair in pairs])


def statistics(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean, recall and decay of an object's J or F over its frames.

    Recall is the share of frames above 0.5; decay is the mean of the first quarter minus that of
    the last one. The quarters are cut at rounded places (half up), and neighbors share the frame
    at the cut.
    """
    values = np.asarray(values)
    cuts = np.floor(np.linspace(1, len(values), 5) + .5 + 1e-10).astype(int) - 1
    decay = values[:cuts[1] + 1].mean() - values[cuts[3]:].mean()
    return float(values.mean()), float((values > 0.5).mean()), float(decay)


def summarize_objects(scores: Mapping[str, list[dict[str, list]]]) -> tuple[dict, dict]:
    """From the frames to the objects and to the whole data set.

    Args:
        scores: What :func:`score_sequence` returns, by the name of the sequence.

    Returns:
        For each object, ``SEQUENCE_INDEX`` with an index from 1, a dict of ``J-Mean``,
        ``J-Recall``, ``J-Decay`` and the same of F; and their means over all objects with
        ``J&F-Mean``, that of ``J-Mean`` and ``F-Mean``, before them. All are fractions of 1.
    """
    objects = {}
    for sequence, its_objects in scores.items():
        for i, measures in enumerate(its_objects, 1):
            objects[f'{sequence}_{i}'] = {
                f'{measure}-{name}': value for measure, values in measures.items()
                for name, value in zip(('Mean', 'Recall', 'Decay'), statistics(values),
                                       strict=True)}
    means = {name: float(np.mean([row[name] for row in objects.values()]))
             for name in next(iter(objects.values()))}
    return objects, {'J&F-Mean': (means['J-Mean'] + means['F-Mean']) / 2, **means}


def score_folders(predictions: str | Path, annotations: str | Path,
                  sequences: Iterable[str]) -> tuple[dict, dict]:
    """Score predictions that are files, as the official toolkit does.

    Args:
        predictions: Folder of ``SEQUENCE/FRAME.png``, palette images.
        annotations: The same of the data set, ``Annotations/480p``.
        sequences: Names of the sequences.

    Returns:
        As :func:`summarize_objects`.

    Raises:
        ConfigError: If a sequence has no annotation, a file is missing, or the predictions do not
            fit (:func:`score_sequence`).
    """
    scores = {}
    for sequence in sequences:
        frames = sorted(path.name for path in Path(annotations, sequence).glob('*.png'))
        if not frames:
            raise ConfigError(f'annotations={str(annotations)!r}: no {sequence}/*.png; give the '
                              'folder Annotations/480p of DAVIS')
        try:
            scores[sequence] = score_sequence(*(
                np.stack([read_mask(Path(folder, sequence, name)) for name in frames])
                for folder in (predictions, annotations)))
        except ValueError as error:
            raise ConfigError(f'predictions={str(predictions)!r}: {sequence}: {error}') from error
    return summarize_objects(scores)
