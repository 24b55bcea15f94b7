"""mask_objects.py on images with known objects."""
import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from mmguided.models import Teacher
from mmguided.registry import MODELS
from mmguided.structures import Observation
from tests.helpers.paths import ROOT
from tests.helpers.tools import error_of_tool, run_tool

CONFIG = ROOT / 'configs/cmt_mae/vit-micro_folder-32.py'
TOOL = 'analysis_tools/mask_objects.py'


@MODELS.register_module()
class BrightnessTeacher(Teacher):
    """Teacher whose attention to each of 8 x 8 patches is proportional to its red pixels."""

    def __init__(self, model_name=None, pretrained=None, **kwargs) -> None:
        super().__init__(nn.Identity(), (32, 32), (0., ) * 3, (1., ) * 3, 8, 1, **kwargs)

    def encode(self, images, wants):
        row = nn.functional.avg_pool2d(images[:, :1], 4).flatten(1).clamp(min=0)
        return Observation(1, torch.zeros(len(images), 65, 8), dict.fromkeys(wants.attention, row)
                           ), (8, 8)


@pytest.fixture
def pictures(tmp_path):
    """Three black images (80 x 120) with a red rectangle (24 x 40), in the format of COCO."""
    images, annotations = [], []
    for i in range(3):
        picture, (top, left) = np.zeros((80, 120, 3), np.uint8), (8 + 20 * i, 20 + 20 * i)
        picture[top:top + 24, left:left + 40, 0] = 255
        Image.fromarray(picture).save(tmp_path / f'{i}.png')
        images.append(dict(id=i, file_name=f'{i}.png', height=80, width=120))
        corners = [left, top, left + 40, top, left + 40, top + 24, left, top + 24]
        annotations.append(dict(
            id=i, image_id=i, category_id=1, iscrowd=0, area=960, bbox=[left, top, 40, 24],
            segmentation=[corners]))
    (tmp_path / 'instances.json').write_text(json.dumps(dict(
        images=images, annotations=annotations, categories=[dict(id=1, name='box')])))
    return tmp_path


def arguments(folder, *more):
    return (CONFIG, '--annotations', folder / 'instances.json', '--images', folder,
            '--out', folder / 'out', '--progress', '0', '--draws', '3', *more,
            '--cfg-options', 'model.teacher.type=mmguided.BrightnessTeacher',
            'model.teacher.model_name=none')


def test_samplers_against_objects_that_the_guidance_sees(pictures, monkeypatch, capsys):
    """A quarter of the patches is masked, about as many as the object covers."""
    run_tool(monkeypatch, TOOL, *arguments(pictures, '--mask-ratio', '.25'))
    table = json.loads((pictures / 'out/mask_objects.json').read_text())
    best, chance = table['random']['best'], table['random']['chance']
    # 24 x 40 of the 80 x 80 pixels in the center; the crop cuts off a part of some.
    assert 10 < chance <= 15
    assert table['top-k, high']['masked'] == pytest.approx(best, abs=1)
    assert table['proportional, high']['masked'] > .8 * best
    # 10 % of the masked patches, 1.6 of 16, rounded up to 2, are replaced by the next ones.
    assert .8 * best < table['top-k with hints']['masked'] < best
    assert table['top-k, low']['masked'] == 0
    # The highest quarter contains the object. In some masks, hints leave a patch of it visible.
    assert table['top-k, high']['seen'] < table['top-k with hints']['seen'] < 1
    assert table['top-k, low']['seen'] == 1
    assert table['proportional, low']['masked'] < chance
    assert abs(table['random']['lift']) < 6
    printed = capsys.readouterr().out
    assert f'chance {chance:.1f} %' in printed and f'{best:.1f} %' in printed
    sheet = np.asarray(Image.open(pictures / 'out/masks.png')).astype(int)
    assert (sheet[..., 0] - sheet[..., 1] > 200).sum() > 500, 'red objects are drawn'


def test_cached_guidance_equals_the_guidance_it_caches(pictures, monkeypatch, tmp_path):
    tables = []
    for name, guidance in (('cached', 'base'), ('fresh', 'base.guidance')):
        path = tmp_path / f'{name}.py'
        path.write_text(
            f"_base_ = ['{ROOT}/configs/self_guided_mae/vit-micro_folder-32.py']\n"
            'base = _base_.model.mask_generator.guidance\n'
            f'model = dict(mask_generator=dict(guidance=dict(_delete_=True, **{guidance})))\n')
        run_tool(monkeypatch, TOOL, path, *arguments(pictures)[1:-3])
        tables.append(json.loads((pictures / 'out/mask_objects.json').read_text()))
    assert tables[0] == tables[1] and tables[0]['top-k, high']['lift'] != 0


@pytest.mark.parametrize('options, message', [
    (['--annotations', 'gone.json'], "--annotations='gone.json'"),
    (['--images', 'elsewhere'], "--images='elsewhere'")])
def test_errors_name_the_option(pictures, monkeypatch, options, message):
    assert message in error_of_tool(monkeypatch, TOOL, *arguments(pictures, *options))


def test_an_image_of_other_annotations(pictures, monkeypatch):
    Image.new('RGB', (80, 120)).save(pictures / '1.png')
    (pictures / '0.png').write_bytes(b'broken, so it is skipped')
    assert f"--images='{pictures}/1.png': the size is (80, 120), but" in error_of_tool(
        monkeypatch, TOOL, *arguments(pictures))


def test_a_config_without_guidance(pictures, monkeypatch):
    assert 'model.mask_generator.guidance is not set' in error_of_tool(
        monkeypatch, TOOL, ROOT / 'configs/mae/vit-b_300e.py', *arguments(pictures)[1:-3])
