"""Labels of a video carried from frame to frame by the similarity of patch features."""
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
    """Labels of the patches of a frame: the weighted mean of those of their nearest neighbors.

    The neighbors of a patch are the ``topk`` most similar among the patches of all reference frames
    together that are at most ``radius`` rows and columns away; one of cosine similarity s weighs
    ``exp(s / temperature)``, and the weights are divided by their sum (Jabri et al., "Space-Time
    Correspondence as a Contrastive Random Walk", NeurIPS 2020; DINO's evaluation). Computed in
    float32, also under autocast.

    Args:
        query: Features of unit length, ``(B, h, w, D)``.
        references: Features of unit length of R frames, ``(B, R, h, w, D)``.
        labels: Their labels, one-hot or soft, ``(B, R, h, w, C)``.
        radius: Of the square neighborhood, in patches; 0 is the same position alone.
        topk: Neighbors that count; where the neighborhood has fewer, all of it.
        temperature: A smaller one gives near neighbors more of the weight.
        rows: Rows of the query compared at once; ``rows * w`` times ``R * (2 * radius + rows) * w``
            similarities are held, twice: 20 MB for ``rows=4``, 8 references and 30 x 53 patches.

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
    """Carry the labels of the first frame of a video through all others.

    The references of a frame are the first one and the last ``num_last_frames`` before it, with
    what was found for them; the first frame is never among the latter, too. No more frames than
    these are held.

    Args:
        features: Of each frame, ``(h, w, D)``, of any length; read one by one.
        first_labels: Labels of the first frame, ``(h, w, C)``.
        num_last_frames: 0 leaves the first frame alone.
        **kwargs: Of :func:`propagate_labels`.

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
