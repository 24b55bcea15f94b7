"""A row of attention against the map that it is a row of."""
import pytest
import torch

from mmguided.ops import cls_attention_row, group_attention


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


def test_attention_between_groups_is_the_mean_of_the_maps_blocks():
    query, key = torch.randn(2, 3, 7, 5), torch.randn(2, 3, 7, 5)
    first = torch.stack([torch.randperm(7) < 3, torch.randperm(7) < 3])
    groups = torch.stack((first, ~first), dim=-1).float()
    full = (query @ key.transpose(-1, -2) / 5**.5).softmax(-1).mean(1)
    expected = torch.zeros(2, 2, 2)
    for i, members in enumerate((first, ~first)):
        for j, others in enumerate((first, ~first)):
            # Eq. 5: of each token in i, all that it pays to j; then the mean over i.
            for b in range(2):
                expected[b, i, j] = full[b][members[b]][:, others[b]].sum(1).mean()
    rates = group_attention(query, key, groups)
    torch.testing.assert_close(rates, expected)
    torch.testing.assert_close(rates.sum(2), torch.ones(2, 2))
