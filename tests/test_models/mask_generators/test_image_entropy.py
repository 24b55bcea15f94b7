"""ImageEntropy: entropy of scikit-image, from the pixels of normalized images."""
import numpy as np
import torch
from skimage.measure import shannon_entropy

from tests.helpers.models import SMALL, build

STATISTICS = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
MASKS = dict(
    type='mmguided.MaskGenerator', sampling=dict(type='mmguided.TopKSampling'),
    guidance=dict(type='mmguided.ImageEntropy'))


def model(**parts):
    return build('MAE', SMALL, data_preprocessor=dict(
        type='SelfSupDataPreprocessor', to_rgb=True, **STATISTICS), **parts)


def levels(steps):
    """Images whose patches have 1 to 16 equally frequent gray levels, ``(2, 3, 32, 32)``, uint8."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2, 3, 32, 32))
    for i in range(16):
        row, column = 8 * (i // 4), 8 * (i % 4)
        images[..., row:row + 8, column:column + 8] //= steps[i]
    return images.astype(np.uint8)


def test_entropy_is_scikit_images():
    mae = model(mask_generator=MASKS)
    images = levels([1 + 8 * (i % 7) for i in range(16)])
    inputs = mae.data_preprocessor(dict(inputs=torch.tensor(images), data_samples=None))['inputs']
    guidance = mae.mask_generator.shots[0].guidance
    scores = guidance(mae.observe(inputs), mae.clock)
    gray = np.rint(images.mean(1)).reshape(2, 4, 8, 4, 8).swapaxes(2, 3).reshape(2, 16, 64)
    expected = [[shannon_entropy(patch) for patch in patches] for patches in gray]
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    assert scores.std() > .5


def test_a_later_shot_scores_the_patches_that_are_left():
    shots = [(0, .25), dict(layer=1, mask_ratio=.5, sampling=dict(type='mmguided.TopKSampling'),
                            guidance=dict(type='mmguided.ImageEntropy'))]
    mae = model(mask_generator=dict(type='mmguided.MaskGenerator', shots=shots))
    images = torch.zeros(1, 3, 32, 32)
    images[..., :8, :] = torch.randn(8, 32)  # the first row of patches
    mask, logs = mae.make_mask(images, mae.observe(images))
    left = mask.shot[0, :4] != 1
    assert (mask.shot[0, :4][left] == 2).all() and logs['topk_overlap_shot_2'] == 1


def test_it_compiles_without_a_graph_break():
    mae, images = model(mask_generator=MASKS), torch.randn(2, 3, 32, 32)
    losses = torch.compile(mae.loss, backend='eager', fullgraph=True)(images)
    assert losses['topk_overlap'] == losses['guided_share'] == 1
