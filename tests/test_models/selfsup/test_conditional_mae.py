"""Conditional MAE: masks of each shot, information flow, loss by hand."""

import pytest
import torch

from mmguided.models import ConditionalMAE
from mmguided.structures import PatchMask
from mmguided.utils.errors import ConfigError
from tests.helpers.models import build, cls_attention, make_mask, predict

GEOMETRY = dict(img=32, patch=4, dim=24, depth=4, heads=2, ddim=16, ddepth=1, dheads=2)


def shots(*pairs):
    return dict(type='mmguided.MaskGenerator', shots=pairs)


def conditional(*pairs, **parts) -> ConditionalMAE:
    torch.manual_seed(0)
    model = build('ConditionalMAE', GEOMETRY, mask_generator=shots(*pairs), **parts)
    model.init_weights()
    return model


def step(model):
    torch.manual_seed(1)
    losses = model.loss(IMAGES)
    losses['loss_reconstruction'].backward()
    return losses


IMAGES = torch.randn(4, 3, 32, 32)


@pytest.mark.parametrize('weights', ['equal', 'uniform'])
@pytest.mark.parametrize('pairs', [[(0, .75)], [(0, .75), (2, 0)], [(0, .75), (2, 0), (3, 0)]])
def test_one_shot_at_layer_0_is_mae_exactly(pairs, weights):
    """With the same seed, loss and gradients are equal; a shot of ratio 0 changes nothing."""
    ours, theirs = conditional(*pairs, shot_weights=weights), build('MAE', GEOMETRY)
    theirs.load_state_dict(ours.state_dict(), strict=True)
    losses, expected = step(ours), step(theirs)
    assert losses['loss_reconstruction'] == expected['loss_reconstruction']
    assert losses['error_shot_1'] == expected['loss_reconstruction']
    for (name, mine), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert mine.grad is other.grad is None or torch.equal(mine.grad, other.grad), name


@pytest.mark.parametrize('pairs, tokens, by_shot', [
    ([(0, .75), (2, .1)], [16, 16, 14, 14], [14, 48, 2]),
    ([(0, .75), (1, .1), (3, .1)], [16, 14, 14, 12], [12, 48, 2, 2]),
    ([(0, 0), (2, .75)], [64, 64, 16, 16], [16, 0, 48]),
    ([(3, .9)], [64, 64, 64, 6], [6, 58]),
])
def test_counts_per_layer_and_per_shot(pairs, tokens, by_shot):
    model = conditional(*pairs)
    seen = []
    for layer in model.backbone.layers:
        layer.register_forward_hook(lambda module, args, output: seen.append(args[0].shape[1] - 1))
    mask, _ = make_mask(model, IMAGES)
    latent = model.backbone(IMAGES, mask)
    assert seen == tokens and latent.shape[1] == 1 + tokens[-1]
    assert [(mask.shot == s).sum(1).unique().tolist() for s in range(len(by_shot))] == [
        [n] for n in by_shot]
    assert torch.equal(mask.mask, (mask.shot > 0).float())
    for i, n in enumerate(tokens):
        assert (~mask.mask_at(i)).sum(1).unique().tolist() == [n]


def test_information_of_a_dropped_token():
    """A patch of the first shot reaches nothing. A patch dropped before layer 2 reaches the output
    only by attention in layers 0 and 1."""
    model = conditional((0, .5), (2, .25))
    mask, _ = make_mask(model, IMAGES)

    def reaches(attention_cut=False):
        images = IMAGES.clone().requires_grad_()
        embedded = model.backbone.embed(images)
        embedded.retain_grad()
        if attention_cut:
            ids = mask.ids_keep_at(0)[:, :mask.ids_keep.shape[1]]
            latent = model.backbone.encode(embedded, ids)
        else:
            latent = model.backbone.encode(embedded, mask.ids_keep_at(0), mask.shots)
        latent.square().sum().backward()
        return embedded.grad.abs().sum(-1) > 0

    assert torch.equal(reaches(), mask.shot != 1)
    assert torch.equal(reaches(attention_cut=True), mask.shot == 0)

    x = model.backbone._input_tokens(model.backbone.embed(IMAGES), mask.ids_keep_at(0))
    for i, layer in enumerate(model.backbone.layers):
        x = layer(x[:, :1 + mask.len_keep_at(i)])
    torch.testing.assert_close(model.backbone.ln1(x), model.backbone(IMAGES, mask))


@torch.no_grad()
def test_order_is_restored_after_all_shots():
    """Without attention, the pixels of a patch change only its own prediction, if it is visible."""
    model = conditional((0, .5), (1, .25), (3, .5))
    for layer in (*model.backbone.layers, *model.neck.decoder_blocks):
        torch.nn.init.zeros_(layer.attn.proj.weight)
    mask, _ = make_mask(model, IMAGES)
    changed = torch.rand(4, 1, 8, 8) < .5
    other = torch.where(changed.repeat_interleave(4, 2).repeat_interleave(4, 3), -IMAGES, IMAGES)
    before, after = (predict(model, model.backbone(x, mask), mask) for x in (IMAGES, other))
    assert torch.equal((after != before).any(-1), changed.flatten(1) & (mask.shot == 0))


@pytest.mark.parametrize('weights, by_shot', [
    ('equal', (48, 4)), ('uniform', (1, 1)), ('ratio', (.75, .25)), ([2., 5.], (2, 5))])
def test_errors_of_the_shots_make_the_union(weights, by_shot):
    """The mean over all masked patches (Eq. 8), or the weighted mean of the shots' means
    (Table 3)."""
    model = conditional((0, .75), (2, .25), shot_weights=weights,
                        head=dict(type='mmguided.ReconstructionHead', loss_weight=2.))
    losses = step(model)
    torch.manual_seed(1)
    mask, _ = make_mask(model, IMAGES)
    pred = predict(model, model.backbone(IMAGES, mask), mask).detach()
    errors = (pred - model.target_generator(IMAGES, {})).square().mean(-1)
    by_hand = [errors[mask.shot == number].mean() for number in (1, 2)]
    torch.testing.assert_close([losses['error_shot_1'], losses['error_shot_2']], by_hand)
    union = sum(w * error for w, error in zip(by_shot, by_hand, strict=True)) / sum(by_shot)
    torch.testing.assert_close(losses['loss_reconstruction'].detach(), 2 * union)
    assert (by_hand[0] - by_hand[1]).abs() > 1e-3


def test_guided_shots_see_and_score_what_is_left():
    """Top-k by [CLS] attention among the patches present in the second shot."""
    second = dict(
        layer=2,
        mask_ratio=.25,
        sampling=dict(type='mmguided.TopKSampling'),
        guidance=dict(type='mmguided.ClsAttention', layers=[1]))
    model = conditional((0, .75), second)
    mask, log = make_mask(model, IMAGES)
    assert log['topk_overlap_shot_2'] == 1 and log['guided_share_shot_2'] == 1
    first = PatchMask.from_ids(mask.ids_shuffle, mask.shots[:1], mask.grid)
    scores = cls_attention(model.backbone, IMAGES, [1], mask=first)[0]
    most = first.ids_keep.gather(1, scores.topk(4).indices)
    assert torch.equal(most.sort(1).values, (mask.shot == 2).nonzero()[:, 1].view(4, 4))


BLOCKS = dict(layer=2, mask_ratio=.25, sampling=dict(type='mmguided.GridBlockSampling'))


def test_whole_blocks_may_be_masked_by_the_first_shot_that_masks():
    conditional((0, 0), BLOCKS)


@pytest.mark.parametrize('pairs, said', [
    ([(0, .75), (4, .1)], r'layer=4.*0\.\.3'),
    ([(2, .75), (0, .1)], r'shots=\(\(2, 0.75\), \(0, 0.1\)\)'),
    ([(0, .75), (0, .1)], r'shots=\(\(0, 0.75\), \(0, 0.1\)\)'),
    ([(-1, .75)], 'layer=-1'),
    ([], r'shots=\(\)'),
    ([(0, 0), (2, 0)], r'mask_ratio=\[0, 0\]'),
    ([(0, .98), (2, .5)], r'mask_ratio=\[0.98, 0.5\]: .* 0 of 64'),
    ([(0, .75), (2.5, .1)], 'layer=2.5'),
    ([dict(mask_ratio=.75)], r"shots=\{'mask_ratio': 0.75\}"),
    ([dict(layer=0, mask_ratio=.75, guide=None)], "'guide': None"),
    ([(0, .75, 3)], r'shots=\(0, 0.75, 3\)'),
    ([(0, .75), BLOCKS], 'GridBlockSampling before layer 2'),
])
def test_shots_out_of_range_are_told_when_the_model_is_built(pairs, said):
    with pytest.raises(ConfigError, match=said):
        conditional(*pairs)


@pytest.mark.parametrize('weights', ['ratios', [1.], [1., 0.], 1., [float('nan'), 1.]])
def test_wrong_weights_are_told(weights):
    with pytest.raises(ConfigError, match='shot_weights='):
        conditional((0, .75), (2, .1), shot_weights=weights)
