"""TransformerBlock: parity with mmpretrain's block, [CLS] only, weights read in forward only."""
import pytest
import torch

from mmguided.models import DenseViT, MaskedHybridViT, MaskedViT
from mmguided.models.layers import TransformerBlock
from mmguided.structures import Wants
from tests.helpers.models import SMALL, build, patch_mask

ARCH = dict(embed_dims=32, num_layers=3, num_heads=2, feedforward_channels=64)
EVERYTHING = Wants(attention=frozenset({(0, 'heads'), (2, None)}), relations=frozenset({1}))
HYBRID = ARCH | dict(stage_dims=(8, 16), stage_depths=(1, 1))


def hide_weights(model):
    """Empty the weights of all blocks except during their forward, as FSDP does."""
    def show(block, *args):
        for name, weight in block.full.items():
            block.get_parameter(name).data = weight

    def hide(block, *args):
        for weight in block.parameters():
            weight.data = weight.new_empty(0)

    for block in model.modules():
        if isinstance(block, TransformerBlock):
            block.full = {name: weight.data for name, weight in block.named_parameters()}
            block.register_forward_pre_hook(show)
            block.register_forward_hook(hide, always_call=True)
            hide(block)


@pytest.mark.parametrize('run', [
    lambda images: (MaskedViT(ARCH, 32, 8), lambda model: model.observe(images, EVERYTHING)),
    lambda images: (MaskedHybridViT(HYBRID, 32, (2, 2, 2)),
                    lambda model: model.observe(images, EVERYTHING)),
    lambda images: (DenseViT(ARCH, 32, 8, window_size=3), lambda model: model(images)),
    lambda images: (build('MAE', SMALL).neck, lambda neck: neck.relations(
        torch.randn(2, 5, 32), patch_mask(torch.rand(2, 16), 4, (4, 4)), [0, 1])),
    lambda images: (build('MAE', SMALL).neck, lambda neck: neck.group_attention(
        torch.randn(2, 5, 32), patch_mask(torch.rand(2, 16), 4, (4, 4)))),
], ids=['vit', 'hybrid', 'windows', 'relations', 'group_attention'])
def test_the_weights_of_a_block_are_read_in_its_forward_only(run):
    """FSDP, torch.compile per block and activation checkpointing wrap the forward of a block."""
    model, observe = run(torch.randn(2, 3, 32, 32))
    hide_weights(model)
    observe(model)


@pytest.mark.parametrize('kwargs', [
    {}, dict(qkv_bias=False), dict(layer_scale_init_value=.3), dict(drop_rate=.5)])
def test_one_output_alone_equals_that_of_the_whole_block(kwargs):
    block = TransformerBlock(32, 2, 64, **kwargs).eval()
    x = torch.randn(2, 9, 32)
    torch.testing.assert_close(block(x, cls_only=True), block(x)[:, :1])


def test_recording_does_not_change_the_output():
    block = TransformerBlock(32, 2, 64, layer_scale_init_value=.3)
    x, seen = torch.randn(2, 9, 32), []

    def attend(*parts):
        seen.extend(parts)
        return torch.nn.functional.scaled_dot_product_attention(*parts)

    assert torch.equal(block(x, attend), block(x))
    query = block.attn.qkv(block.ln1(x))[..., :32].view(2, 9, 2, 16).transpose(1, 2)
    assert torch.equal(seen[0], query) and len(seen) == 3
    assert block(x, lambda *parts: None) is None


def test_dropout_of_the_attention_acts_on_one_output_too():
    block = TransformerBlock(32, 2, 64, attn_drop_rate=.5).train()
    x = torch.randn(2, 9, 32)
    assert not torch.equal(block(x, cls_only=True), block(x, cls_only=True))
