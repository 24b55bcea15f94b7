"""Image features equal those of the k-NN classifier and the encoders."""
import pytest
import torch

from mmguided.evaluation import check_feature, image_features, pool_latents
from mmguided.registry import MODELS
from mmguided.structures import PatchMask
from mmguided.utils.errors import ConfigError
from tests.helpers.encoders import build_vit
from tests.helpers.models import as_trained
from tests.helpers.online import CONVNEXT, SWIN

ARCH = dict(embed_dims=32, num_layers=3, num_heads=2, feedforward_channels=128)


@pytest.mark.parametrize('feature, out_type', [('mean', 'featmap'), ('cls', 'cls_token')])
def test_vit_equals_the_knn_classifier(feature, out_type):
    vit = as_trained(build_vit()).eval()
    classifier = MODELS.build(dict(
        type='mmguided.KNNClassifier', bank_dataloader={}, ks=(1, ), backbone=dict(
            type='mmguided.MaskedViT', arch=ARCH, img_size=32, patch_size=8, out_type=out_type)))
    classifier.backbone.load_state_dict(vit.state_dict())
    images = torch.randn(3, 3, 32, 32)
    features = image_features(vit, images, feature)
    assert features.dtype == torch.float32 and not features.requires_grad
    torch.testing.assert_close(features, classifier.features(images))


@pytest.mark.parametrize('cfg', [SWIN, CONVNEXT])
def test_stages_average_the_last_feature_map(cfg):
    encoder = as_trained(MODELS.build(cfg))
    encoder.eval()  # returns None
    images, maps = torch.randn(2, 3, 32, 32), []
    if cfg is SWIN:
        maps = encoder(images)
    else:  # before the norm, which pretraining does not use
        encoder.stages[-1].register_forward_hook(lambda module, args, out: maps.append(out))
        encoder(images)
    torch.testing.assert_close(
        image_features(encoder, images), maps[-1].mean((2, 3)), rtol=1e-4, atol=1e-5)


def test_masked_patches_are_ignored():
    """Patches 2 and 0 of a 1 x 4 grid are visible."""
    mask = PatchMask.from_ids(torch.tensor([[2, 0, 3, 1]]), ((0, 2), ), (1, 4))
    vit, swin = build_vit(), MODELS.build(SWIN)
    visible = torch.tensor([[[9.], [3.], [1.]]])  # [CLS], 2 and 0
    assert pool_latents(vit, visible, mask).tolist() == [[2]]
    assert pool_latents(vit, visible, mask, 'cls').tolist() == [[9]]
    whole = torch.tensor([[[1.], [50.], [3.], [70.]]]).bfloat16()
    pooled = pool_latents(swin, whole, mask)
    assert pooled.tolist() == [[2]] and pooled.dtype == torch.float32


def test_invalid_features():
    check_feature('hook.feature', build_vit(), 'cls')
    with pytest.raises(ConfigError, match=r"hook\.feature='cls':.*MaskedSwin"):
        check_feature('hook.feature', MODELS.build(SWIN), 'cls')
    with pytest.raises(ConfigError, match=r"hook\.feature='map':"):
        check_feature('hook.feature', build_vit(), 'map')
