"""Patchify, its inverse and normalization against independent references."""
import numpy as np
import torch
from skimage.util import view_as_blocks

from mmguided.ops import normalize_patches, patchify, unpatchify


def test_patchify_equals_blocks_of_scikit_image_and_has_an_inverse():
    images = torch.randn(2, 3, 12, 20)
    patches = patchify(images, 4)
    blocks = view_as_blocks(images[1].permute(1, 2, 0).numpy().copy(), (4, 4, 3))
    np.testing.assert_array_equal(patches[1].numpy(), blocks.reshape(15, 48))
    assert torch.equal(unpatchify(patches, 4, (3, 5)), images)


def test_normalize_patches():
    patches = torch.randn(2, 5, 48) * 7 + 3
    normal, mean, std = normalize_patches(patches)
    torch.testing.assert_close(normal.mean(-1), torch.zeros(2, 5), atol=1e-5, rtol=0)
    torch.testing.assert_close(normal.var(-1), torch.ones(2, 5), atol=1e-4, rtol=0)
    torch.testing.assert_close(normal * std + mean, patches)
