"""ccMIM: gradients, mixed precision, input sizes, errors."""
import pytest
import torch

from mmguided.utils.errors import ConfigError
from tests.helpers.models import COSINE, NCE, ccmim, gradients_in_two_precisions, total


@pytest.mark.parametrize('head', [NCE, COSINE])
def test_every_parameter_gets_a_gradient_in_float32_and_bfloat16(head):
    """Under autocast, weights cast in the no-grad passes must not be reused."""
    exact, coarse = gradients_in_two_precisions(ccmim(head), torch.randn(8, 3, 32, 32))
    assert not exact.keys() & {'backbone.pos_embed', 'neck.decoder_pos_embed'}
    for name, norm in exact.items():
        assert coarse[name] == pytest.approx(norm.item(), rel=.2, abs=1e-3), name


@pytest.mark.parametrize('img, size', [((32, 64), (32, 64)), (32, (48, 64))])
def test_non_square_images_and_another_input_size(img, size):
    model = ccmim(img=img, target_generator=dict(type='mmguided.HOGTarget'))
    assert torch.isfinite(total(model.loss(torch.randn(2, 3, *size))))


def test_errors():
    with pytest.raises(ConfigError, match='batch_size.* 1 image.*drop_last=True'):
        ccmim().loss(torch.randn(1, 3, 32, 32))
    with pytest.raises(ConfigError, match=r'shots: .*\[0, 1\]'):
        ccmim(mask_generator=dict(type='mmguided.MaskGenerator', shots=((0, .5), (1, .5))))
