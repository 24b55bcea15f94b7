"""Label propagation through a video by the similarity of patch features."""
from collections import deque
from collections.abc import Iterable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from .tokens import gather_tokens


@torch.no_grad()
def propagate_labels(query: Tensor,
                     references: Tensor,
                     labels: Tensor,
                     radius: int = 12,
                     topk: int = 5,
                     temperature: float = 0.1,
                     rows: int = 4) -> Tensor:
    """Label each patch of a frame with the weighted mean label of its nearest neighbors.

    The neighbors of a patch are the ``topk`` most similar patches, over all reference frames, at
    most ``radius`` rows and columns away. A neighbor of cosine similarity s has the weight
    ``exp(s / temperature)``, normalized to sum 1 (Jabri et al., "Space-Time Correspondence as a
    Contrastive Random Walk", NeurIPS 2020; DINO's evaluation). The computation uses float32, also
    under autocast.

    Args:
        query: Unit-length features, ``(B, h, w, D)``.
        references: Unit-length features of R frames, ``(B, R, h, w, D)``.
        labels: Labels of the references, one-hot or soft, ``(B, R, h, w, C)``.
        radius: Radius of the square neighborhood in patches; 0 allows only the same position.
        topk: Maximum number of neighbors.
        temperature: Softmax temperature of the weights.
        rows: Query rows per chunk. A chunk stores 2 * rows * w * R * (2 * radius + rows) * w
            similarities, which is 20 MB for ``rows=4``, 8 references and 30 x 53 patches.

    Returns:
        ``(B, h, w, C)``, float32.
    """
    height, width = query.shape[1:3]
    query, references, labels = query.float(), references.float(), labels.float()
    place = torch.arange(max(height, width), device=query.device)
    near = (place[:, None] - place).abs() <= radius
    parts = []
    for top in range(0, height, rows):
        part = slice(top, min(top + rows, height))
        slab = slice(max(0, top - radius), min(part.stop + radius, height))
        with torch.autocast(query.device.type, enabled=False):
            similarity = (query[:, part].flatten(1, 2).unsqueeze(1)
                          @ references[:, :, slab].flatten(2, 3).mT)
        allowed = near[part, None, slab, None] & near[None, :width, None, :width]
        similarity.masked_fill_(~allowed.flatten(2).flatten(0, 1), -torch.inf)
        similarity = similarity.transpose(1, 2).flatten(2)
        nearest, ids = similarity.topk(min(topk, similarity.shape[-1]), dim=-1)
        chosen = gather_tokens(labels[:, :, slab].flatten(1, 3), ids.flatten(1))
        weights = (nearest / temperature).softmax(dim=-1).unsqueeze(-1)
        parts.append((weights * chosen.unflatten(1, ids.shape[1:])).sum(dim=2))
    return torch.cat(parts, dim=1).unflatten(1, (height, width))


def propagate_through_video(features: Iterable[Tensor],
                            first_labels: Tensor,
                            num_last_frames: int = 7,
                            **kwargs) -> Iterator[Tensor]:
    """Propagate the labels of the first frame through a video.

    The references of a frame are the first frame and the ``num_last_frames`` predicted frames
    before it. Only these frames are kept in memory.

    Args:
        features: Features ``(h, w, D)`` of each frame, read lazily. Vectors may have any length.
        first_labels: Labels of the first frame, ``(h, w, C)``.
        num_last_frames: Number of previous frames; 0 uses only the first frame.
        **kwargs: Arguments of :func:`propagate_labels`.

    Yields:
        Labels ``(h, w, C)`` of the second frame, the third, ...
    """
    features = (F.normalize(feature.float(), dim=-1) for feature in features)
    first = next(features), first_labels.float()
    last = deque(maxlen=num_last_frames)
    for query in features:
        references, labels = (torch.stack(frames)[None]
                              for frames in zip(first, *last, strict=True))
        found = propagate_labels(query[None], references, labels, **kwargs)[0]
        last.append((query, found))
        yield found
