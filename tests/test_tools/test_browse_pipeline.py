"""browse_pipeline.py: drawn views are those of the pipeline, in RGB."""
import numpy as np
import pytest
import tifffile
from matplotlib.axes import Axes
from PIL import Image

from tests.helpers.paths import ROOT
from tests.helpers.tools import error_of_tool, run_tool

TOOL = 'visualization/browse_pipeline.py'
CMAE = ROOT / 'configs/cmae/vit-micro_folder-32.py'
MAE = ROOT / 'configs/mae/vit-micro_folder-32.py'


@pytest.fixture
def folder(tmp_path):
    """Three images, 48 wide and 40 high: red increases to the right, green to the bottom, and blue
    with the index. The second file is broken."""
    (tmp_path / 'images').mkdir()
    for i in range(3):
        rows, columns = np.mgrid[:40, :48] * 4
        pixels = np.stack([columns, rows, np.full_like(rows, 60 * i)], axis=2).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f'images/{i}.png')
    (tmp_path / 'images/1.png').write_bytes(b'no picture')
    return tmp_path


@pytest.fixture
def shown(monkeypatch):
    """All panels, in the order in which they are drawn."""
    panels, show = [], Axes.imshow
    monkeypatch.setattr(Axes, 'imshow', lambda self, picture, **kwargs: panels.append(
        np.array(picture).astype(int)) or show(self, picture, **kwargs))
    return panels


def arguments(folder, *more, config=CMAE):
    return config, '--images', folder / 'images', '--out', folder / 'out/views.png', *more


def is_crop(picture):
    """Return True if red changes along one axis and green increases along the other."""
    red, green = (picture[..., i].astype(float) for i in (0, 1))
    return np.ptp(red.mean(0)) > 8 * np.ptp(red.mean(1)) and (np.diff(green.mean(1)) >= -.5).all()


def test_files_and_both_views_of_each_draw(folder, shown, monkeypatch):
    run_tool(monkeypatch, TOOL, *arguments(folder, '--num-images', 2, '--draws', 2))
    assert [panel.shape for panel in shown] == 2 * [(40, 48, 3), *4 * [(32, 32, 3)]]
    for i, (image, *views) in zip((0, 2), (shown[:5], shown[5:]), strict=True):
        assert (image[0, :, 0] == 4 * np.arange(48)).all() and (image[..., 2] == 60 * i).all()
        online = views[::2]
        assert all(is_crop(view) for view in online)
        assert all(np.abs(view[..., 2] - 60 * i).max() <= 1 for view in online)
        assert (online[0] != online[1]).any()
    picture = np.asarray(Image.open(folder / 'out/views.png'))
    assert picture.std() > 0 and (folder / 'out/views.pdf').read_bytes().startswith(b'%PDF')

    for seed, same in ((0, True), (1, False)):
        first = [*shown]
        shown.clear()
        run_tool(monkeypatch, TOOL, *arguments(
            folder, '--num-images', 2, '--draws', 2, '--seed', seed))
        assert (first[1] == shown[1]).all() == same


def test_the_size_of_the_views(folder, shown, monkeypatch):
    run_tool(monkeypatch, TOOL, *arguments(
        folder, '--num-images', 1, '--draws', 1, '--img-size', 16, 24, config=MAE))
    assert [panel.shape for panel in shown] == [(40, 48, 3), (16, 24, 3)]


def test_an_unreadable_image_is_replaced(folder, shown, monkeypatch):
    run_tool(monkeypatch, TOOL, *arguments(folder, '--num-images', 9, '--draws', 1, config=MAE))
    assert len(shown) == 6  # three rows
    assert [round(panel[..., 2].mean()) for panel in shown] == [0, 0, 120, 120, 120, 120]


def test_float_images_are_clipped(folder, shown, monkeypatch):
    """Bicubic interpolation overshoots at the edge."""
    edge = np.zeros((8, 8, 3), np.uint16)
    edge[:, 4:] = 4095
    tifffile.imwrite(folder / 'images/0.tif', edge, photometric='rgb')
    for path in (folder / 'images').glob('*.png'):
        path.unlink()
    path = folder / 'floats.py'
    path.write_text(f'''
_base_ = ['{MAE}']
train_dataloader = dict(dataset=dict(pipeline=[
    dict(type='mmguided.LoadRaster', scaling=(0, 4095)),
    dict(type='mmguided.ResizeEdge', scale=32, interpolation='bicubic'),
    dict(type='PackInputs')]))
''')
    run_tool(monkeypatch, TOOL, *arguments(folder, '--draws', 1, config=path))
    for panel in shown:
        row = panel[len(panel) // 2, :, 0]
        assert (np.diff(row) >= 0).all() and (row[0], row[-1]) == (0, 255)


def test_a_pipeline_that_normalizes(folder, shown, monkeypatch):
    path = folder / 'normalizing.py'
    path.write_text(f'''
_base_ = ['{MAE}']
train_dataloader = dict(dataset=dict(pipeline=[
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(48, 40)),
    dict(type='Normalize', mean=[100, 50, 20], std=[50, 60, 70], to_rgb=True),
    dict(type='PackInputs')]))
data_preprocessor = dict(_delete_=True, type='SelfSupDataPreprocessor')
''')
    run_tool(monkeypatch, TOOL, *arguments(folder, '--num-images', 1, '--draws', 1, config=path))
    image, view = shown
    assert (image == view).all() and image[0, 9].tolist() == [36, 0, 0]


@pytest.mark.parametrize('args, message', [
    ((ROOT / 'configs/benchmarks/davis/vit-b_davis.py', ), 'train_dataloader'),
    ((MAE, ), "train_dataloader.dataset.data_root='data/images'"),
    ((MAE, '--images', 'gone'), "--images='gone': does not exist"),
])
def test_errors_name_the_option(tmp_path, monkeypatch, args, message):
    monkeypatch.chdir(tmp_path)
    assert message in error_of_tool(monkeypatch, TOOL, *args)


def test_a_data_set_of_arrays_takes_no_other_images(tmp_path, monkeypatch):
    path = tmp_path / 'arrays.py'
    path.write_text(f"_base_ = ['{MAE}']\n"
                    "train_dataloader = dict(dataset=dict(pipeline=[dict(type='PackInputs')]))")
    assert f"--images='{tmp_path}'" in error_of_tool(monkeypatch, TOOL, path, '--images', tmp_path)
