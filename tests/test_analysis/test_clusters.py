"""Patch clusters recover known groups."""
import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from mmguided.analysis import match_clusters, patch_clusters


def directions(sizes, generator):
    """Patches of several groups with random lengths and order, and their groups. Groups 2i and
    2i + 1 are similar; other groups are orthogonal except for noise."""
    groups = torch.cat([torch.full((size, ), number) for number, size in enumerate(sizes)])
    groups = groups[torch.randperm(len(groups), generator=generator)]
    axes = torch.linalg.qr(torch.randn(32, 32, generator=generator))[0]
    centers = axes[groups // 2] + .7 * axes[8 + groups]
    lengths = .1 + 10 * torch.rand(len(groups), 1, generator=generator)
    return lengths * (centers + .05 * torch.randn(centers.shape, generator=generator)), groups


@pytest.mark.parametrize('sizes', [(40, 24), (24, 18, 22), (20, 12, 18, 14)])
def test_clusters_are_the_groups(sizes):
    generator = torch.Generator().manual_seed(len(sizes))
    images = [directions(sizes, generator) for _ in range(3)]
    clusters = patch_clusters(torch.stack([patches for patches, _ in images]), len(sizes))
    for found, (_, groups) in zip(clusters, images, strict=True):
        assert adjusted_rand_score(groups, found) == 1
        assert found.bincount().tolist() == sorted(sizes, reverse=True)  # the largest first


def test_images_are_independent_and_a_constant_image_has_one_cluster():
    generator = torch.Generator().manual_seed(0)
    patches, _ = directions((24, 18, 22), generator)
    alone = patch_clusters(patches[None], 3)
    both = patch_clusters(torch.stack([torch.ones_like(patches), patches]), 3)
    assert (both[1] == alone[0]).all() and (both[0] == 0).all()


def test_matched_clusters_are_renumbered():
    reference = np.array([[[0, 0, 1], [1, 2, 2]], [[2, 2, 2], [1, 1, 0]]])
    renamed = np.array([2, 0, 1])[reference]
    assert (match_clusters(renamed, reference, 3) == reference).all()
    # The best one-to-one assignment.
    split = np.array([[1, 1, 1, 0, 2, 2]])
    assert match_clusters(split, np.array([[0, 0, 0, 0, 0, 1]]), 3).tolist() == [[0, 0, 0, 2, 1, 1]]
