"""CMT-MAE: encoder passes of both stages, Eq. 4 by hand, gradients."""
from collections import Counter

import pytest
import torch
from torch import nn

from mmguided.utils.errors import ConfigError
from tests.helpers.cmt_mae import STAGES, cmt_mae
from tests.helpers.models import SMALL, as_trained, build, make_mask, total


def losses_at(model, epoch, images):
    """Losses at an epoch of a run of 8 epochs, with gradients."""
    model.clock.set(epoch, 8)
    model.zero_grad()
    torch.manual_seed(0)
    losses = model(images, mode='loss')
    total(losses).backward()
    return losses


@pytest.mark.parametrize('alpha, alpha_mask, passes', [
    (STAGES, STAGES, dict(first=(1, 0), second=(1, 1))),
    (STAGES, 0., dict(first=(1, 0), second=(1, 1))),
    (dict(STAGES, end=1.), dict(STAGES, end=1.), dict(first=(1, 0), second=(0, 1))),
])
def test_one_pass_of_each_encoder_that_has_a_weight(alpha, alpha_mask, passes):
    model, images, calls = cmt_mae(alpha, alpha_mask), torch.randn(2, 3, 32, 32), Counter()
    model.teacher.model.register_forward_hook(lambda *args: calls.update(['teacher']))
    model.momentum_encoder.encoder.layers[-1].ffn.register_forward_hook(
        lambda *args: calls.update(['momentum']))
    for stage, epoch in (('first', .9), ('second', 1.)):
        calls.clear()
        losses_at(model, epoch, images)
        assert (calls['teacher'], calls['momentum']) == passes[stage], stage


@pytest.mark.parametrize('norm', [True, False])
def test_the_loss_is_eq_4(norm):
    target = dict(type='mmguided.FeatureTarget', norm=norm)
    model = cmt_mae(target_generator=dict(target, source='teacher'), student_target=target)
    images = torch.randn(2, 3, 32, 32)
    for epoch, alpha in ((0., 0.), (4., .3)):
        losses = losses_at(model, epoch, images)
        torch.manual_seed(0)
        seen = model.observe(images)
        mask, _ = model.make_mask(images, seen)
        states = model.decode(model.backbone(images, mask), mask)
        parts = dict(teacher=(model.head, 24, 1 - alpha), student=(model.student_head, 32, alpha))
        for name, (head, dims, weight) in parts.items():
            if not weight:
                assert losses[f'loss_{name}'] == 0  # the log would repeat an earlier value
                continue
            tokens = seen['momentum' if name == 'student' else name].tokens[:, 1:]
            centered = tokens - tokens.mean(-1, keepdim=True)
            target = centered / (centered.square().mean(-1, keepdim=True) + 1e-5).sqrt() if (
                norm) else tokens
            pred = nn.functional.linear(
                states[-1], head.decoder_pred.weight, head.decoder_pred.bias)
            assert pred.shape[-1] == dims
            norms = ((target - pred)**2).sum(-1)  # ||f - f^||^2 of each patch
            error = norms[mask.mask.bool()].mean()
            torch.testing.assert_close(losses[f'loss_{name}'], weight * error)
            torch.testing.assert_close(losses[f'error_{name}'], error.detach())
        assert ('error_student' in losses) == (alpha > 0)


def test_gradients_of_both_stages():
    """All trained parameters get a gradient in both stages, except for the student head in the
    first."""
    model, images = cmt_mae(), torch.randn(2, 3, 32, 32)
    for epoch in (0., 4.):
        losses_at(model, epoch, images)
        for name, parameter in model.named_parameters():
            if name.startswith('momentum_encoder') or name.endswith('pos_embed'):
                assert parameter.grad is None and not parameter.requires_grad, name
            elif name.startswith('student_head') and epoch == 0:
                assert parameter.grad is None
            else:
                assert parameter.grad is not None, name
        assert model.head.decoder_pred.weight.grad.norm() > 0
        assert model.backbone.layers[0].attn.qkv.weight.grad.norm() > 0
        assert all(p.grad is None for p in model.teacher.model.parameters())
    assert model.student_head.decoder_pred.weight.grad.norm() > 0


def test_the_second_head_neither_trains_nor_decays_while_its_weight_is_0():
    model, images = cmt_mae(), torch.randn(2, 3, 32, 32)
    optimizer = torch.optim.AdamW(model.parameters(), lr=.01, weight_decay=.5)
    heads = [model.head, model.student_head]
    for epoch, trained in ((0., [True, False]), (.5, [True, False]), (1., [True, True])):
        before = [head.decoder_pred.weight.detach().clone() for head in heads]
        losses_at(model, epoch, images)
        optimizer.step()
        assert [not torch.equal(head.decoder_pred.weight, weight)
                for head, weight in zip(heads, before, strict=True)] == trained


@pytest.mark.parametrize('parts, message', [
    (dict(alpha=dict(start=1., end=0.)), r"model\.alpha=0: "),
    (dict(alpha=0), r"model\.alpha=0: .*'mmguided\.MAE'"),
    (dict(alpha=1.5), 'model.alpha='),
    (dict(momentum_encoder=None), "source='momentum'"),
])
def test_what_cannot_be_is_refused(parts, message):
    with pytest.raises(ConfigError, match=message):
        cmt_mae(**parts)


def test_attmask_with_hints_is_parts_of_mae():
    """Of the top 12 of 16 patches by EMA attention, 3 stay visible at the start of the run, none at
    its end."""
    model = as_trained(build(
        'MAE', SMALL, momentum_encoder=dict(type='mmguided.MomentumEncoder'),
        mask_generator=dict(
            type='mmguided.MaskGenerator',
            sampling=dict(
                type='mmguided.HintSampling', sampling=dict(type='mmguided.TopKSampling'),
                ratio=dict(start=.25, end=0., ramp=1., relative=True)),
            guidance=dict(type='mmguided.ClsAttention', source='momentum', layers=[-1]))))
    images = torch.randn(3, 3, 32, 32)
    assert model.mask_generator.is_scheduled
    for epoch, hints in ((0, 3), (4, 2), (8, 0)):
        model.clock.set(epoch, 8)
        row = model.observe(images)['momentum'].attention[1, 'heads']
        mask, log_vars = make_mask(model, images)
        assert (mask.mask.sum(1) == 12).all()
        highest = mask.mask.gather(1, row.topk(12, dim=1).indices)
        assert (highest.sum(1) == 12 - hints).all()
        assert log_vars['topk_overlap'] == 1 - hints / 12
