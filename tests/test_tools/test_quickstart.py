"""The quickstart end to end, and the preparation of its images."""
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmguided.utils.errors import ConfigError
from tests.helpers.paths import ROOT
from tests.helpers.tools import import_tool

tool = import_tool('prepare_quickstart')


def write_image(path, color=None, size=(80, 70)):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.randint(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(noise if color is None else noise // 4 + np.uint8(color)).save(path)


def copies(root):
    """Copies below ``train`` and ``val``: relative path -> content."""
    return {path.relative_to(root).as_posix(): path.read_bytes()
            for split in ('train', 'val') for path in sorted((root / split).rglob('*.png'))}


def quickstart(*args, python=sys.executable):
    """Run quickstart.sh."""
    return subprocess.run(['bash', ROOT / 'tools/quickstart.sh', *args], capture_output=True,
                          text=True, env=os.environ | dict(PY=python))


@pytest.mark.parametrize('args, start', [
    (['--epochs'], '--epochs: '), (['--work-dir', '--epochs', '2'], '--work-dir: '),
    (['--max-images', ''], '--max-images: '), (['--work-dir', '{}'], '--work-dir={}: not empty')])
def test_errors_are_one_line_and_delete_nothing(tmp_path, args, start):
    (tmp_path / 'ccmim').mkdir()
    done = quickstart(*(arg.format(tmp_path) for arg in args), python='false')
    assert done.returncode == 1 and done.stdout == ''
    line, = done.stderr.splitlines()
    assert line.startswith(f'error: {start.format(tmp_path)}')
    assert (tmp_path / 'ccmim').is_dir()


def test_earlier_runs_of_the_quickstart_are_replaced(tmp_path):
    """They are removed even if preparing the images fails, as here."""
    for _ in range(2):
        done = quickstart(tmp_path / 'gone', '--work-dir', tmp_path / 'work')
        assert done.returncode == 1 and 'IMAGE_FOLDER=' in done.stderr
        assert not (tmp_path / 'work/ccmim').exists()
        (tmp_path / 'work/ccmim').mkdir()


def test_a_failure_of_ccmim_ends_mae(tmp_path):
    """Also its Python process, which would otherwise train on in the background."""
    python, images = tmp_path / 'python', tmp_path / 'work/data/train'
    python.write_text(f"""#!/bin/bash
case $* in
    *prepare*) mkdir -p {images} && touch {images}/{{1,2}}.png ;;
    *mae_vit*) echo $$ >{tmp_path}/pid && exec sleep 100 ;;
    *) until [[ -s {tmp_path}/pid ]]; do sleep .1; done && exit 3 ;;
esac
""")
    python.chmod(0o755)
    assert quickstart('--work-dir', tmp_path / 'work', python=python).returncode == 3
    pid = int((tmp_path / 'pid').read_text())
    for _ in range(50):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(.1)
    os.kill(pid, signal.SIGKILL)
    pytest.fail('the run of MAE goes on')


@pytest.mark.slow
def test_a_labeled_folder_end_to_end(tmp_path):
    for name, color in (('dark', 0), ('bright', 150)):
        for i in range(10):
            write_image(tmp_path / 'images' / name / f'{i}.png', color)
    (tmp_path / 'images/dark/broken.jpg').write_bytes(b'no image')
    work = tmp_path / 'work'
    done = quickstart(tmp_path / 'images', '--folder-labels', '--epochs', '2', '--work-dir', work)
    assert done.returncode == 0, done.stderr
    assert '20 images prepared, 1 unreadable' in done.stdout
    for path in ('ccmim/figures/epoch_1.png', 'ccmim/figures/epoch_2.png', 'loss_curves.png'):
        assert (work / path).stat().st_size > 5000, path
    results = {(row['checkpoint'], row['protocol'].rpartition('_')[2]): row['metrics']
               for row in json.loads((work / 'evaluation/evaluation.json').read_text())}
    assert results.keys() == {(name, protocol) for name in ('untrained', 'mae', 'ccmim')
                              for protocol in ('knn', 'linear')}
    assert results['ccmim', 'knn'] == {'knn/top1_k10': 100}
    assert results['ccmim', 'linear'] == {'accuracy/top1': 100}
    assert '| test samples | chance | standard error | untrained | mae | ccmim |' in done.stdout


@pytest.mark.parametrize('kind, match', [
    ('missing', 'does not exist'), ('file', 'not a folder'), ('empty', 'no images'),
    ('broken', '0 of 1 images'), ('out/train', 'inside of')])
def test_invalid_folders_are_errors(tmp_path, kind, match):
    path = tmp_path / kind
    if kind == 'file':
        path.touch()
    elif kind != 'missing':
        path.mkdir(parents=True)
    if kind == 'broken':
        (path / 'a.png').write_bytes(b'')
    if kind == 'out/train':
        write_image(path / 'a.png')
    with pytest.raises(ConfigError, match=f"IMAGE_FOLDER='{path}': {match}"):
        tool.prepare_images(tmp_path / 'out', path)
    assert (path / 'a.png').is_file() == (kind in ('broken', 'out/train'))


def test_data_of_others_are_not_deleted(tmp_path, monkeypatch):
    """For example of ``--out .`` where data sets are in ``data``."""
    write_image(tmp_path / 'data/imagenet/a.png')
    monkeypatch.setattr(sys, 'argv', ['', str(tmp_path / 'gone'), '--out', str(tmp_path)])
    with pytest.raises(SystemExit, match=f"^error: --out='{tmp_path}': .*data/"):
        tool.main()
    assert (tmp_path / 'data/imagenet/a.png').is_file()


@pytest.mark.parametrize('images, copied, figures', [
    # A fifth of each class is for validation. Classes without validation images are unlabeled.
    (dict(a=10, b=5, c=1), {
        'train/labeled/a': 8, 'train/labeled/b': 4, 'train/unlabeled': 1, 'val/labeled/a': 2,
        'val/labeled/b': 1}, 3),
    ({'.': 6}, {'train/unlabeled': 5, 'val/unlabeled': 1}, 1),
    # Existing folders for training and validation are kept.
    ({'train/a': 3, 'train/b': 3, 'train/train': 3, 'val/a': 2, 'val/b': 2, 'val/val': 2}, {
        'train/labeled/a': 3, 'train/labeled/b': 3, 'train/unlabeled': 3, 'val/labeled/a': 2,
        'val/labeled/b': 2, 'val/unlabeled': 2}, 2)])
def test_folders_of_images(tmp_path, images, copied, figures):
    """Each image is copied once, in a split that is reproducible."""
    for name, count in images.items():
        for i in range(count):
            write_image(tmp_path / 'images' / name / f'{i}.png', size=(300, 200))
    tool.prepare_images(tmp_path / 'out', tmp_path / 'images', folder_labels=True)
    files = copies(tmp_path / 'out')
    folders = [path.rpartition('/')[0] for path in files]
    assert {name: folders.count(name) for name in folders} == copied
    assert len(set(files.values())) == sum(images.values())
    assert len(list((tmp_path / 'out/figures').iterdir())) == figures
    assert min(Image.open(tmp_path / 'out' / next(iter(files))).size) == tool.SIDE
    tool.prepare_images(tmp_path / 'again', tmp_path / 'images', folder_labels=True)
    assert copies(tmp_path / 'again') == files
    tool.prepare_images(tmp_path / 'unlabeled', tmp_path / 'images')
    found = copies(tmp_path / 'unlabeled')
    assert len(found) == len(files) and {path.split('/')[1] for path in found} == {'unlabeled'}


def test_copies_are_upright_and_have_8_bits(tmp_path):
    """The orientation in the EXIF data is applied; images of 16 bits count as unreadable."""
    write_image(tmp_path / 'images/a.png', size=(90, 70))
    image = Image.open(tmp_path / 'images/a.png')
    image.getexif()[274] = 6  # turned by 90 degrees
    for i in range(3):
        image.save(tmp_path / f'images/{i}.jpg', exif=image.getexif())
    (tmp_path / 'images/a.png').unlink()
    Image.fromarray(np.full((80, 80), 9000, np.uint16)).save(tmp_path / 'images/deep.png')
    tool.prepare_images(tmp_path / 'out', tmp_path / 'images')
    paths = [path for path in (tmp_path / 'out').rglob('*.png') if path.parent.name != 'figures']
    assert [Image.open(path).size for path in paths] == [(64, 82)] * 3


def test_the_number_of_images_is_limited(tmp_path):
    for name, count in (('a', 10), ('b', 5), ('c', 1)):
        for i in range(count):
            write_image(tmp_path / 'images' / name / f'{i}.png')
    tool.prepare_images(tmp_path / 'out', tmp_path / 'images', 8, folder_labels=True)
    assert len(copies(tmp_path / 'out')) == 5 + 2 + 1


def test_crops_for_training_and_validation_do_not_overlap(tmp_path, monkeypatch):
    """On photographs whose halves differ in color, every crop has one color."""
    for package, name in tool.PHOTOGRAPHS:
        (tmp_path / package).mkdir(exist_ok=True)
        pixels = np.zeros((200, 300, 3), np.uint8)
        pixels[:, 150:] = 255
        Image.fromarray(pixels).save(tmp_path / package / name, format='PNG')
    monkeypatch.setattr(tool, 'files', lambda package: tmp_path / package)
    tool.prepare_images(tmp_path / 'out')
    assert len(list((tmp_path / 'out').glob('*/labeled/*/*.png'))) == 5000
    assert len(list((tmp_path / 'out/figures').iterdir())) == tool.NUM_FIGURES
    for split, count in tool.CROPS.items():
        paths = list((tmp_path / 'out' / split / 'unlabeled').iterdir())
        assert len(paths) == count * len(tool.PHOTOGRAPHS)
        for path in paths:
            name = path.stem.split('_', 1)[1]
            half = next(h for (_, n), h in tool.PHOTOGRAPHS.items() if Path(n).stem == name)
            expected = 255 if (half == 'right') == (split == 'val') else 0
            assert (np.asarray(Image.open(path)) == expected).all(), path
