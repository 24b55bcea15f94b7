"""ccMIM: gradients, mixed precision, non-square images, variants by config."""
import pytest
import torch

from mmguided.utils.errors import ConfigError
from tests.helpers.models import COSINE, GUIDED, NCE, SMALL, build, ccmim, grad_norms, total


@pytest.mark.parametrize('head', [NCE, COSINE])
def test_every_parameter_gets_a_gradient_in_float32_and_bfloat16(head):
    """Under autocast the no-grad passes come first: their cast weights must not be reused."""
    model = ccmim(head)
    images = torch.randn(8, 3, 32, 32)
    norms = []
    for enabled in (False, True):
        model.zero_grad()
        torch.manual_seed(1)
        with torch.autocast('cpu', dtype=torch.bfloat16, enabled=enabled):
            losses = model.loss(images)
        total(losses).backward()
        norms.append(grad_norms(model))
    trained = {k for k, p in model.named_parameters() if p.requires_grad}
    assert norms[0].keys() == norms[1].keys() == trained
    assert not trained & {'backbone.pos_embed', 'neck.decoder_pos_embed'}
    for name, norm in norms[0].items():
        assert norm > 0 and norms[1][name] == pytest.approx(norm.item(), rel=.2, abs=1e-3), name


def test_lambda_scales_the_contrast_alone():
    images = torch.randn(4, 3, 32, 32)
    losses = {}
    for weight in (.2, 1.):
        torch.manual_seed(0)
        losses[weight] = ccmim(dict(NCE, loss_weight=weight)).loss(images)
    weak, strong = (losses[k]['loss_contrast'].item() for k in (.2, 1.))
    assert strong == pytest.approx(5 * weak)
    assert losses[1.]['loss_reconstruction'] == losses[.2]['loss_reconstruction']


@pytest.mark.parametrize('sampling', ['RandomSampling', 'BlockwiseSampling', 'TopKSampling'])
@pytest.mark.parametrize('target', ['PixelTarget', 'HOGTarget'])
def test_parts_are_swapped_by_config_on_non_square_images(sampling, target):
    masks = dict(GUIDED, sampling=dict(type=f'mmguided.{sampling}'))
    if sampling != 'TopKSampling':
        masks['guidance'] = None
    model = ccmim(
        img=(32, 64), mask_generator=masks, target_generator=dict(type=f'mmguided.{target}'))
    images = torch.randn(3, 3, 32, 64)
    first = total(model.loss(images))
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    for _ in range(15):
        optimizer.zero_grad()
        loss = total(model.loss(images))
        loss.backward()
        optimizer.step()
    assert loss < .95 * first, 'a few steps on one batch must lower the loss'


def test_another_input_size_than_the_configured_one():
    model = ccmim()
    assert torch.isfinite(total(model.loss(torch.randn(2, 3, 48, 64))))


def test_mae_is_ccmim_without_guidance_and_contrast():
    """Same seed, same weights: the reconstruction of ccMIM with random masks is MAE's."""
    images = torch.randn(4, 3, 32, 32)
    plain = ccmim(dict(NCE, loss_weight=0.), mask_generator=dict(type='mmguided.MaskGenerator'))
    mae = build('MAE', SMALL)
    mae.load_state_dict(
        {k: v for k, v in plain.state_dict().items() if not k.startswith('projector')})
    results = []
    for model in (plain, mae):
        torch.manual_seed(5)
        losses = model.loss(images)
        total(losses).backward()
        results.append((losses['loss_reconstruction'], grad_norms(model)))
    assert results[0][0] == results[1][0]
    for name, norm in results[1][1].items():
        assert results[0][1][name] == norm, name


def test_a_batch_of_one_image_is_told():
    with pytest.raises(ConfigError, match='a batch of 1 image.*drop_last=True'):
        ccmim().loss(torch.randn(1, 3, 32, 32))


def test_unknown_guidance_source_is_told_when_the_model_is_built():
    masks = dict(GUIDED, guidance=dict(type='mmguided.ClsAttention', source='teacher'))
    with pytest.raises(ConfigError, match="source='teacher'.*'student'"):
        ccmim(mask_generator=masks)
