"""The pure functions against independent references."""
import numpy as np
import pytest
import torch
from mmpretrain.models.selfsup import HOGGenerator
from skimage.util import view_as_blocks

from mmguided.models import HOGTarget
from mmguided.ops import (
    cls_attention_row,
    gather_tokens,
    normalise_patches,
    patchify,
    restore_tokens,
    sincos_position_embedding,
    unpatchify,
)


def test_patchify_equals_blocks_of_scikit_image_and_has_an_inverse():
    images = torch.randn(2, 3, 12, 20)
    patches = patchify(images, 4)
    blocks = view_as_blocks(images[1].permute(1, 2, 0).numpy().copy(), (4, 4, 3))
    np.testing.assert_array_equal(patches[1].numpy(), blocks.reshape(15, 48))
    assert torch.equal(unpatchify(patches, 4, (3, 5)), images)


def test_normalise_patches():
    patches = torch.randn(2, 5, 48) * 7 + 3
    normal, mean, std = normalise_patches(patches)
    torch.testing.assert_close(normal.mean(-1), torch.zeros(2, 5), atol=1e-5, rtol=0)
    torch.testing.assert_close(normal.var(-1), torch.ones(2, 5), atol=1e-4, rtol=0)
    torch.testing.assert_close(normal * std + mean, patches)


def test_positions_tell_column_then_row():
    embedding = sincos_position_embedding((3, 5), 8)[0]
    assert torch.equal(embedding[0], torch.zeros(8))
    row, column = 2, 4
    expected = [f(p * w) for p in (column, row) for f in (np.sin, np.cos) for w in (1, .01)]
    np.testing.assert_allclose(embedding[1 + row * 5 + column], expected, rtol=1e-6)
    with pytest.raises(ValueError, match='dim=6'):
        sincos_position_embedding((3, 5), 6)


@pytest.mark.parametrize('softmax', ['heads', 'mean', None])
def test_attention_row_is_the_row_of_the_map(softmax):
    query, key = torch.randn(2, 3, 7, 5), torch.randn(2, 3, 7, 5)
    full = query @ key.transpose(-1, -2) / 5**.5
    expected = dict(
        heads=full.softmax(-1).mean(1)[:, 0, 1:],
        mean=full.mean(1)[:, 0, 1:].softmax(-1)).get(softmax, full.mean(1)[:, 0, 1:])
    row = cls_attention_row(query[:, :, :1], key, softmax)
    torch.testing.assert_close(row, expected)
    with torch.autocast('cpu', torch.bfloat16):
        assert torch.equal(cls_attention_row(query[:, :, :1], key, softmax), row)


def test_restored_tokens_are_in_the_images_order():
    tokens = torch.arange(12.).view(2, 6, 1)
    ids = torch.stack([torch.randperm(6), torch.randperm(6)])
    restored = restore_tokens(
        gather_tokens(tokens, ids[:, :2]), torch.full((1, 1, 1), -1.), ids.argsort(1))
    visible = torch.zeros(2, 6, dtype=torch.bool).scatter_(1, ids[:, :2], True).unsqueeze(-1)
    assert torch.equal(restored, torch.where(visible, tokens, torch.tensor(-1.)))


def test_hog_equals_mmpretrains_at_224_pixels():
    images = torch.randn(2, 3, 224, 224)
    torch.testing.assert_close(HOGTarget(16)(images), HOGGenerator()(images), rtol=1e-4, atol=1e-5)


def test_hog_of_non_square_images_is_local():
    """Far from the border, the patches of a crop along the grid are those of the whole image."""
    images = torch.randn(1, 3, 64, 96)
    whole = HOGTarget(16)(images).view(4, 6, -1)
    crop = HOGTarget(16)(images[..., 16:80]).view(4, 4, -1)
    torch.testing.assert_close(crop[:, 1:3], whole[:, 2:4])
    assert HOGTarget(8, cell=4).dims == 3 * 9 * 4
