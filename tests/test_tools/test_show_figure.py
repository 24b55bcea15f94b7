"""show_figure.py: all kinds of figures, and errors that name the option."""
import json

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

import mmguided
from mmguided import visualization
from mmguided.ops import normalized_cut
from mmguided.utils.mask_files import write_mask
from mmguided.visualization.style import COLORS
from tests.helpers.davis import moving_squares, write_davis
from tests.helpers.encoders import build_timm_vit
from tests.helpers.paths import ROOT
from tests.helpers.tools import error_of_tool, run_tool

TOOL = 'visualization/show_figure.py'
CONFIG = ROOT / 'configs/mae/vit-micro_folder-32.py'


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """An image with one distinct quarter, one of noise, a broken one; checkpoints of MAE,
    Conditional MAE and timm; and DAVIS with predictions."""
    folder = tmp_path_factory.mktemp('figures')
    (folder / 'images').mkdir()
    pixels = np.full((32, 32, 3), 20, np.uint8)
    pixels[:16, 16:] = 230, 40, 60
    Image.fromarray(pixels).save(folder / 'images/quarter.png')
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    Image.fromarray(noise).save(folder / 'images/noise.png')
    (folder / 'images/broken.png').write_bytes(b'no image')
    for name in ('mae', 'conditional_mae'):
        torch.manual_seed(0)
        cfg = Config.fromfile(ROOT / f'configs/{name}/vit-micro_folder-32.py')
        state = mmguided.get_model(cfg).state_dict()
        torch.save(dict(meta=dict(cfg=cfg.pretty_text), state_dict=state), folder / f'{name}.pth')
    torch.save(dict(state_dict=state), folder / 'weights.pth')
    torch.save(build_timm_vit().state_dict(), folder / 'timm.pth')
    frames, masks = moving_squares(num_frames=3, patch=2)
    write_davis(folder / 'davis', dict(squares=(frames, masks)))
    for t, mask in enumerate(masks):
        write_mask(folder / f'masks/squares/{t:05}.png', mask)
    return folder


@pytest.fixture
def drawn(folder, monkeypatch):
    """Function that runs the tool in the folder and returns the arguments of draw_panels."""
    monkeypatch.chdir(folder)
    calls, draw = [], visualization.draw_panels
    monkeypatch.setattr(
        visualization, 'draw_panels', lambda *args: calls.append(args) or draw(*args))

    def run(kind, *args):
        out = folder / f'{kind}.png'
        run_tool(monkeypatch, TOOL, kind, *args, '--out', out)
        assert np.asarray(Image.open(out)).std() > 0
        assert out.with_suffix('.pdf').read_bytes().startswith(b'%PDF')
        return calls.pop() if calls else None

    return run


def columns_of(groups, titles, row=0, group=1):
    """Panels of a row by title; group 1 is quarter.png."""
    return dict(zip(titles, groups[group][row][1], strict=True))


def test_attention(drawn):
    groups, titles, _, _ = drawn('attention', 'A=mae.pth', 'B=conditional_mae.pth', '--images',
                                 'images')
    assert titles == ['image', 'mean', 'head 0', 'head 1', 'head 2']
    assert [[name for name, _ in rows] for rows in groups] == [['A', 'B']] * 2  # not broken.png
    for rows in groups:
        for _, (image, *heads) in rows:
            assert image.picture.shape == (32, 32, 3) and image.region is None
            for head in heads:
                assert head.text == f'{100 * head.region.mean():.0f} %' and head.region.any()
                assert head.region.mean() <= .5 + 1 / 64


def test_relations_of_layers_and_the_decoder(drawn, folder, monkeypatch):
    run_tool(monkeypatch, 'model_converters/released_to_mmguided.py', 'vit', folder / 'timm.pth',
             folder / 'vit.pth', '--num-heads', 2)
    groups, titles, _, _ = drawn('relations', 'A=mae.pth', 'timm=vit.pth', '--images',
                                 'images/noise.png', 'images/quarter.png', '--layers', '-1',
                                 'decoder')
    ours, theirs = (columns_of(groups, titles, row) for row in (0, 1))
    assert ours['layer -1: M'].picture.shape == (64, 64, 3)
    assert theirs['layer -1: M'].picture.shape == (16, 16, 3)
    np.testing.assert_allclose(  # the diagonal is 1
        ours['layer -1: M'].picture[range(64), range(64)], [visualization.style.SCORE_COLORS(
            1.)[:3]] * 64)
    assert len(titles) == 7 and all(panel is not None for panel in ours.values())
    assert [title for title, panel in theirs.items() if panel is None] == titles[4:]


def test_clusters(drawn):
    groups, titles, _, _ = drawn('clusters', 'A=mae.pth', 'B=mae.pth', '--images',
                                 'images/noise.png', 'images/quarter.png', '--num-clusters', 2,
                                 '--tsne', '--layers', '-2')
    first, second = (columns_of(groups, titles, row) for row in (0, 1))
    assert titles == ['image', 'layer -2: clusters', 'layer -2: t-SNE']
    np.testing.assert_array_equal(first[titles[1]].picture, second[titles[1]].picture)
    points, colors = first[titles[2]].points, np.array(first[titles[2]].colors).reshape(8, 8)
    assert points.shape == (64, 2) and np.isfinite(points).all()
    # Even untrained weights separate the quarter of the image from the rest.
    expected = np.zeros((8, 8), int)
    expected[:4, 4:] = 1
    assert (colors == np.array(COLORS)[expected]).mean() > .9


def test_bipartition_is_that_of_the_masks(drawn):
    from mmguided.analysis import cosine_similarity
    groups, titles, _, _ = drawn(
        'bipartition', 'A=mae.pth', '--images', 'images/noise.png', 'images/quarter.png',
        '--hint-ratio', '.25', '--layers', '1', 'decoder')
    assert titles[:5] == ['image', 'random mask', 'layer 1: cut', 'layer 1: mask',
                          'layer 1: mask with hints']
    shown = columns_of(groups, titles)
    assert len(shown) == 8
    visible = {title: (shown[title].picture != .5).any(-1).reshape(8, 4, 8, 4).any((1, 3))
               for title in titles if 'mask' in title}
    assert {int(each.sum()) for each in visible.values()} == {16}
    # The masks equal those of NcutRelevance in the model.
    model = mmguided.get_model('mae.pth')
    image = torch.from_numpy(shown['image'].picture).permute(2, 0, 1)[None].float() * 255
    inputs = (image - model.data_preprocessor.mean) / model.data_preprocessor.std
    guidance = mmguided.models.NcutRelevance(layer=1)
    seen = model.backbone.observe(inputs, guidance.wants(None)['student'])
    scores = guidance(dict(student=seen), None)
    lowest = scores[0].argsort()[:16]
    np.testing.assert_array_equal(visible['layer 1: mask'].flat[lowest], True)
    hinted = visible['layer 1: mask with hints'].flat[scores[0].argsort()[16:]]
    assert hinted.sum() == 12  # 25 % of 48
    side = normalized_cut(cosine_similarity(seen.relations[1])).side[0].numpy()
    picture = shown['layer 1: cut'].picture
    colors = 2 * picture - shown['image'].picture.mean(-1, keepdims=True)
    reds = colors[::4, ::4, 0] > .5  # vermillion, unlike blue
    np.testing.assert_array_equal(reds.ravel(), side)


def test_reversed_attention_of_the_second_shot(drawn):
    groups, titles, _, note = drawn('reversed', 'MAE=mae.pth', 'two=conditional_mae.pth',
                                    '--images', 'images/noise.png', 'images/quarter.png')
    assert titles == ['first shot', 'patch 0', 'patch 1'] and 'layer 4' in note
    for group in (0, 1):
        one, two = (columns_of(groups, titles, row, group) for row in (0, 1))
        np.testing.assert_array_equal(one['first shot'].picture, two['first shot'].picture)
        for title in titles[1:]:
            np.testing.assert_array_equal(one[title].region, two[title].region)
            assert one[title].region.sum() == 1


def test_davis(drawn):
    groups, titles, _, _ = drawn('davis', 'same=masks', '--data-root', 'davis', '--sequences',
                                 'squares')
    (rows, ), (frame, annotation, same) = groups, (panels for _, panels in groups[0])
    assert [name for name, _ in rows] == ['frame', 'annotation', 'same']
    assert frame[-1].text == 'squares 00002' and same[0].text == 'J&F 100.0'
    for truth, found in zip(annotation, same, strict=True):
        np.testing.assert_array_equal(truth.picture, found.picture)
    assert (annotation[0].picture != frame[0].picture).any(-1).mean() == pytest.approx(
        (5 * 5 + 4 * 4) / (16 * 24), rel=.05)


@pytest.mark.parametrize('results', [
    ('MAE=60,40', 'CMT-MAE=80,50', '--axes', 'folder/knn/knn/top1_k10', 'seg/mIoU'),
    ('evaluation.json', ),
    ('evaluation.json', '--axes', 'folder/knn/knn/top1_k10', 'seg/mIoU')])
def test_radar(drawn, monkeypatch, folder, results):
    (folder / 'evaluation.json').write_text(json.dumps([
        dict(checkpoint=name, protocol=protocol, seed=seed, metrics=metrics)
        for name, protocol, seed, metrics in (
            ('MAE', 'folder/knn', 0, {'knn/top1_k10': 60}), ('MAE', 'seg', 0, dict(mIoU=39)),
            ('MAE', 'seg', 1, dict(aAcc=1, mIoU=41)),
            ('CMT-MAE', 'folder/knn', 0, {'knn/top1_k10': 80}),
            ('CMT-MAE', 'seg', 0, dict(mIoU=50)))]))
    charts, draw = [], visualization.draw_radar
    monkeypatch.setattr(
        visualization, 'draw_radar', lambda *args: charts.append(args) or draw(*args))
    drawn('radar', *results)
    assert charts == [({'MAE': [60, 40], 'CMT-MAE': [80, 50]},
                       ['folder/knn/knn/top1_k10', 'seg/mIoU'])]


@pytest.mark.parametrize('args, message', [
    (['attention', 'A=weights.pth'], 'weights.pth'),
    (['relations', 'A=mae.pth', '--layers', 7], '--layers=7: A: layer 7'),
    (['clusters', 'A=mae.pth', '--num-clusters', 9], '--num-clusters=9'),
    (['reversed', 'A=mae.pth'], 'no model has two shots'),
    (['radar', 'A=1,2', '--axes', 'one'], "--axes=['one']"), (['radar', 'A=b'], "results='A=b'")])
def test_errors_name_the_option(folder, monkeypatch, args, message):
    monkeypatch.chdir(folder)
    images = [] if args[0] == 'radar' else ['--images', 'images']
    assert message in error_of_tool(monkeypatch, TOOL, *args, *images)
