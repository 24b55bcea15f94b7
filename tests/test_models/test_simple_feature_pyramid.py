"""The simple feature pyramid: strides, widths, and what each level sees."""
import torch

from mmguided.models import SimpleFeaturePyramid


def pyramid():
    torch.manual_seed(0)
    neck = SimpleFeaturePyramid(16, 8)
    neck.init_weights()
    return neck


def test_five_maps_of_strides_4_to_64():
    maps = pyramid()([torch.randn(2, 16, 12, 20)])
    assert [tuple(m.shape) for m in maps] == [
        (2, 8, 48, 80), (2, 8, 24, 40), (2, 8, 12, 20), (2, 8, 6, 10), (2, 8, 3, 5)]
    assert torch.equal(maps[4], maps[3][..., ::2, ::2])


def test_every_level_looks_at_its_place_and_is_normalised():
    neck = pyramid()
    x = torch.randn(1, 16, 12, 12)
    changed = x.clone()
    changed[..., 6, 6] += 1
    for level, scale in zip(range(4), (4, 2, 1, .5), strict=True):
        before, after = (neck([value])[level] for value in (x, changed))
        rows = (before != after).any(1)[0].any(1).nonzero()[:, 0] / scale
        assert rows.min() >= 6 - 2 / scale and rows.max() <= 7 + 2 / scale
        assert before.mean(1).abs().max() < 1e-5, 'the last norm is over the channels'
