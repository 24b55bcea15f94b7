"""A row of attention against the map that it is a row of."""
import pytest
import torch

from mmguided.ops import cls_attention_row


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
