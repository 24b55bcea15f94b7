"""Images are read as Pillow converts them to RGB, by all tools alike."""
import json
from functools import cache, partial

import cv2
import numpy as np
import pytest
import tifffile
from mmcv.transforms import LoadImageFromFile
from PIL import Image

from mmguided import get_model, inspect
from mmguided.datasets import ImageFolder, LoadVideo
from mmguided.datasets.analysis_images import AnalysisImages
from mmguided.utils.errors import ConfigError
from mmguided.utils.images import is_decoding_error, read_image
from mmguided.utils.mask_files import write_mask
from tests.helpers.paths import ROOT
from tests.helpers.tools import import_tool


def palette():
    image = Image.fromarray(np.array([[0, 1], [2, 1]], np.uint8))
    image.putpalette([255, 0, 0, 0, 200, 0, 7, 8, 9])
    return image


def gray(values, dtype):
    return Image.fromarray(np.array(values, dtype))


@pytest.mark.parametrize('image, ending, expected', [
    (palette(), 'png', [[[255, 0, 0], [0, 200, 0]], [[7, 8, 9], [0, 200, 0]]]),
    (Image.new('CMYK', (1, 1), (10, 20, 30, 40)), 'tif', [[[207, 198, 190]]]),
    (Image.new('RGBA', (1, 1), (10, 20, 30, 0)), 'png', [[[10, 20, 30]]]),
    (Image.new('LA', (1, 1), (90, 0)), 'png', [[[90, 90, 90]]]),
    (Image.new('1', (1, 1), 1), 'png', [[[255, 255, 255]]]),
    (gray([[0, 77]], np.uint8), 'png', [[[0] * 3, [77] * 3]]),
    (gray([[0, 255]], np.uint16), 'png', [[[0] * 3, [255] * 3]])])
def test_color_conversion(tmp_path, image, ending, expected):
    image.save(tmp_path / f'a.{ending}')
    assert np.asarray(read_image(tmp_path / f'a.{ending}', 'images')).tolist() == expected


def test_exif_orientation(tmp_path):
    pixels, exif = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8), Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / 'a.png', exif=exif)
    np.testing.assert_array_equal(read_image(tmp_path / 'a.png', 'images'), np.rot90(pixels, -1))


def test_raw_pixels_are_stored_values(tmp_path):
    palette().save(tmp_path / 'a.png')
    image = read_image(tmp_path / 'a.png', 'labels', raw=True)
    assert image.mode == 'P' and np.asarray(image).tolist() == [[0, 1], [2, 1]]


@pytest.mark.parametrize('content, decoding', [
    (gray([[0, 256]], np.uint16), True), (gray([[.5]], np.float32), True),
    (b'text', True), (b'', True), (None, False)])
def test_errors_name_field_and_file(tmp_path, content, decoding):
    path = tmp_path / 'a.tif'
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        content.save(path)
    with pytest.raises(ConfigError, match=r"images\[1\]='.*a\.tif'") as error:
        read_image(path, 'images[1]')
    assert is_decoding_error(error.value.__cause__) == decoding


SIZE = 32
#: Two colors, so that orientation and color show: the top is bright, the bottom dark.
BANDS = np.repeat([200, 40], SIZE // 2)[:, None].repeat(SIZE, 1).astype(np.uint8)
COLORS = np.stack([BANDS, BANDS // 2, 255 - BANDS], axis=2)


def with_alpha(mode, pixels):
    image = Image.fromarray(pixels).convert(mode)
    image.putalpha(Image.fromarray(BANDS.T.copy()))  # partly transparent
    return image


def save_rotated(path):
    """Stored on its side; the orientation turns it upright."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(COLORS).copy()).save(path, exif=exif, quality=100, subsampling=0)


def save_transparent_palette(path):
    image = Image.fromarray((BANDS == 40).astype(np.uint8))
    image.putpalette([200, 100, 55, 40, 20, 215])
    image.save(path, transparency=1)


FILES = {
    'rotated.jpg': (save_rotated, COLORS),
    'gray-alpha.png': (with_alpha('L', BANDS).save, BANDS[..., None].repeat(3, 2)),
    'alpha.png': (with_alpha('RGB', COLORS).save, COLORS),
    'palette.png': (Image.fromarray(COLORS).quantize(4).save, COLORS),
    'transparent-palette.png': (save_transparent_palette, COLORS),
    # Inverse of Pillow's CMYK to RGB without black.
    'cmyk.jpg': (partial(Image.merge('CMYK', [
        *Image.fromarray(255 - COLORS).split(), Image.new('L', (SIZE, SIZE))]).save, quality=100,
        subsampling=0), COLORS),
    'gray.jpg': (partial(Image.fromarray(BANDS).save, quality=100), BANDS[..., None].repeat(3, 2)),
}


def by_training(path):
    dataset = ImageFolder(str(path.parent), with_label=False, broken='error',
                          pipeline=[dict(type='mmguided.LoadImage'), dict(type='PackInputs')])
    return dataset[0]['inputs'].flip(0).permute(1, 2, 0)


@cache
def micro():
    return get_model(str(ROOT / 'configs/mae/vit-micro_folder-32.py'))


def by_inspection(path):
    return 255 * inspect(micro(), path).images[0]


def by_analysis(path):
    return AnalysisImages([path], [(SIZE, SIZE)])[0][SIZE, SIZE].permute(1, 2, 0)


def by_mask_objects(path):
    record = dict(images=[dict(id=0, file_name=path.name, height=SIZE, width=SIZE)], annotations=[
        dict(id=0, image_id=0, category_id=1, iscrowd=0, area=4, bbox=[0, 0, 2, 2],
             segmentation=[[0, 0, 2, 0, 2, 2, 0, 2]])], categories=[dict(id=1, name='box')])
    path.with_suffix('.json').write_text(json.dumps(record))
    images, _ = import_tool('analysis_tools/mask_objects').load_images(
        path.with_suffix('.json'), path.parent, (SIZE, SIZE))
    return images[0].permute(1, 2, 0)


def by_mask_evolution(path):
    tool = import_tool('visualization/mask_evolution')
    image = tool.read_for_model(micro(), path, '--images')
    return tool.centers([image], (SIZE, SIZE))[0].permute(1, 2, 0)


def by_video(path):
    mask = path.parent / 'masks/0.png'
    write_mask(mask, np.ones((SIZE, SIZE), np.uint8))
    results = dict(sequence='a', frame_paths=[str(path)], mask_paths=[str(mask)])
    return LoadVideo()(results)['img'][0, ::-1].transpose(1, 2, 0)


def by_clip_training(path):
    (path.parent / 'class').mkdir()
    path.rename(path.parent / 'class' / path.name)
    dataset = import_tool('train_clip').load_images(path.parent)
    return np.asarray(dataset.loader(dataset.samples[0][0]))


def by_quickstart(path):
    return import_tool('prepare_quickstart')._shrink(path)


@pytest.mark.parametrize('read', [
    by_training, by_inspection, by_analysis, by_mask_objects, by_mask_evolution, by_video,
    by_clip_training, by_quickstart])
@pytest.mark.parametrize('name', FILES)
def test_all_tools_read_the_same_pixels(tmp_path, name, read):
    save, expected = FILES[name]
    save(tmp_path / name)
    np.testing.assert_allclose(np.asarray(read(tmp_path / name), np.float32), expected,
                               atol=4 if name.endswith('jpg') else 1e-3)


@pytest.mark.parametrize('mode, ending', [('RGB', 'jpg'), ('L', 'jpg'), ('RGB', 'png'),
                                          ('L', 'png'), ('RGBA', 'png'), ('CMYK', 'jpg')])
def test_training_reads_the_pixels_of_mmcv(tmp_path, mode, ending):
    pixels = np.random.default_rng(0).integers(0, 256, (21, 34, 4), np.uint8)
    Image.fromarray(pixels).convert(mode).save(tmp_path / f'a.{ending}')
    info = dict(img_path=str(tmp_path / f'a.{ending}'))
    ours = ImageFolder(str(tmp_path), pipeline=[dict(type='mmguided.LoadImage')])[0]
    mmcv = LoadImageFromFile(imdecode_backend='pillow')(dict(info))
    np.testing.assert_array_equal(ours['img'], mmcv['img'])
    assert ours['img_shape'] == ours['ori_shape'] == mmcv['img_shape'] == (21, 34)


def test_training_refuses_values_above_8_bits(tmp_path):
    gray([[0, 256]], np.uint16).save(tmp_path / 'a.png')
    with pytest.raises(ConfigError, match='mode I.* do not fit into 8 bits'):
        by_training(tmp_path / 'a.png')


DEEP = np.arange(30).reshape(2, 3, 5).astype(np.uint8)


# Pillow would silently drop the low bytes, and the bands after the third.
@pytest.mark.parametrize('read', [by_training, by_inspection])
@pytest.mark.parametrize('name, save', [
    ('a.png', lambda path: cv2.imwrite(str(path), 257 * DEEP[..., :3].astype(np.uint16))),
    ('b.tif', lambda path: cv2.imwrite(str(path), 257 * DEEP[..., :3].astype(np.uint16))),
    ('five.tif', partial(
        tifffile.imwrite, data=DEEP, photometric='rgb', planarconfig='contig')),
    ('two.tif', partial(
        tifffile.imwrite, data=DEEP[..., :2], photometric='minisblack', planarconfig='contig'))])
def test_deep_colors_and_other_bands_are_refused(tmp_path, name, save, read):
    save(tmp_path / name)
    with pytest.raises(ConfigError, match=f'{name}.*need mmguided.LoadRaster'):
        read(tmp_path / name)
