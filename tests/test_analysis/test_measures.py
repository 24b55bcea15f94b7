"""Measures of models over batches."""
import numpy as np
import pytest
import torch

from mmguided.analysis import attention_distance, exploitation_rates, patch_distances
from mmguided.analysis.layers import encoder_layers
from mmguided.analysis.measures import CKA, MEASURES, PAIR_MEASURES, measure_models
from mmguided.structures import PatchMask
from mmguided.utils.errors import ConfigError
from tests.helpers import models as helpers
from tests.helpers.numpy_vit import numpy_layers, sigma_f, sigma_s

ALL = [*MEASURES, *PAIR_MEASURES, CKA]


def build(depth=3, seed=0):
    torch.manual_seed(seed)
    model = helpers.build('MAE', dict(
        img=16, patch=4, dim=16, depth=depth, heads=2, ddim=16, ddepth=2, dheads=2))
    model.init_weights()
    return model.eval()


@pytest.fixture(scope='module')
def images():
    return torch.randn(13, 3, 16, 16, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope='module')
def models():
    return dict(a=build(), b=build(seed=1))


def measure(models, images, measures=ALL, size=13, **options):
    batches = [dict.fromkeys(models, batch) for batch in images.split(size)]
    return measure_models(models, batches, measures, **options)


@pytest.fixture(scope='module')
def results(images, models):
    return measure(models, images)


def test_all_measures_of_all_layers(results):
    for result in results.values():
        assert not result.skipped
        assert {name for name, _ in result.layers} == {*MEASURES, *PAIR_MEASURES}
        for (name, part), estimate in result.layers.items():
            assert len(estimate.mean) == dict(encoder=3, decoder=2)[part]
            assert np.isfinite(estimate.mean).all(), name
            assert len(estimate.curve) == len(estimate.mean) and estimate.curve.ndim == 1


def test_mean_and_standard_error_over_images(results, models, images):
    layers = [layer.activations() for layer in encoder_layers(models['b'], images)]
    values = torch.stack([
        attention_distance(layer.attention, patch_distances((4, 4), 4)) for layer in layers])
    estimate = results['b'].layers['attention_distance', 'encoder']
    np.testing.assert_allclose(estimate.mean, values.mean(1), rtol=1e-5)
    np.testing.assert_allclose(estimate.standard_error, values.std(1) / 13**.5, rtol=1e-3)
    assert estimate.num_images == 13
    # The error of a curve is that of the mean over heads, or of the gap, of each image.
    np.testing.assert_allclose(estimate.curve, values.mean((1, 2)), rtol=1e-5)
    np.testing.assert_allclose(estimate.curve_error, values.mean(2).std(1) / 13**.5, rtol=1e-3)
    gap = results['b'].layers['similarity_gap', 'encoder']
    np.testing.assert_allclose(gap.curve, gap.mean[:, 0] - gap.mean[:, 1], rtol=1e-5)


def test_values_for_uniform_attention(images):
    model = build()
    for name, parameter in model.named_parameters():
        if 'qkv' in name:
            parameter.data.zero_()
    layers = measure(dict(a=model), images, [*MEASURES])['a'].layers
    found = {name for (name, _), estimate in layers.items() if estimate.uniform is not None}
    assert found == {'attention_distance', 'attention_entropy', 'reversed_attention_distance',
                     'exploitation'}
    for (name, part), estimate in layers.items():
        if name in found | {'attention_nmi'}:
            np.testing.assert_allclose(estimate.curve, estimate.uniform or 0, rtol=1e-5, atol=1e-6,
                                       err_msg=f'{name}, {part}')


def test_sigmas_equal_numpy(models, images):
    """Both readings of x in Eq. 3: output tokens (Table 1) and attention outputs."""
    names = ['token_variance', 'feature_variance', 'similarity_variance']
    found = measure(models, images[:1], names)['b'].layers
    state = {k: v.double().numpy() for k, v in models['b'].backbone.state_dict().items()}
    expected = [(sigma_f(tokens), sigma_f(attended), sigma_s(attended))
                for attended, tokens in numpy_layers(state, images[0].double().numpy(), heads=2)]
    for name, values in zip(names, zip(*expected, strict=True), strict=True):
        np.testing.assert_allclose(
            found[name, 'encoder'].mean, values, rtol=1e-4, err_msg=name)
    assert abs(expected[-1][0] - expected[-1][1]) > .01


def test_batch_size_does_not_change_encoder_measures(results, models, images):
    small = measure(models, images, size=5)
    for (name, part), estimate in results['b'].layers.items():
        if part == 'encoder':
            np.testing.assert_allclose(
                small['b'].layers[name, part].mean, estimate.mean, rtol=1e-4, atol=1e-6)


def test_exploitation_equals_that_of_the_decoder(results, models, images):
    mask = PatchMask.random(13, (4, 4), .75, images.device, torch.Generator().manual_seed(0))
    with torch.no_grad():
        groups = models['a'].neck.group_attention(models['a'].backbone(images, mask), mask)
    rates = results['a'].layers['exploitation', 'decoder'].mean
    np.testing.assert_allclose(rates, exploitation_rates(groups, .75), rtol=1e-5)
    np.testing.assert_allclose(rates.sum(1), 1, rtol=1e-6)


def test_kl_and_cka_of_the_reference_with_itself(results):
    for kind in PAIR_MEASURES:
        assert np.abs(results['a'].layers[kind, 'encoder'].mean).max() < 1e-6
        assert results['b'].layers[kind, 'encoder'].mean.min() > 1e-6
        # The decoder of the reference sees all patches.
        assert results['a'].layers[kind, 'decoder'].mean.min() > 0
    np.testing.assert_allclose(np.diag(results['a'].cka), 1, rtol=1e-6)
    assert np.diag(results['b'].cka).max() < .999


def test_models_with_another_depth_or_without_decoder(images):
    models = dict(a=build(), deep=build(depth=4), encoder=build())
    models['encoder'].neck = None
    results = measure(models, images)
    assert set(results['deep'].skipped) == {f'{kind}, encoder' for kind in PAIR_MEASURES}
    assert ('attention_kl', 'decoder') in results['deep'].layers
    assert results['deep'].cka.shape == (3, 4)
    assert {'exploitation', 'mask_token_variance'} <= set(results['encoder'].skipped)
    assert all(part == 'encoder' for _, part in results['encoder'].layers)


def test_partition_is_that_of_the_reference(results, models, images):
    alone = measure(dict(b=models['b']), images, ['similarity_gap'])
    as_reference = measure(models, images, ['similarity_gap'], reference='b')
    key = 'similarity_gap', 'encoder'
    np.testing.assert_allclose(as_reference['b'].layers[key].mean, alone['b'].layers[key].mean)
    # The partition of the model itself gives the largest gap in its last layer.
    gaps = [float(np.subtract(*each['b'].layers[key].mean[-1])) for each in (alone, results)]
    assert gaps[0] > gaps[1]


def test_mask_ratio_0_masks_nothing(models, images):
    shown = measure(models, images, ['attention_distance', 'exploitation'], mask_ratio=0)
    assert set(shown['a'].skipped) == {'exploitation'}
    assert ('attention_distance', 'decoder') in shown['a'].layers


@pytest.mark.parametrize('measures, options, field', [
    (['nmi'], {}, "measures='nmi':"), (['cka'], dict(reference='c'), "reference='c':"),
    (['exploitation'], dict(mask_ratio=.99), r'mask_ratio=0\.99:')])
def test_invalid_settings(models, images, measures, options, field):
    with pytest.raises(ConfigError, match=field):
        measure(models, images, measures, **options)


def test_single_image_has_no_standard_error_and_no_cka(models, images):
    one = measure(models, images[:1], ['cka', 'feature_variance'])['a']
    assert one.cka is None and set(one.skipped) == {'cka'}
    assert np.isnan(one.layers['feature_variance', 'encoder'].standard_error).all()


def test_images_that_cannot_be_cut_have_no_gap():
    model = build()
    model.backbone.pos_embed.data.zero_()  # all patches are equal
    results = measure(dict(a=model), torch.zeros(4, 3, 16, 16), ['similarity_gap'])
    estimate = results['a'].layers['similarity_gap', 'encoder']
    assert estimate.num_images == 0 and np.isnan(estimate.mean).all()
