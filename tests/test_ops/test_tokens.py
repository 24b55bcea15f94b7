"""Selection and restoration of tokens."""
import torch

from mmguided.ops import gather_tokens, restore_tokens


def test_gathered_tokens_are_those_of_the_ids():
    tokens, ids = torch.randn(2, 6, 3), torch.tensor([[5, 0, 0], [2, 1, 4]])
    expected = torch.stack([tokens[i][ids[i]] for i in range(2)])
    assert torch.equal(gather_tokens(tokens, ids), expected)


def test_restored_tokens_are_in_the_images_order():
    tokens = torch.arange(12.).view(2, 6, 1)
    ids = torch.stack([torch.randperm(6), torch.randperm(6)])
    restored = restore_tokens(
        gather_tokens(tokens, ids[:, :2]), torch.full((1, 1, 1), -1.), ids.argsort(1))
    visible = torch.zeros(2, 6, dtype=torch.bool).scatter_(1, ids[:, :2], True).unsqueeze(-1)
    assert torch.equal(restored, torch.where(visible, tokens, torch.tensor(-1.)))
