"""MAEDecoder: hidden states, parity with mmpretrain, other grids, initialization."""
import pytest
import torch
import torch.nn.functional as F
from mmpretrain.models import MAEPretrainDecoder

from mmguided.models import MAEDecoder
from mmguided.ops import sincos_position_embedding
from mmguided.utils.errors import ConfigError
from tests.helpers.models import as_trained, patch_mask

GRID = (2, 3)


def decoder(grid=GRID, **kwargs):
    return as_trained(MAEDecoder(20, grid, **dict(embed_dims=16, depth=2, num_heads=2) | kwargs))


def test_it_computes_what_mmpretrains_does():
    ours = decoder((3, 3))
    theirs = MAEPretrainDecoder(
        num_patches=9, embed_dim=20, decoder_embed_dim=16, decoder_depth=2, decoder_num_heads=2,
        predict_feature_dim=5)
    keys = theirs.load_state_dict(ours.state_dict(), strict=False)
    assert keys.missing_keys == ['decoder_pred.weight', 'decoder_pred.bias']
    assert not keys.unexpected_keys
    mask, latent = patch_mask(torch.rand(2, 9), 4, (3, 3)), torch.randn(2, 5, 20)
    torch.testing.assert_close(
        theirs.decoder_pred(ours(latent, mask)[-1]), theirs(latent, mask.ids_restore))


def test_states_are_the_input_and_the_output_of_each_block_the_last_one_normalized():
    model, mask = decoder(), patch_mask(torch.rand(2, 6), 2, GRID)
    outputs = []
    for block in model.decoder_blocks:
        block.register_forward_hook(lambda module, args, output: outputs.append((*args, output)))
    states = model(torch.randn(2, 3, 20), mask)
    assert [len(states), model.depth, model.embed_dims] == [3, 2, 16]
    (first, second), (again, last) = outputs
    assert again is second
    last = F.layer_norm(last, (16, ), model.ln1.weight, model.ln1.bias, 1e-6)
    for state, expected in zip(states, (first, second, last), strict=True):
        torch.testing.assert_close(state, expected[:, 1:])


def test_positions_are_resized_to_the_grid_of_the_mask():
    model, mask = decoder(), patch_mask(torch.rand(1, 20), 20, (4, 5))
    latent = torch.zeros(1, 21, 20)
    content = model.decoder_embed(latent[0, 0])
    positions = model.decoder_pos_embed[:, 1:].mT.unflatten(2, GRID)
    expected = F.interpolate(positions, (4, 5), mode='bicubic', align_corners=False)
    torch.testing.assert_close(model(latent, mask)[0], content + expected.flatten(2).mT)


def test_initialization_is_maes():
    torch.manual_seed(0)
    model = MAEDecoder(32, GRID, embed_dims=64, depth=1, num_heads=2)
    model.init_weights()
    bound = (6 / (32 + 64))**.5
    assert .95 * bound < model.decoder_embed.weight.abs().max() <= bound
    assert model.decoder_embed.bias.abs().max() == 0
    assert model.mask_token.std().item() == pytest.approx(.02, rel=.4)
    assert not model.decoder_pos_embed.requires_grad
    assert torch.equal(model.decoder_pos_embed, sincos_position_embedding(GRID, 64))


@pytest.mark.parametrize('dims, heads', [(50, 2), (16, 3)])
def test_width_must_fit_positions_and_heads(dims, heads):
    with pytest.raises(ConfigError, match=f'neck.embed_dims={dims}: .*num_heads={heads}'):
        decoder(embed_dims=dims, num_heads=heads)
