"""compare_losses.py: panels, files and errors."""
import json

import numpy as np
import pytest
from matplotlib.axes import Axes
from PIL import Image

from tests.helpers.tools import error_of_tool, run_tool

TOOL = 'visualization/compare_losses.py'


@pytest.fixture
def runs(tmp_path):
    """The work dirs of two methods."""
    for name, scalars in (('mae', dict(loss_pixels=1.)),
                          ('ccmim', dict(loss_pixels=2., loss_contrast=3.))):
        path = tmp_path / name / '20260101_000000/vis_data/scalars.json'
        path.parent.mkdir(parents=True)
        path.write_text('\n'.join(json.dumps(row) for epoch in (1, 2, 3) for row in (
            dict(scalars, loss=sum(scalars.values()), epoch=epoch, iter=5 * epoch, step=5 * epoch),
            {'accuracy/top1': 9., 'time': 1., 'step': epoch})))
    return tmp_path


@pytest.mark.parametrize('keys, expected', [
    ((), {'loss_pixels': ['MAE', 'ccMIM']}),
    (('--keys', 'loss', 'accuracy/top1'),
     {'loss': ['MAE', 'ccMIM'], 'accuracy/top1': ['MAE', 'ccMIM']})])
def test_panels_and_files(runs, monkeypatch, capsys, keys, expected):
    drawn, label = {}, Axes.set_ylabel
    monkeypatch.setattr(Axes, 'set_ylabel', lambda self, text, **kwargs: drawn.update({
        text: [line.get_label() for line in self.lines[1::2]]}) or label(self, text, **kwargs))
    out = runs / 'out/losses.png'
    run_tool(monkeypatch, TOOL, f'MAE={runs}/mae', f'ccMIM={runs}/ccmim', '--out', out, *keys)
    assert drawn == expected
    assert np.asarray(Image.open(out)).std() > 0
    assert out.with_suffix('.pdf').read_bytes().startswith(b'%PDF')
    assert capsys.readouterr().out == f'{out} {out.with_suffix(".pdf")}\n'


@pytest.mark.parametrize('args, message', [
    (('MAE={}/mae', 'ccMIM={}/gone'), "work_dir='{}/gone'"),
    (('MAE={}/mae', 'ccMIM={}/ccmim', '--keys', 'loss_contrast'),
     "--keys=loss_contrast: not in the log of 'MAE'. Give some of loss_pixels, loss, "
     'accuracy/top1'),
])
def test_errors_name_the_option(runs, monkeypatch, args, message):
    args = [arg.format(runs) for arg in args]
    assert message.format(runs) in error_of_tool(monkeypatch, TOOL, *args)
