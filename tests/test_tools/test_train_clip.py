"""train_clip.py: it learns, and a teacher loads the result."""
import re

import numpy as np
import pytest
import torch
from PIL import Image

from mmguided.models import OpenCLIPTeacher
from mmguided.structures import Wants
from tests.helpers.paths import ROOT
from tests.helpers.tools import error_of_tool, import_tool, run_tool

pytest.importorskip('open_clip')


def test_a_broken_image_is_named(tmp_path, monkeypatch):
    (tmp_path / 'images/a').mkdir(parents=True)
    (tmp_path / 'images/a/broken.jpg').touch()
    message = error_of_tool(monkeypatch, 'train_clip.py', tmp_path / 'images', '--out',
                            tmp_path / 'clip', '--batch-size', '1', '--workers', '1')
    assert message.startswith('error: ') and "broken.jpg'" in message


@pytest.fixture(scope='module')
def colors(tmp_path_factory):
    """Pictures of two classes, red and blue, 24 of each."""
    root, rng = tmp_path_factory.mktemp('colors'), np.random.default_rng(0)
    for channel, name in ((0, 'red'), (2, 'deep_blue')):
        (root / name).mkdir()
        for i in range(24):
            picture = rng.integers(0, 60, (40, 48, 3), dtype=np.uint8)
            picture[..., channel] += 150
            Image.fromarray(picture).save(root / name / f'{i}.png')
    return root


def test_it_learns_which_caption_belongs_to_an_image(colors, tmp_path, monkeypatch, capsys):
    clip = tmp_path / 'work_dirs/clip_micro'  # the folder in the configs
    run_tool(monkeypatch, 'train_clip.py', colors, '--val', colors, '--out', clip,
             '--epochs', '4', '--batch-size', '16', '--workers', '0')
    printed = capsys.readouterr().out
    losses = [float(loss) for loss in re.findall(r'loss ([\d.]+)', printed)]
    accuracy = [float(share) for share in re.findall(r'accuracy ([\d.]+) %', printed)]
    assert losses[-1] < losses[0] and accuracy[-1] > 95, 'chance is 50 %'
    teacher = OpenCLIPTeacher(4, (0., ) * 3, (255., ) * 3, f'local-dir:{clip}', None)
    seen = teacher.observe(torch.rand(2, 3, 32, 32), Wants(
        tokens=True, attention=frozenset({(-1, 'heads')})))
    assert seen.tokens.shape == (2, 65, 128) and seen.attention[3, 'heads'].shape == (2, 64)
    # benchmark.py replaces weights to download, but not these.
    monkeypatch.chdir(tmp_path)
    run_tool(monkeypatch, 'benchmark.py', ROOT / 'configs/cmt_mae/vit-micro_folder-32.py',
             '--batch-size', '2', '--rounds', '1')
    assert '| cmt_mae/vit-micro_folder-32 |' in capsys.readouterr().out


def test_captions_from_folder_names():
    tool = import_tool('train_clip')
    texts = tool.captions(['red', 'deep_blue'])
    expected = tool.SimpleTokenizer(context_length=tool.CONTEXT_LENGTH)(
        ['a photo of a red', 'a photo of a deep blue'])
    assert torch.equal(texts, expected) and not torch.equal(texts[0], texts[1])


def test_errors_name_the_folder(colors, tmp_path, monkeypatch):
    def error(*args):
        return error_of_tool(monkeypatch, 'train_clip.py', *args, '--out', tmp_path / 'clip',
                             '--workers', '0')

    assert str(tmp_path) in error(tmp_path)
    assert 'configs/gone' in error(ROOT / 'configs/gone')
    assert '--batch-size=128' in error(colors)
    (tmp_path / 'val/red').mkdir(parents=True)
    Image.new('RGB', (32, 32)).save(tmp_path / 'val/red/0.png')
    assert f"--val='{tmp_path}/val': the classes ['red']" in error(
        colors, '--val', tmp_path / 'val', '--batch-size', '8')
