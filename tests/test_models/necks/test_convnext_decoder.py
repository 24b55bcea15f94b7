"""ConvNeXtDecoder: mask tokens and block computation."""
import pytest
import torch
import torch.nn.functional as F

from mmguided.models import ConvNeXtDecoder
from mmguided.structures import PatchMask
from tests.helpers.models import as_trained

GRID = (2, 3)
ONE_SHOT, TWO_SHOTS = ((0, 3), ), ((0, 4), (3, 2))


def random_mask(shots=ONE_SHOT, grid=GRID):
    return PatchMask.from_ids(torch.rand(2, 6).argsort(1), shots, grid)


@pytest.mark.parametrize('shots', [ONE_SHOT, TWO_SHOTS])
def test_decoder_puts_the_mask_token_at_masked_units_and_latents_elsewhere(shots):
    decoder = as_trained(ConvNeXtDecoder(20, GRID, embed_dims=16), .2)
    mask, latent = random_mask(shots), torch.randn(2, 6, 20)
    seen = []
    decoder.decoder_blocks[0].depthwise_conv.register_forward_pre_hook(
        lambda _, args: seen.append(args[0]))
    states = decoder(latent, mask)
    assert len(states) == 2
    torch.testing.assert_close(states[0].mT.unflatten(2, GRID), seen[0])
    for image in range(2):
        for unit in range(6):
            masked = unit in mask.ids_mask[image]
            expected = decoder.mask_token[0, 0] if masked else decoder.decoder_embed(
                latent[image, unit])
            torch.testing.assert_close(seen[0][image, :, unit // 3, unit % 3], expected)
    hidden = mask.mask.bool().unsqueeze(-1)
    for changed in (torch.where(hidden, torch.nan, latent), torch.where(hidden, 1., latent)):
        assert torch.equal(decoder(changed, mask)[-1], states[-1])


def test_decoder_is_a_projection_and_a_block_of_convnext_v2():
    decoder = as_trained(ConvNeXtDecoder(20, (9, 9), embed_dims=16), .2)
    mask, latent = random_mask(grid=(3, 2)), torch.randn(2, 6, 20)
    x = F.conv2d(latent.mT.reshape(2, 20, 3, 2), decoder.decoder_embed.weight[..., None, None],
                 decoder.decoder_embed.bias)
    masked = mask.mask.view(2, 1, 3, 2)
    x = x * (1 - masked) + decoder.mask_token.view(1, 16, 1, 1) * masked
    block = decoder.decoder_blocks[0]
    assert block.gamma is None and block.grn is not None and len(decoder.decoder_blocks) == 1
    torch.testing.assert_close(
        decoder(latent, mask)[-1], block(x).flatten(2).mT, rtol=1e-4, atol=1e-5)
