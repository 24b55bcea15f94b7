"""Label propagation against loops."""
import math

import pytest
import torch
import torch.nn.functional as F

from mmguided.ops import label_propagation, propagate_labels, propagate_through_video


def by_loops(query, references, labels, radius, topk, temperature):
    """Reference: one position at a time."""
    batch, num, height, width, _ = references.shape
    result = torch.zeros(batch, height, width, labels.shape[-1])
    for b in range(batch):
        for y in range(height):
            for x in range(width):
                near = [(r, v, u) for r in range(num) for v in range(height) for u in range(width)
                        if abs(v - y) <= radius and abs(u - x) <= radius]
                cosines = [float(query[b, y, x] @ references[(b, *place)]) for place in near]
                best = sorted(zip(cosines, near, strict=True), reverse=True)[:topk]
                weights = [math.exp(cosine / temperature) for cosine, _ in best]
                for weight, (_, place) in zip(weights, best, strict=True):
                    result[b, y, x] += weight / sum(weights) * labels[(b, *place)]
    return result


def random_frames(batch=2, num=3, height=5, width=7, dim=4, classes=3):
    query, references = (F.normalize(torch.randn(*shape, height, width, dim), dim=-1)
                         for shape in ((batch, ), (batch, num)))
    return query, references, torch.rand(batch, num, height, width, classes)


@pytest.mark.parametrize('radius, topk', [(0, 5), (1, 5), (2, 3), (12, 5), (12, 1000)])
@pytest.mark.parametrize('rows', [1, 3])
def test_equals_loops(radius, topk, rows):
    """Radius 0 has 3 neighbors, one per reference; the largest has 105."""
    frames = random_frames()
    torch.testing.assert_close(propagate_labels(*frames, radius, topk, .1, rows),
                               by_loops(*frames, radius, topk, .1))


def test_autocast_changes_nothing():
    frames = random_frames()
    expected = propagate_labels(*frames)
    with torch.autocast('cpu', torch.bfloat16):
        assert torch.equal(propagate_labels(*frames), expected)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
def test_gpu_equals_cpu():
    frames = random_frames(height=9, width=13)
    on_gpu = propagate_labels(*(part.cuda() for part in frames), radius=3)
    torch.testing.assert_close(on_gpu.cpu(), propagate_labels(*frames, radius=3))


@pytest.mark.parametrize('num_last_frames, expected', [
    (0, [[0]] * 5), (1, [[0], [0, 1], [0, 2], [0, 3], [0, 4]]),
    (3, [[0], [0, 1], [0, 1, 2], [0, 1, 2, 3], [0, 2, 3, 4]])])
def test_references_are_the_first_frame_once_and_the_last(monkeypatch, num_last_frames, expected):
    features = [F.normalize(torch.randn(2, 2, 3), dim=-1) for _ in range(6)]
    seen = []

    def spy(query, references, labels):
        seen.append([next(i for i, feature in enumerate(features) if torch.allclose(r, feature))
                     for r in references[0]])
        # Labels are the numbers of the frames that they were found for.
        assert labels[0, :, 0, 0, 0].tolist() == seen[-1]
        return torch.full((1, 2, 2, 1), len(seen))

    monkeypatch.setattr(label_propagation, 'propagate_labels', spy)
    found = list(propagate_through_video(
        (5 * feature for feature in features), torch.zeros(2, 2, 1), num_last_frames))
    assert seen == expected and [int(labels[0, 0, 0]) for labels in found] == [1, 2, 3, 4, 5]
