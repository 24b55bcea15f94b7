"""Patchify and its inverse."""
import numpy as np
import torch
from skimage.util import view_as_blocks

from mmguided.ops import patchify, unpatchify


def test_patchify_equals_blocks_of_scikit_image_and_has_an_inverse():
    images = torch.randn(2, 3, 12, 20)
    patches = patchify(images, 4)
    blocks = view_as_blocks(images[1].permute(1, 2, 0).numpy().copy(), (4, 4, 3))
    np.testing.assert_array_equal(patches[1].numpy(), blocks.reshape(15, 48))
    assert torch.equal(unpatchify(patches, 4, (3, 5)), images)
