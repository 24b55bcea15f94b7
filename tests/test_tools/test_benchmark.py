"""benchmark.py: steps of configs and of mmpretrain's MAE."""
import argparse
import json
import signal

import pytest
from PIL import Image

from tests.helpers.paths import ROOT
from tests.helpers.tools import error_of_tool, import_tool

MAE = str(ROOT / 'configs/mae/vit-b_800e.py')
CMAE = str(ROOT / 'configs/cmae/vit-b_800e.py')
SIMMIM = 'mmpretrain::simmim/simmim_swin-base-w6_16xb128-amp-coslr-800e_in1k-192px.py'


def vit_flops(tokens, depth, dims=48):
    return 2 * 3 * 12 * tokens * dims**2 * depth + 2 * 7 * tokens**2 * dims * depth


@pytest.fixture(scope='module')
def measured(tmp_path_factory):
    """Rows of the suite's CPU form with fewer configs, by name."""
    tool, out = import_tool('benchmark'), tmp_path_factory.mktemp('out') / 'suite.json'
    handler = signal.getsignal(signal.SIGTERM)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tool, 'SUITE', (([MAE], ['config'], False),
                                      ([f'mae={MAE}', f'cmae={CMAE}', tool.MAE], ['config'], True)))
        patch.setattr('sys.argv', ['benchmark.py', '--gpu-suite', '--batch-size', '2', '--rounds',
                                   '2', '--out', str(out)])
        tool.main()
    assert signal.getsignal(signal.SIGTERM) is handler
    assert Image.open(out.with_suffix('.png')).size[0] == 1200
    return {row['config']: row for row in json.loads(out.read_text())['rows']}


def test_flops_and_operations_of_maes_step(measured):
    """50 tokens in the encoder, 197 in the decoder; patches of 768 values."""
    mae, again = measured['mae, narrow'], measured['mae, narrow, again']
    patches, embedding, prediction = 2 * 196 * 768 * 48, 50 * 48**2, 196 * 768 * 48
    assert mae['flops'] == pytest.approx(2 * (patches + 3 * (embedding + prediction)) + vit_flops(
        50, 12) + vit_flops(197, 8), rel=2e-3)
    theirs = next(row for name, row in measured.items() if name.startswith('mmpretrain'))
    assert mae['flops'] == pytest.approx(theirs['flops'], rel=2e-3)
    for key in ('flops', 'operations', 'saved_bytes', 'synchronizations'):
        assert mae[key] == again[key]
    assert 0 < mae['optimizer_operations'] < mae['operations']


def test_the_parts_of_a_step(measured):
    for row in measured.values():
        parts = row['parts']
        assert parts['forward'] > parts['preprocess'] > 0 and parts['optimizer'] > 0
        assert (parts['EMA'] > 0) == row['config'].startswith('cmae')
        assert sum(parts.values()) == pytest.approx(row['seconds'], rel=.3)
    # CMAE loads two views.
    assert measured['cmae, narrow']['loader_rate'] < measured['mae, narrow']['loader_rate']


def test_hours_and_the_limit_of_a_run():
    """800 epochs of ImageNet on 8 GPUs are 128 million images on each."""
    tool = import_tool('benchmark')
    row = dict(flops=6e10, operations=3000, batch_size=512, loader_rate=218., matmul_rate=1e10,
               utilization=.1)
    args = argparse.Namespace(epochs=800, gpus=8, workers=8, matmul_tflops=300., utilization=.4)
    assert tool.estimate_hours(row, args) == dict(
        hours=pytest.approx(dict(arithmetic=17.794, loader=20.406, launches=1.668), rel=1e-3),
        limit='loader')
    args.matmul_tflops = args.utilization = None
    assert tool.estimate_hours(row, args)['limit'] == 'arithmetic'


def test_only_vit_b_can_be_narrow(monkeypatch):
    error = error_of_tool(monkeypatch, 'benchmark.py', SIMMIM, '--narrow', '--batch-size', '1')
    assert error == ('error: model.backbone.type=SimMIMSwinTransformer: --narrow supports only '
                     'ViT-B. Leave out this config.')
