"""The ViT of detectors and segmentors: same weights, any size, windows."""
import copy

import pytest
import torch
from mmpretrain.models import VisionTransformer

from mmguided.models import DenseViT, MaskedViT
from mmguided.ops import merge_windows, split_windows
from mmguided.utils.errors import ConfigError

ARCH = dict(embed_dims=32, num_layers=4, num_heads=2, feedforward_channels=64)


def pretrained(img=64, patch=8):
    torch.manual_seed(0)
    encoder = MaskedViT(ARCH, img, patch)
    encoder.init_weights()
    for parameter in encoder.parameters():  # biases and norms too
        parameter.data += .1 * torch.randn_like(parameter)
    encoder.eval()
    return encoder


def dense(encoder, **kwargs):
    """With every weight of the encoder, strictly."""
    model = DenseViT(ARCH, encoder.img_size, encoder.patch_size, **kwargs)
    model.load_state_dict(encoder.state_dict(), strict=True)
    model.eval()
    return model


@pytest.mark.parametrize('kwargs', [
    dict(), dict(window_size=8), dict(window_size=100, global_blocks=[1])])
def test_at_the_size_of_pretraining_it_is_the_pretraining_encoder(kwargs):
    """With a window that covers the image too: window attention is then full attention."""
    encoder = pretrained()
    images = torch.randn(2, 3, 64, 64)
    expected = encoder.tokens(images)[:, 1:].transpose(1, 2).unflatten(2, (8, 8))
    result, = dense(encoder, **kwargs)(images)
    torch.testing.assert_close(result, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('size', [(64, 64), (48, 80), (120, 40), (96, 96)])
def test_positions_and_taps_are_mmpretrains(size):
    encoder = pretrained()
    taps = [0, 2, 3]
    theirs = VisionTransformer(ARCH, 64, 8, out_type='featmap', out_indices=list(taps))
    theirs.eval()
    theirs.load_state_dict(encoder.state_dict(), strict=True)
    images = torch.randn(2, 3, *size)
    maps = dense(encoder, out_indices=taps)(images)
    assert [m.shape[-2:] for m in maps] == [(size[0] // 8, size[1] // 8)] * 3
    for ours, expected in zip(maps, theirs(images), strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-5)


def test_images_are_padded_to_whole_patches():
    model = dense(pretrained())
    images = torch.randn(1, 3, 61, 50)
    padded = torch.zeros(1, 3, 64, 56)
    padded[..., :61, :50] = images
    assert torch.equal(model(images)[0], model(padded)[0])


@pytest.mark.parametrize('grid, size', [((8, 8), (4, 4)), ((7, 10), (4, 3)), ((5, 3), (5, 3)),
                                        ((6, 9), (4, 9))])
def test_windows_by_hand_and_back(grid, size):
    tokens = torch.arange(1., 1 + grid[0] * grid[1]).view(1, -1, 1).repeat(2, 1, 1)
    windows, padding = split_windows(tokens, grid, size)
    image = tokens[0, :, 0].view(grid)
    rows, columns = -(-grid[0] // size[0]), -(-grid[1] // size[1])
    for w in range(rows * columns):
        top, left = w // columns * size[0], w % columns * size[1]
        expected = image[top:top + size[0], left:left + size[1]].flatten()
        real = windows[0, w, :, 0]
        if padding is not None:
            assert torch.equal(real == 0, padding[w])
            real = real[~padding[w]]
        assert torch.equal(real, expected)
    assert torch.equal(merge_windows(windows, grid, size), tokens)


@pytest.mark.parametrize('size', [(64, 64), (56, 40)])
def test_a_windowed_block_by_hand(size):
    """Each window by itself with [CLS] in it; [CLS] the mean; filling is seen by none."""
    model = dense(pretrained(), window_size=3)
    grid = (size[0] // 8, size[1] // 8)
    layer = model.layers[1]
    x = torch.randn(2, 1 + grid[0] * grid[1], 32)
    attention = layer.attn(layer.ln1(x))  # global, to be replaced
    y = layer.ln1(x)
    image = torch.arange(grid[0] * grid[1]).view(grid)
    expected, heads = attention.clone(), []
    for top in range(0, grid[0], 3):
        for left in range(0, grid[1], 3):
            ids = image[top:top + 3, left:left + 3].flatten()
            window = torch.cat((y[:, :1], y[:, 1 + ids]), dim=1)
            out = layer.attn(window)
            heads.append(out[:, 0])
            expected[:, 1 + ids] = out[:, 1:]
    expected[:, 0] = torch.stack(heads).mean(0)
    expected = x + expected
    expected = layer.ffn(layer.ln2(expected), identity=expected)
    torch.testing.assert_close(
        model._windowed_block(layer, x, grid), expected, rtol=1e-5, atol=1e-5)


def test_information_stays_in_windows_but_for_cls_and_global_blocks():
    encoder = pretrained()
    images = torch.randn(1, 3, 64, 64, requires_grad=True)

    def reached(**kwargs):
        model = dense(encoder, window_size=4, **kwargs)
        model.cls_token.data.zero_()
        result, = model(images)
        return torch.autograd.grad(result[0, :, 0, 0].square().sum(), images)[0].abs().sum(1)[0]

    inside = reached(global_blocks=[0])
    assert (inside > 0).all()
    local = reached(out_indices=[0])  # one windowed block: the window's 32 x 32 pixels alone
    assert (local[:32, :32] > 0).all()
    assert (local[32:] == 0).all() and (local[:, 32:] == 0).all()


def test_checkpointing_changes_memory_alone():
    encoder = pretrained()
    images = torch.randn(2, 3, 64, 64)
    gradients = []
    for with_cp in (False, True):
        model = dense(encoder, window_size=3, global_blocks=[3], with_cp=with_cp)
        model.train()
        model(images)[0].square().mean().backward()
        gradients.append({k: p.grad for k, p in model.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, msg=name)


@pytest.mark.parametrize('kwargs, said', [
    (dict(window_size=0), 'window_size=0'),
    (dict(window_size=3, global_blocks=[4]), r'global_blocks=\[4\].*0\.\.3')])
def test_errors(kwargs, said):
    with pytest.raises(ConfigError, match=said):
        DenseViT(copy.deepcopy(ARCH), 64, 8, **kwargs)
