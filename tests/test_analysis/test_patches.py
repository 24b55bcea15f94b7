"""Labels of patches."""
import numpy as np
import torch

from mmguided.analysis.patches import majority_labels, sample_patches


def test_more_than_half_of_the_pixels_decide():
    segmentation = torch.tensor([[[1, 1, 2, 2], [1, 0, 3, 3], [5, 5, -1, -1], [5, 5, -1, 4]]])
    # 3 of 4; 2 of 4 each; all; no class.
    assert majority_labels(segmentation, 2).tolist() == [[1, -1, 5, -1]]


def test_at_most_so_many_of_each_class_and_none_without_one():
    labels = np.repeat([-1, 0, 3], [50, 4, 40])
    chosen = sample_patches(labels, per_class=10)
    assert (chosen[:-1] < chosen[1:]).all()
    assert np.unique(labels[chosen], return_counts=True)[1].tolist() == [4, 10]
    assert np.array_equal(chosen, sample_patches(labels, per_class=10))
    assert not np.array_equal(chosen, sample_patches(labels, per_class=10, seed=1))
    assert len(sample_patches(np.full(3, -1))) == 0
