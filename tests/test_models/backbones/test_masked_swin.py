"""MaskedSwin: mask tokens of each shot, no leaks, parity with mmpretrain."""
import pytest
import torch
from mmpretrain.models import SwinTransformer
from torch import nn

from mmguided.models import MaskedSwin, ReconstructionHead
from mmguided.ops import patchify, unpatchify
from mmguided.registry import MODELS
from mmguided.structures import PatchMask
from mmguided.utils.errors import ConfigError
from tests.helpers.models import (
    SMALL,
    as_trained,
    build,
    expand,
    gradients_in_two_precisions,
    pixels_that_reach,
)

ARCH = dict(embed_dims=24, depths=[2, 2, 2, 2], num_heads=[2, 2, 4, 4])
SIZE = (96, 128)  # 3 x 4 units, 24 x 32 tokens of the first stage
GRID = (3, 4)
KWARGS = dict(arch=ARCH, img_size=SIZE, window_size=2, drop_path_rate=0.)
SHOTS = ((0, 6), (3, 4))


def swin(mask_stages=(0, 3), **kwargs):
    model = MaskedSwin(**KWARGS | kwargs, mask_stages=mask_stages)
    model.init_weights()
    return as_trained(model)


def random_mask(shots=SHOTS, num=12):
    return PatchMask.from_ids(torch.rand(2, num).argsort(1), shots, GRID)


def stage_inputs(model, images, mask):
    """Input of each stage, ``(B, H, W, C)``."""
    inputs, hooks = [], []
    for stage in model.stages:
        hooks.append(stage.register_forward_pre_hook(
            lambda _, args: inputs.append(args[0].unflatten(1, args[1]))))
    model(images, mask)
    for hook in hooks:
        hook.remove()
    return inputs


def replaced(x, shot, number, token):
    """Reference: replace the units of a shot one by one."""
    x, side = x.clone(), x.shape[1] // GRID[0]
    for b in range(len(x)):
        for i in range(GRID[0]):
            for j in range(GRID[1]):
                if shot[b, i * GRID[1] + j] == number:
                    x[b, i * side:(i + 1) * side, j * side:(j + 1) * side] = token
    return x


@torch.no_grad()
def test_each_shot_replaces_the_tokens_of_its_units_and_no_other():
    model = swin()
    images = torch.randn(2, 3, *SIZE)
    both = random_mask()
    first = PatchMask.from_ids(both.ids_shuffle, SHOTS[:1], GRID)
    nothing, one, two = (
        stage_inputs(model, images, mask) for mask in (None, first, both))
    assert nothing[0].shape[1:3] == (24, 32) and nothing[3].shape[1:3] == GRID
    assert torch.equal(two[0], replaced(nothing[0], both.shot, 1, model.mask_token.flatten()))
    assert torch.equal(two[1], one[1]) and torch.equal(two[2], one[2])
    token = model.stage_mask_tokens['3'].flatten()
    assert torch.equal(two[3], replaced(one[3], both.shot, 2, token))
    assert not torch.equal(one[3], nothing[3])


def test_a_unit_masked_later_gets_in_only_by_attention_of_earlier_stages():
    model = swin()
    images, mask, outputs = torch.randn(2, 3, *SIZE), random_mask(), []
    model.stages[2].register_forward_hook(lambda _, args, out: outputs.append(out[0]))
    gradient, = torch.autograd.grad(model(images, mask).square().sum(), outputs)
    assert torch.equal(gradient.abs().amax(-1) > 0, mask.shot != 2)
    for stage in model.stages[:3]:
        for block in stage.blocks:
            nn.init.zeros_(block.attn.w_msa.proj.weight)
    visible = expand(mask.shot == 0, GRID, 32)
    assert torch.equal(pixels_that_reach(model, images, mask), visible)


@pytest.mark.parametrize('kwargs', [
    dict(out_indices=(0, 1, 2, 3)),
    dict(out_indices=(1, 3), out_after_downsample=True, pad_small_map=True),
])
@torch.no_grad()
def test_unmasked_it_is_mmpretrains_and_its_weights_load_there(kwargs):
    model = swin(**kwargs)
    plain = SwinTransformer(**KWARGS | kwargs)
    missing, unexpected = plain.load_state_dict(model.state_dict(), strict=False)
    assert not missing and sorted(unexpected) == ['mask_token', 'stage_mask_tokens.3']
    for size in (SIZE, (72, 100)):  # the second does not fit the units: mmpretrain pads
        images = torch.randn(2, 3, *size)
        ours, theirs = model(images), plain(images)
        assert len(ours) == len(theirs) == len(kwargs['out_indices'])
        assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_one_shot_is_mmpretrains_simmim():
    """Latents, predictions, loss and gradients."""
    model = swin(mask_stages=(0, ))
    theirs = MODELS.build(dict(
        type='mmpretrain.SimMIMSwinTransformer',
        arch=ARCH,
        img_size=SIZE,
        drop_path_rate=0.,
        stage_cfgs=dict(block_cfgs=dict(window_size=2))))
    theirs.load_state_dict(model.state_dict(), strict=True)
    images, mask = torch.randn(2, 3, *SIZE), random_mask(((0, 5), ))
    tokens = mask.mask.view(2, *GRID).repeat_interleave(8, 1).repeat_interleave(8, 2)
    latent, (their_latent, ) = model(images, mask), theirs(images, tokens)
    assert torch.equal(latent, their_latent.flatten(2).transpose(1, 2))

    ours = ReconstructionHead(in_dims=192, out_dims=3 * 32**2, depth=0, loss='l1', init_cfg=None)
    shuffle = MODELS.build(
        dict(type='mmpretrain.SimMIMLinearDecoder', in_channels=192, encoder_stride=32))
    with torch.no_grad():
        for weight, conv in zip(ours.decoder_pred.parameters(), shuffle.decoder[0].parameters(),
                                strict=True):
            # From color, row, column of a unit to row, column, color.
            weight.copy_(conv.view(3, 32, 32, -1).permute(1, 2, 0, 3).reshape(weight.shape))
    pred, their_pred = ours.predict([latent]), shuffle(their_latent)
    torch.testing.assert_close(unpatchify(pred, 32, GRID), their_pred, rtol=1e-4, atol=1e-5)

    loss = ours([latent], patchify(images, 32), mask.mask)
    head = MODELS.build(dict(
        type='mmpretrain.SimMIMHead',
        patch_size=4,
        loss=dict(type='PixelReconstructionLoss', criterion='L1', channel=3)))
    their_loss = head.loss(their_pred, images, tokens)
    assert loss.item() == pytest.approx(their_loss.item(), rel=1e-5)
    loss.backward()
    their_loss.backward()
    for (name, a), b in zip(model.named_parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(
            a.grad, b.grad, rtol=1e-3, atol=1e-3 * b.grad.square().mean().sqrt().item(), msg=name)


def test_initialization_is_simmims():
    torch.manual_seed(0)
    model = MaskedSwin(**KWARGS, mask_stages=(0, 3))
    model.init_weights()
    block = model.stages[3].blocks[1]
    tokens = model.mask_token, model.stage_mask_tokens['3']
    assert [token.numel() for token in tokens] == [24, 192]
    for weight in (*tokens, block.attn.w_msa.qkv.weight, block.ffn.layers[1].weight,
                   model.stages[0].downsample.reduction.weight,
                   block.attn.w_msa.relative_position_bias_table):
        assert weight.std().item() == pytest.approx(.02, rel=.25)
    assert not block.attn.w_msa.qkv.bias.any()


def test_weights_of_a_checkpoint_survive_the_initialization(tmp_path):
    model = swin(mask_stages=(0, ))
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'swin.pth')
    other = MaskedSwin(**KWARGS, mask_stages=(0, 3), init_cfg=dict(
        type='Pretrained', checkpoint=str(tmp_path / 'swin.pth')))
    other.init_weights()
    state = other.state_dict()
    assert state.pop('stage_mask_tokens.3').std() > .01, 'new in this model'
    assert state.keys() == model.state_dict().keys()
    assert all(torch.equal(state[k], v) for k, v in model.state_dict().items())


def test_a_shot_before_a_stage_without_mask_token_is_told():
    with pytest.raises(ConfigError, match=r'mask_stages=\(0,\): .*stage 3'):
        swin(mask_stages=(0, )).check_shots([0, 3])


def test_units_follow_from_the_strides():
    arch = dict(ARCH, depths=[1, 1, 1], num_heads=[2, 2, 2])
    model = MaskedSwin(arch, (48, 64), out_indices=(2, ), patch_size=2)
    assert (model.patch_size, model.patch_resolution) == (8, (6, 8))
    assert (model.embed_dims, model.num_layers) == (96, 3)
    assert model.patch_grid(torch.empty(1, 3, 16, 40)) == (2, 5)
    assert not hasattr(MaskedSwin(**KWARGS, mask_stages=(1, )), 'mask_token')


def algorithm(shots):
    model = build(
        'ConditionalMAE', dict(SMALL), neck=None,
        backbone=dict(type='mmguided.MaskedSwin', **KWARGS, mask_stages=list(dict(shots))),
        mask_generator=dict(type='mmguided.MaskGenerator', shots=shots),
        target_generator=dict(type='mmguided.PixelTarget', norm_pix=False),
        head=dict(type='mmguided.ReconstructionHead', loss='l1', init_cfg=None))
    model.init_weights()
    return model


@pytest.mark.parametrize('shots', [[(0, .6)], [(0, .6), (3, .3)]])
def test_every_parameter_is_trained(shots):
    exact, coarse = gradients_in_two_precisions(algorithm(shots), torch.randn(4, 3, *SIZE))
    for name in exact:
        if 'token' in name:
            torch.testing.assert_close(coarse[name], exact[name], rtol=.1, atol=0)


def test_mask_tokens_leave_the_dtype_as_it_is():
    with torch.autocast('cpu', torch.bfloat16):
        inputs = [stage_inputs(swin(), torch.randn(2, 3, *SIZE), m) for m in (random_mask(), None)]
    dtypes, expected = ([x.dtype for x in of_stages] for of_stages in inputs)
    assert dtypes == expected and dtypes[3] == torch.bfloat16


def test_norms_that_masked_passes_do_not_use_are_frozen():
    model = swin(out_indices=(0, 1, 2, 3))
    model(torch.randn(2, 3, *SIZE), random_mask()).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.requires_grad == (parameter.grad is not None), name
