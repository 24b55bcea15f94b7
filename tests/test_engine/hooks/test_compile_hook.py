"""CompileHook: one graph per method, gradients equal to eager, checkpoints, command line."""
import copy
import shutil
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.runner import Runner
from torch._dynamo.utils import counters

from mmguided.cli.runner import build_runner
from mmguided.engine.hooks import CompileHook
from mmguided.utils.errors import ConfigError
from tests.helpers.cmt_mae import cmt_mae
from tests.helpers.colors import color_folders
from tests.helpers.models import SMALL, build, ccmim, cmae, total, views
from tests.helpers.online import assert_equal, checkpoint, config

NCUT = dict(type='mmguided.NcutRelevance')
HINTS = dict(type='mmguided.HintSampling', sampling=dict(type='mmguided.TopKSampling'),
             ratio=dict(start=.3, end=.1, begin='trigger', ramp=4))
ONCE = dict(start=0., end=1., begin='trigger')


def guided(**mask_generator):
    return build('MAE', SMALL, mask_generator=dict(type='mmguided.MaskGenerator', **mask_generator))


#: name -> model, graphs over a run: one, one more when the clock first moves a value, and one more
#: when a method starts its second stage
METHODS = dict(
    mae=(lambda: build('MAE', SMALL), 1),
    ccmim=(ccmim, 1),
    cmae=(lambda: cmae('none'), 1),
    cmt_mae=(cmt_mae, 3),
    conditional=(lambda: build('ConditionalMAE', SMALL, mask_generator=dict(
        type='mmguided.MaskGenerator', shots=[(0, .5), (1, .5)])), 1),
    fresh=(lambda: guided(sampling=dict(type='mmguided.TopKSampling'), guidance=NCUT), 1),
    cached=(lambda: guided(
        sampling=HINTS, schedule=ONCE,
        guidance=dict(type='mmguided.CachedGuidance', guidance=NCUT)), 3))


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


def gradients(model, inputs, seed, dtype=torch.bfloat16):
    model.zero_grad()
    torch.manual_seed(seed)
    with torch.autocast('cpu', dtype, enabled=dtype != torch.float32):
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


@pytest.mark.skipif(not shutil.which('g++'), reason='needs a C++ compiler')
def test_the_default_backend_computes_the_gradients_of_the_eager_model(monkeypatch):
    # CompileHook sets it; restored after the test.
    monkeypatch.setattr('torch._inductor.config.fallback_random', False)
    torch._dynamo.reset()
    eager = build('MAE', dict(SMALL, depth=1))
    model, inputs = compiled(copy.deepcopy(eager)), batch('mae')
    (losses, ours), (expected, theirs) = (
        gradients(each, inputs, 0, torch.float32) for each in (model, eager))
    torch.testing.assert_close(losses, expected)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)
    assert model.state_dict().keys() == eager.state_dict().keys()


def run(work_dir, colors, epochs, **options):
    """Run with gradient accumulation and with a hook that reads the latents."""
    runner = build_runner(config(
        'conditional_mae', colors, work_dir, [dict(type='mmguided.OnlineLinearProbeHook')], epochs,
        **{'optim_wrapper.accumulative_counts': 2}, **options))
    runner.train()


def test_an_eager_run_resumes_a_compiled_run_exactly(tmp_path):
    colors = color_folders(tmp_path / 'colors', train=16, val=4)
    run(tmp_path / 'eager', colors, 2)
    torch._dynamo.reset()
    counters.clear()
    run(tmp_path / 'both', colors, 1, compile=dict(backend='eager'))
    assert counters['stats']['unique_graphs'] == 1 and not counters['graph_break']
    run(tmp_path / 'both', colors, 2, resume=True)
    ours, theirs = (checkpoint(tmp_path / name, 2) for name in ('both', 'eager'))
    for key in ('state_dict', 'optimizer', 'mmguided_linear_probe'):
        assert_equal(ours[key], theirs[key], key)


@pytest.mark.parametrize('model, field, hooks, left', [
    ('mmguided.MAE', True, [dict(type='mmguided.CompileHook')], False),
    ('mmguided.MAE', dict(mode='default'),
     [dict(type='mmguided.CompileHook', mode='default')], False),
    ('mmguided.MAE', False, None, False),
    ('mmpretrain.ImageClassifier', True, None, True),
])
def test_the_field_compile_adds_the_hook_to_our_methods(model, field, hooks, left, monkeypatch):
    monkeypatch.setattr(Runner, 'from_cfg', lambda cfg: SimpleNamespace(auto_scale_lr=None))
    cfg = Config(dict(model=dict(type=model), compile=field))
    build_runner(cfg)
    assert (cfg.get('custom_hooks'), cfg.compile) == (hooks, left)


def test_compile_needs_a_truth_value_or_a_dict():
    with pytest.raises(ConfigError, match="compile='yes': .*Set True"):
        build_runner(Config(dict(model=dict(type='mmguided.MAE'), compile='yes')))
