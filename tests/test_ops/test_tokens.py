"""Operations on tokens."""
import torch

from mmguided.ops import topk_overlap


def test_overlap_counts_ties_as_equal():
    scores = torch.tensor([[5., 1, 3, 3, 0]])
    for ids, share in (((0, 2), 1), ((0, 3), 1), ((2, 3), 1), ((0, 1), .5), ((1, 4), 0)):
        assert topk_overlap(scores, torch.tensor([ids])) == share
    assert topk_overlap(scores * torch.nan, torch.tensor([[0, 1]])) == 0
