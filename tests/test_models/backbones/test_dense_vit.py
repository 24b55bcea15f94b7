"""DenseViT: parity with the pretraining encoder, any input size, windows."""
from functools import partial

import pytest
import torch
from mmpretrain.models import VisionTransformer

from mmguided.models import DenseViT, MaskedViT
from tests.helpers.models import as_trained, check_checkpointing, tokens

NEEDS_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
ARCH = dict(embed_dims=32, num_layers=4, num_heads=2, feedforward_channels=64)


def pretrained():
    torch.manual_seed(0)
    encoder = MaskedViT(ARCH, 64, 8)
    encoder.init_weights()
    return as_trained(encoder).eval()


def dense(encoder, **kwargs):
    """DenseViT with all weights of the encoder."""
    model = DenseViT(ARCH, encoder.img_size, encoder.patch_size, **kwargs)
    model.load_state_dict(encoder.state_dict(), strict=True)
    return model.eval()


@pytest.mark.parametrize('kwargs', [
    dict(), dict(window_size=8), dict(window_size=100, global_blocks=[1])])
def test_at_the_size_of_pretraining_it_is_the_pretraining_encoder(kwargs):
    """A window that covers the image equals full attention."""
    encoder = pretrained()
    images = torch.randn(2, 3, 64, 64)
    expected = tokens(encoder, images)[:, 1:].transpose(1, 2).unflatten(2, (8, 8))
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


@pytest.mark.parametrize('size, side', [((64, 64), 3), ((56, 40), 3), ((24, 80), 5)])
def test_a_windowed_block_by_hand(size, side):
    """Each window attends with [CLS]; [CLS] is the mean over windows; padding is masked."""
    model = dense(pretrained(), window_size=side)
    grid = (size[0] // 8, size[1] // 8)
    layer = model.layers[1]
    x = torch.randn(2, 1 + grid[0] * grid[1], 32)
    attention = layer.attn(layer.ln1(x))  # global, to be replaced
    y = layer.ln1(x)
    image = torch.arange(grid[0] * grid[1]).view(grid)
    expected, heads = attention.clone(), []
    for top in range(0, grid[0], side):
        for left in range(0, grid[1], side):
            ids = image[top:top + side, left:left + side].flatten()
            window = torch.cat((y[:, :1], y[:, 1 + ids]), dim=1)
            out = layer.attn(window)
            heads.append(out[:, 0])
            expected[:, 1 + ids] = out[:, 1:]
    expected[:, 0] = torch.stack(heads).mean(0)
    expected = x + expected
    expected = layer.ffn(layer.ln2(expected), identity=expected)
    result = model._windowed_block(layer, x, grid)
    torch.testing.assert_close(result, expected, rtol=1e-5, atol=1e-5)


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


def test_blocks_may_be_counted_from_the_end():
    encoder, images = pretrained(), torch.randn(1, 3, 64, 64)
    maps, same = (dense(encoder, window_size=3, global_blocks=blocks, out_indices=taps)(images)
                  for blocks, taps in (([1, 3], [1, 3]), ([-3, -1], [-3, -1])))
    assert len(maps) == 2
    for ours, expected in zip(same, maps, strict=True):
        assert torch.equal(ours, expected)
    last, = dense(encoder, out_indices=2)(images)  # and one block need not be in a list
    assert torch.equal(last, dense(encoder, out_indices=(2, 3))(images)[0])


@pytest.mark.parametrize('final_norm', [True, False])
@pytest.mark.parametrize('taps, learning', [([0, 2], 3), ([1, 3], 4)])
def test_blocks_behind_the_last_tap_are_neither_run_nor_trained(taps, learning, final_norm):
    """They are frozen, as DistributedDataParallel requires."""
    model = DenseViT(ARCH, 64, 8, window_size=3, out_indices=taps, final_norm=final_norm)
    for layer in model.layers[learning:]:
        layer.register_forward_hook(lambda *_: pytest.fail('ran'))
    sum(m.square().sum() for m in model(torch.randn(1, 3, 64, 64))).backward()
    for name, p in model.named_parameters():
        assert p.requires_grad == (p.grad is not None), name
    blocks = [layer.attn.qkv.weight.requires_grad for layer in model.layers]
    assert blocks == [True] * learning + [False] * (4 - learning)
    if final_norm:
        assert model.ln1.weight.requires_grad == (learning == 4)


def test_blocks_that_are_left_out_are_reported(capsys):
    """A larger encoder with the block indices of a smaller one."""
    for settings, expected in (
            (dict(out_indices=(1, )), 'out_indices=[1]: blocks 2 to 3 of the encoder do not run'),
            (dict(window_size=2, global_blocks=(1, )), 'the last block, 3, has no full attention'),
            (dict(out_indices=(2, ), window_size=2, global_blocks=(2, )), 'blocks 3 to 3'),
            (dict(window_size=2, global_blocks=(1, 3)), '')):
        DenseViT(ARCH, 64, 8, **settings)
        log = capsys.readouterr().out
        assert expected in log and log.count('backbone.') == bool(expected)


def test_checkpointing_changes_memory_alone():
    """Drop path and dropout repeat those of the first pass."""
    check_checkpointing(
        partial(dense, pretrained(), window_size=3, global_blocks=[3], drop_path_rate=.5,
                drop_rate=.2), saving=4)


@pytest.mark.parametrize('device, dtype', [
    ('cpu', torch.bfloat16),
    pytest.param('cuda', torch.float16, marks=NEEDS_GPU),
    pytest.param('cuda', torch.bfloat16, marks=NEEDS_GPU)])
def test_mixed_precision(device, dtype):
    """Maps and gradients match full precision up to rounding."""
    model = dense(pretrained(), window_size=3, global_blocks=[3], with_cp=True).to(device)
    images, weight = torch.randn(2, 3, 61, 90).to(device), torch.randn(2, 32, 8, 12).to(device)
    model.train()  # with_cp; there is no dropout
    runs = []
    for enabled in (False, True):
        with torch.autocast(device, dtype, enabled=enabled):
            result, = model(images)
        (result.float() * weight).sum().backward()
        runs.append(dict(map=result.detach().float()) | {
            k: p.grad for k, p in model.named_parameters()})
        model.zero_grad(set_to_none=True)
    for name, expected in runs[0].items():
        error = (runs[1][name] - expected).norm() / expected.norm()
        assert error < .03, f'{name}: {error}'


def test_attention_dropout_acts_in_windows_too():
    model = dense(pretrained(), window_size=3, layer_cfgs=dict(attn_drop_rate=.5))
    images = torch.randn(1, 3, 64, 64)
    assert torch.equal(*(model(images)[0] for _ in range(2)))
    model.train()
    assert not torch.equal(*(model(images)[0] for _ in range(2)))


def test_frozen_blocks_drop_no_path():
    model = dense(pretrained(), frozen_stages=2, drop_path_rate=.5)
    model.train()
    assert [layer.training for layer in model.layers] == [False, False, True, True]
    assert model.training and not model.patch_embed.training
    assert [next(layer.parameters()).requires_grad for layer in model.layers] == [
        False, False, True, True]


@pytest.mark.parametrize('final_norm', [True, False])
def test_a_checkpoint_is_loaded_whole_but_for_a_final_norm_that_is_not_used(final_norm, tmp_path):
    encoder, images = pretrained(), torch.randn(1, 3, 64, 64)
    state = {f'backbone.{k}': v for k, v in encoder.state_dict().items()}
    torch.save(state, tmp_path / 'encoder.pth')
    model = DenseViT(ARCH, 64, 8, final_norm=final_norm, init_cfg=dict(
        type='Pretrained', checkpoint=str(tmp_path / 'encoder.pth'), prefix='backbone.'))
    model.init_weights()
    last = model.eval()(images)[0].flatten(2).transpose(1, 2)
    normed = last if final_norm else encoder.ln1(last)
    torch.testing.assert_close(normed, tokens(encoder, images)[:, 1:])
