"""ConvNeXtDecoder: projection, mask tokens and block."""
import pytest
import torch
import torch.nn.functional as F

from mmguided.models import ConvNeXtDecoder
from mmguided.structures import PatchMask
from tests.helpers.models import as_trained


@pytest.mark.parametrize('shots', [((0, 3), ), ((0, 4), (3, 2))])
def test_decoder_is_a_projection_mask_tokens_and_a_block_of_convnext_v2(shots):
    """The mask may have another grid than the default."""
    decoder = as_trained(ConvNeXtDecoder(20, (9, 9), embed_dims=16), .2)
    mask = PatchMask.from_ids(torch.rand(2, 6).argsort(1), shots, (3, 2))
    latent = torch.randn(2, 6, 20)
    x = F.conv2d(latent.mT.reshape(2, 20, 3, 2), decoder.decoder_embed.weight[..., None, None],
                 decoder.decoder_embed.bias)
    masked = mask.mask.view(2, 1, 3, 2)
    x = x * (1 - masked) + decoder.mask_token.view(1, 16, 1, 1) * masked
    block, = decoder.decoder_blocks
    assert block.gamma is None and block.grn is not None
    states = decoder(latent, mask)
    for state, expected in zip(states, (x, block(x)), strict=True):
        torch.testing.assert_close(state, expected.flatten(2).mT, rtol=1e-4, atol=1e-5)
    other = torch.where(mask.mask.bool().unsqueeze(-1), torch.nan, latent)
    assert torch.equal(decoder(other, mask)[-1], states[-1])
