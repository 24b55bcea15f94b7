"""DenseHybridViT: its maps equal those of the pretraining encoder."""
from functools import partial

import pytest
import torch
import torch.nn.functional as F

from mmguided.models import DenseHybridViT, MaskedHybridViT
from tests.helpers.models import as_trained, check_checkpointing, tokens

ARCH = dict(
    embed_dims=32, num_layers=4, num_heads=2, feedforward_channels=64, stage_dims=(8, 16),
    stage_depths=(1, 1))


def pretrained():
    encoder = MaskedHybridViT(ARCH, 64, strides=(2, 2, 2))
    encoder.init_weights()
    return as_trained(encoder).eval()


def dense(encoder, **kwargs):
    """DenseHybridViT with all weights of the encoder."""
    model = DenseHybridViT(ARCH, 64, strides=(2, 2, 2), **kwargs)
    model.load_state_dict(encoder.state_dict(), strict=True)
    return model.eval()


@pytest.mark.parametrize('kwargs', [
    dict(), dict(window_size=8), dict(window_size=100, global_blocks=[1])])
def test_maps_are_the_pretraining_encoders(kwargs):
    encoder = pretrained()
    images = torch.randn(2, 3, 64, 64)
    maps = dense(encoder, **kwargs)(images)
    stages = encoder.embed(images).stages
    last = tokens(encoder, images)[:, 1:].transpose(1, 2).unflatten(2, (8, 8))
    expected = (*(stage.permute(0, 3, 1, 2) for stage in stages), last, F.max_pool2d(last, 2))
    assert [m.shape[1:] for m in maps] == [(8, 32, 32), (16, 16, 16), (32, 8, 8), (32, 4, 4)]
    for ours, theirs in zip(maps, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


def test_checkpointing_changes_memory_alone():
    """Includes the convolutional blocks, which need most of the memory."""
    check_checkpointing(
        partial(dense, pretrained(), window_size=3, global_blocks=[3], drop_path_rate=.5),
        saving=3)
