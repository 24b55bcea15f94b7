"""Two processes over gloo against one process on the same global batch."""
from functools import partial
from unittest import mock

import pytest
import torch
from mmengine.dist import get_rank
from mmengine.registry import DefaultScope

from mmguided.models import SyncBatchNorm
from tests.helpers.cmt_mae import cmt_mae
from tests.helpers.configs import load
from tests.helpers.models import (
    COSINE,
    GUIDED,
    NCE,
    PREDICTOR,
    PROJECTOR,
    SMALL,
    build,
    ccmim,
    cmae,
    total,
)
from tests.helpers.processes import in_processes

SYNC = dict(type='mmguided.SyncBatchNorm')
HEADS = dict(
    nce_eq7=NCE,
    nce_released=dict(NCE, student_negatives=False),
    cosine=dict(COSINE, predictor=dict(PREDICTOR, norm_cfg=SYNC)))
MODELS = {name: partial(ccmim, head, projector=dict(PROJECTOR, norm_cfg=SYNC))
          for name, head in HEADS.items()} | dict(
    mae=partial(build, 'MAE', SMALL),
    guided_mae=partial(build, 'MAE', SMALL, mask_generator=GUIDED),
    conditional_mae=partial(
        build, 'ConditionalMAE', SMALL, shot_weights='ratio',
        mask_generator=dict(type='mmguided.MaskGenerator', shots=((0, .5), (1, .25)))))


def _loss(model, inputs, rows):
    """Losses with masks of the global batch; each process takes its rows."""
    noise = torch.rand(8, 16, generator=torch.Generator().manual_seed(7))[rows]
    with mock.patch.object(torch, 'rand', lambda *size, **kwargs: noise):
        return model(inputs, mode='loss')


def _trained(model):
    return {k: p.grad.clone() for k, p in model.named_parameters() if p.grad is not None}


def _alone(model, **settings):
    """Model of one process."""
    return model


def _gradients(name, rows, wrap):
    torch.manual_seed(0)
    images = torch.randn(8, 3, 32, 32)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS[name]()
    wrapped = wrap(model)  # kept until after backward: its hooks average the gradients
    total(_loss(wrapped, images[rows], rows)).backward()
    return _trained(model)


def _cmae_step(rows, wrap):
    """Gradients of one CMAE step, and EMA weights and statistics after it."""
    torch.manual_seed(0)
    views = list(torch.randn(2, 8, 3, 32, 32))
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = cmae()
    model.clock.set(0, max_epochs=1)
    wrapped = wrap(model)
    losses = _loss(wrapped, [view[rows] for view in views], rows)
    optimizer = torch.optim.SGD(model.parameters(), .1)
    total(losses).backward()
    gradients = _trained(model)
    optimizer.step()
    model.momentum_encoder.update(.9)
    after = {k: v for k, v in model.state_dict().items()
             if k.startswith(('momentum_encoder', 'target_projector')) or 'running' in k}
    return gradients, after, losses


def _cmt_mae_steps(rows, wrap):
    """Gradients of two CMT-MAE steps in the first stage, which leave a head unused, and one in the
    second. DistributedDataParallel fails at the second step if it does not look for unused
    parameters."""
    torch.manual_seed(0)
    images = torch.randn(8, 3, 32, 32)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = cmt_mae()
    cfg = load('cmt_mae/vit-b_800e')
    wrapped, gradients = wrap(model, find_unused_parameters=cfg.find_unused_parameters), []
    optimizer = torch.optim.SGD(model.parameters(), 1e-3)
    for epoch in (0., .5, 4.):
        model.clock.set(epoch, 8)
        optimizer.zero_grad()
        total(_loss(wrapped, images[rows], rows)).backward()
        gradients.append(_trained(model))
        optimizer.step()
        model.momentum_encoder.update(.9)
    return gradients


def _both_results():
    rows = slice(4 * get_rank(), 4 * get_rank() + 4)
    wrap = partial(torch.nn.parallel.DistributedDataParallel, broadcast_buffers=False)
    results = {name: _gradients(name, rows, wrap) for name in MODELS}
    results['cmae'] = _cmae_step(rows, wrap)
    results['cmae_static'] = _cmae_step(
        rows, partial(wrap, static_graph=True, gradient_as_bucket_view=True))
    results['cmt_mae'] = _cmt_mae_steps(rows, wrap)
    torch.manual_seed(0)
    x = torch.randn(8, 3)[rows].clone().requires_grad_()
    layer = SyncBatchNorm(3)
    (layer(x) * torch.arange(8.)[rows, None]).sum().backward()
    results['batch_norm'] = (x.grad, layer.running_var)
    return results


@pytest.fixture(scope='module')
def two_processes(tmp_path_factory):
    """Results of both processes, by rank."""
    return in_processes(_both_results, tmp_path_factory.mktemp('gloo'))


def assert_same_gradients(ours, expected, atol=5e-6):
    """The gradient of a bias before a normalization is only rounding error, so the largest gradient
    sets the scale."""
    assert ours.keys() == expected.keys()
    scale = max(gradient.abs().max().item() for gradient in expected.values())
    for key, gradient in expected.items():
        torch.testing.assert_close(ours[key], gradient, rtol=1e-4, atol=atol * scale, msg=key)


@pytest.mark.parametrize('name', MODELS)
def test_gradients_equal_one_process(two_processes, name):
    alone = _gradients(name, slice(0, 8), _alone)
    for results in two_processes:
        assert_same_gradients(results[name], alone, atol=1e-6)


def test_cmae_equals_one_process(two_processes):
    """Gathered targets, synchronized statistics and EMA weights on both processes."""
    gradients, after, losses = _cmae_step(slice(0, 8), _alone)
    for results in two_processes:
        other_gradients, other_after, _ = results['cmae']
        assert_same_gradients(other_gradients, gradients)
        assert other_after.keys() == after.keys()
        for key, value in after.items():
            torch.testing.assert_close(other_after[key], value, rtol=1e-4, atol=1e-6, msg=key)
    each = [results['cmae'][2] for results in two_processes]
    for name in ('loss_contrast', 'loss_reconstruction', 'contrast_accuracy'):
        mean = sum(losses[name] for losses in each) / 2
        torch.testing.assert_close(mean, losses[name], rtol=1e-4, atol=1e-6)


def test_static_graph_and_gradient_views_change_nothing(two_processes):
    for results in two_processes:
        (gradients, after, losses), expected = results['cmae_static'], results['cmae']
        for ours, theirs in zip((gradients, after, losses), expected, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def test_cmt_mae_equals_one_process_in_both_stages(two_processes):
    alone = _cmt_mae_steps(slice(0, 8), _alone)
    for results in two_processes:
        for together, expected in zip(results['cmt_mae'], alone, strict=True):
            assert_same_gradients(together, expected)
    trained = ['student_head.decoder_pred.weight' in gradients for gradients in alone]
    assert trained == [False, False, True]


def test_sync_batch_norm_on_a_cpu(two_processes):
    torch.manual_seed(0)
    x = torch.randn(8, 3, requires_grad=True)
    layer = torch.nn.BatchNorm1d(3)
    (layer(x) * torch.arange(8.)[:, None]).sum().backward()
    (first, _), (second, running_var) = (results['batch_norm'] for results in two_processes)
    torch.testing.assert_close(torch.cat((first, second)), x.grad)
    torch.testing.assert_close(running_var, layer.running_var)
