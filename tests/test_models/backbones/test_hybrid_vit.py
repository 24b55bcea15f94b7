"""MaskedHybridViT: no leak of masked patches; equal with and without a mask."""
import pytest
import torch
import torch.nn.functional as F
from mmengine.runner import save_checkpoint

from mmguided.models import MaskedHybridViT, MaskedViT
from mmguided.structures import PatchMask
from mmguided.utils.errors import ConfigError
from tests.helpers.models import (
    as_trained,
    build,
    check_checkpointing,
    gradients_in_two_precisions,
    patch_mask,
    tokens,
)

ARCH = dict(
    embed_dims=32,
    num_layers=3,
    num_heads=2,
    feedforward_channels=64,
    stage_dims=(12, 20),
    stage_depths=(2, 1))
GEOMETRY = dict(img=32, patch=8, dim=32, depth=3, heads=2, ddim=16, ddepth=1, dheads=2)
# Image, strides, patches: square and not, patches of 4, 8 and 16 pixels.
SIZES = [((16, 24), (2, 2, 1), 24), ((32, 32), (2, 2, 2), 16), ((64, 48), (4, 2, 2), 12)]


def hybrid(img_size=(16, 24), strides=(2, 2, 1), **kwargs):
    model = MaskedHybridViT(ARCH, img_size, strides, **kwargs)
    model.init_weights()
    return model


def everything(num_patches, batch=2):
    grid = (4, num_patches // 4)
    return patch_mask(torch.arange(num_patches).expand(batch, -1), num_patches, grid)


@pytest.mark.parametrize('kwargs', [{}, dict(final_norm=False), dict(pre_norm=True)])
@pytest.mark.parametrize('size, strides, length', SIZES)
def test_a_mask_that_hides_nothing_changes_nothing(size, strides, length, kwargs):
    model = as_trained(hybrid(size, strides, **kwargs))
    images = torch.randn(2, 3, *size)
    unmasked, = model(images)
    close = dict(rtol=1e-6, atol=1e-5 * unmasked.abs().max().item())
    torch.testing.assert_close(model(images, everything(length)), unmasked, **close)
    torch.testing.assert_close(tokens(model, images), unmasked, **close)
    order = torch.rand(2, length).argsort(1)
    shuffled = model(images, patch_mask(order.argsort(1), length, model.patch_resolution))
    expected = unmasked[:, 1:].gather(1, order.unsqueeze(-1).expand(-1, -1, 32))
    torch.testing.assert_close(shuffled[:, 1:], expected, **close)
    torch.testing.assert_close(shuffled[:, 0], unmasked[:, 0], **close)


@pytest.mark.parametrize('shots', [((0, 3), ), ((0, 4), (2, 2))])
def test_network_is_that_of_the_paper(shots):
    """Reference: the paper's equations with NCHW convolutions. Only the first shot masks the
    stages. The fusion adds the stages at the same position to each remaining patch."""
    model = as_trained(hybrid((32, 48), (4, 2, 2)))
    images = torch.randn(2, 3, 32, 48)
    mask = PatchMask.from_ids(torch.rand(2, 6).argsort(1), shots, (2, 3))

    def norm(layer, x):
        return layer(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    def conv1x1(layer, x):
        return F.conv2d(x, layer.weight[:, :, None, None], layer.bias)

    x, fused = images, 0
    for i, stage in enumerate(model.patch_embed.stages):
        x = F.gelu(norm(stage.norm, stage.projection(x)))
        visible = (~mask.mask_at(0)).float().view(2, 1, 2, 3)
        visible = F.interpolate(visible, x.shape[2:], mode='nearest')
        for block in stage.blocks:
            y = visible * conv1x1(block.value, norm(block.ln1, x))
            x = x + conv1x1(block.proj, block.depthwise(y))
            first, second = block.ffn.layers[0][0], block.ffn.layers[1]
            x = x + conv1x1(second, F.gelu(conv1x1(first, norm(block.ln2, x))))
        if i < 2:
            fused = fused + model.fusion[i](x)
    x = model.patch_embed.proj(x.flatten(2).transpose(1, 2)) + model.pos_embed[:, 1:]

    def kept(tokens, ids):
        return torch.stack([t[of_image] for t, of_image in zip(tokens, ids, strict=True)])

    cls_token = (model.cls_token + model.pos_embed[:, :1]).expand(2, -1, -1)
    x = torch.cat((cls_token, kept(x, mask.ids_keep_at(0))), 1)
    for i, layer in enumerate(model.layers):
        x = layer(x[:, :1 + mask.len_keep_at(i)])
    x[:, 1:] += kept(fused.flatten(2).transpose(1, 2), mask.ids_keep)
    torch.testing.assert_close(model(images, mask), model.ln1(x), rtol=1e-4, atol=1e-5)


def test_stochastic_depth_grows_over_convolutional_and_transformer_blocks():
    model = hybrid(drop_path_rate=.5)
    rates = [b.drop_path.drop_prob for s in model.patch_embed.stages for b in s.blocks]
    rates += [layer.attn.out_drop.drop_prob for layer in model.layers]
    assert rates == pytest.approx([0, .1, .2, .3, .4, .5])
    assert [b.ffn.dropout_layer.drop_prob
            for s in model.patch_embed.stages for b in s.blocks] == pytest.approx(rates[:3])
    own = hybrid(drop_path_rate=.5, layer_cfgs=[dict(drop_path_rate=.7), {}, {}])
    assert [layer.attn.out_drop.drop_prob for layer in own.layers] == pytest.approx([.7, .4, .5])


def test_parameters_of_base():
    """ConvMAE reports 88 M; here with [CLS], without the fixed position embedding."""
    with torch.device('meta'):
        model = MaskedHybridViT()
    assert sum(p.numel() for k, p in model.named_parameters() if k != 'pos_embed') == 88_782_976
    assert model.patch_size == 16 and model.patch_resolution == (14, 14)


def test_layer_depths():
    model = hybrid()
    depths = {name: model.get_layer_depth(f'backbone.{name}', 'backbone.')
              for name in model.state_dict()}
    assert set(depths.values()) == {(i, 5) for i in range(5)}
    expected = dict(cls_token=0, pos_embed=0, patch_embed=0, fusion=4, ln1=4)
    for name, (depth, _) in depths.items():
        part, *rest = name.split('.')
        assert depth == (int(rest[0]) + 1 if part == 'layers' else expected[part]), name


def test_mae_trains_every_parameter():
    backbone = dict(type='mmguided.MaskedHybridViT', arch=ARCH, img_size=32, strides=(2, 2, 2))
    guided = dict(type='mmguided.MaskGenerator', guidance=dict(type='mmguided.ClsAttention'),
                  sampling=dict(type='mmguided.ImportanceSampling'))
    model = build('MAE', GEOMETRY, backbone=backbone, mask_generator=guided)
    model.init_weights()
    assert not model.backbone.pos_embed.requires_grad
    gradients_in_two_precisions(model, torch.randn(4, 3, 32, 32))


def test_initialization_is_maes_and_xavier_over_the_flattened_kernel():
    model = hybrid()
    block = model.patch_embed.stages[0].blocks[0]
    for weight, fans in ((block.value.weight, 24), (block.ffn.layers[0][0].weight, 60),
                         (block.depthwise.weight, 12 + 25), (model.fusion[0].weight, 32 + 48)):
        assert .9 * (6 / fans)**.5 < weight.abs().max() <= (6 / fans)**.5
    assert block.value.bias.abs().max() == 0


def test_frozen_stages_freeze_the_convolutions_and_in_the_end_the_fusion():
    def trained(model):
        return {name.split('.')[0] for name, p in model.named_parameters() if p.requires_grad}

    assert trained(hybrid(frozen_stages=1)) == {'layers', 'fusion', 'ln1'}
    assert not trained(hybrid(frozen_stages=3))


@pytest.mark.parametrize('checkpoint', [
    MaskedViT({k: v for k, v in ARCH.items() if 'stage' not in k}, (16, 24), 4),
    MaskedHybridViT(dict(ARCH, stage_dims=(12, 24)), (16, 24), (2, 2, 1)),
    MaskedHybridViT(ARCH, (16, 24), (2, 1, 2)),
])
def test_checkpoint_of_another_encoder_is_refused(tmp_path, checkpoint):
    path = str(tmp_path / 'other.pth')
    save_checkpoint(dict(state_dict=checkpoint.state_dict()), path)
    with pytest.raises(ConfigError, match='^checkpoint: the weights do not match this encoder'):
        hybrid(init_cfg=dict(type='Pretrained', checkpoint=path))


def test_checkpointing_includes_the_convolutions():
    mask = patch_mask(torch.rand(2, 16), 4, (4, 4))

    def loss_of(model):
        return model(torch.randn(2, 3, 32, 32), mask).square().mean()

    check_checkpointing(lambda with_cp: hybrid(
        (32, 32), (2, 2, 2), with_cp=with_cp, drop_path_rate=.5), 3, loss_of)
