"""CompileHook: one graph per method, gradients equal to eager, checkpoints, command line."""
import copy
import shutil
from types import SimpleNamespace

import pytest
import torch
from mmengine.logging import MMLogger
from torch._dynamo.utils import counters

from mmguided.cli.runner import build_runner
from mmguided.engine.hooks import CompileHook
from tests.helpers.cmt_mae import cmt_mae
from tests.helpers.colors import color_folders
from tests.helpers.models import SMALL, build, ccmim, cmae, total, views
from tests.helpers.online import assert_equal, checkpoint, config

NCUT = dict(type='mmguided.NcutRelevance')
HINTS = dict(type='mmguided.HintSampling', sampling=dict(type='mmguided.TopKSampling'),
             ratio=dict(start=.3, end=.1, begin='trigger', ramp=4))
ONCE = dict(start=0., end=1., begin='trigger')
HIERARCHICAL = dict(neck=None, mask_generator=dict(
    type='mmguided.MaskGenerator', shots=[(0, .5), (1, .5)]))


def self_guided(guidance):
    return build('MAE', SMALL, mask_generator=dict(
        type='mmguided.MaskGenerator', sampling=HINTS, guidance=guidance, schedule=ONCE))


#: name -> model, graphs over a run: one, one more when the clock first moves a value, and one more
#: when a method starts its second stage
METHODS = dict(
    mae=(lambda: build('MAE', SMALL), 1),
    ccmim=(ccmim, 1),
    cmae=(cmae, 1),
    cmt_mae=(cmt_mae, 3),
    conditional=(lambda: build('ConditionalMAE', SMALL, mask_generator=dict(
        type='mmguided.MaskGenerator', shots=[(0, .5), (1, .5)])), 1),
    fresh=(lambda: self_guided(NCUT), 3),
    cached=(lambda: self_guided(dict(type='mmguided.CachedGuidance', guidance=NCUT)), 3))


def batch(name):
    images = views()
    data_samples = dict(scores=torch.rand(6, 16)) if name == 'cached' else None
    return (images if name == 'cmae' else images[0]), data_samples


def compiled(model, **settings):
    """Compile a model as at the start of a run."""
    model.clock.set(0, 8)
    CompileHook(**settings).before_train(
        SimpleNamespace(model=model, logger=MMLogger.get_current_instance()))
    return model


def gradients(model, inputs, seed=0, dtype=None):
    model.zero_grad()
    torch.manual_seed(seed)
    with torch.autocast('cpu', dtype, enabled=dtype is not None):
        losses = model(*inputs, mode='loss')
    total(losses).backward()
    return losses, {k: p.grad for k, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize('name', METHODS)
def test_a_run_takes_one_graph_without_breaks(name):
    """The clock costs one recompilation, and the second stage of a method another one; losses and
    gradients equal those of the eager model at all times."""
    torch._dynamo.reset()
    counters.clear()
    make, num_graphs = METHODS[name]
    eager = make()
    graphs, model = [], copy.deepcopy(eager)
    compiled(model, backend=lambda graph, inputs: graphs.append(graph) or graph.forward)
    for step, epoch in enumerate((0, .1, 2, 2.1, 4, 7.9)):
        for each in (model, eager):
            if epoch == 2:
                each.clock.fire()
            each.clock.set(epoch, 8)
        inputs = batch(name)
        losses, ours = gradients(model, inputs, step)
        expected, theirs = gradients(eager, inputs, step)
        torch.testing.assert_close(losses, expected)
        torch.testing.assert_close(ours, theirs)
        if step == 0:
            assert len(graphs) == 1
    assert len(graphs) <= num_graphs and not counters['graph_break']


def run(work_dir, colors, epochs, **options):
    runner = build_runner(config(
        'ccmim', colors, work_dir, [dict(type='mmguided.OnlineLinearProbeHook', lr=.05)], epochs,
        **options))
    runner.train()
    return runner


def test_a_compiled_run_equals_an_eager_run(tmp_path):
    """Also with gradient accumulation, with the latents read by a hook, and if the second half of
    the run resumes from a checkpoint of the other kind."""
    colors = color_folders(tmp_path / 'colors', train=16, val=4)
    accumulate, settings = {'optim_wrapper.accumulative_counts': 2}, dict(backend='eager')
    whole = run(tmp_path / 'whole', colors, 2, **accumulate)
    torch._dynamo.reset()
    counters.clear()
    run(tmp_path / 'run', colors, 1, compile=settings, **accumulate)
    assert counters['stats']['unique_graphs'] == 1 and not counters['graph_break']
    for name, resumes in (('eager', {}), ('compiled', dict(compile=settings))):
        shutil.copytree(tmp_path / 'run', tmp_path / name)
        run(tmp_path / name, colors, 2, resume=True, **resumes, **accumulate)
        ours, theirs = (checkpoint(tmp_path / folder, 2) for folder in (name, 'whole'))
        for key in ('state_dict', 'optimizer', 'mmguided_linear_probe'):
            assert_equal(ours[key], theirs[key], key)
