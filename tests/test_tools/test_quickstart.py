"""The quickstart, end to end with a tiny budget, and what it does with folders of images."""
import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mmguided.utils.errors import ConfigError
from tests.helpers.paths import ROOT

sys.path.insert(0, str(ROOT / 'tools'))  # as it is when the tool runs
from sample_images import CROPS, PHOTOGRAPHS, SIDE, prepare_images  # noqa: E402


@pytest.fixture(scope='module')
def quickstart():
    return importlib.import_module('quickstart')  # as its second process does


@pytest.fixture
def run(quickstart, monkeypatch, tmp_path, capsys):
    """Runs the tool in this process; gives what it printed, and its work directory."""

    def call(*args):
        work_dir = tmp_path / 'work'
        monkeypatch.setattr(
            sys, 'argv', ['quickstart.py', *map(str, args), '--work-dir', str(work_dir)])
        capsys.readouterr()
        quickstart.main()
        return capsys.readouterr().out, work_dir

    return call


def write_image(path, color=None, size=(80, 70)):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.randint(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(noise if color is None else noise // 4 + np.uint8(color)).save(path)


def copies(root, split):
    return sorted(p.relative_to(root / split).as_posix() for p in (root / split).rglob('*.png'))


def test_built_in_images_end_to_end(run):
    """Long, since it makes the images, trains two encoders, and probes three in two ways."""
    out, work_dir = run('--epochs', 2, '--max-images', 400)
    results = json.loads((work_dir / 'results.json').read_text())
    for encoder, line in (('untrained', 'same initial weights'), ('mae', 'pretrained with MAE'),
                          ('ccmim', 'pretrained with ccMIM')):
        accuracy = results['accuracy'][encoder]
        assert all(0 < accuracy[probe] <= 100 for probe in ('knn', 'linear'))
        row = next(row for row in out.splitlines() if line in row)
        assert f'{accuracy["knn"]:.1f} %' in row and f'{accuracy["linear"]:.1f} %' in row
    # The untrained encoder was saved before the first step, and both trainings start from it.
    assert results['accuracy']['untrained'] != results['accuracy']['ccmim']
    states = [torch.load(work_dir / path, weights_only=False)['state_dict'] for path in (
        'untrained.pth', 'mae/epoch_2.pth', 'epoch_2.pth')]
    shifts = [sum((state[name] - states[0][name]).abs().mean() for name in state
                  if name.startswith('backbone.layers')) for state in states[1:]]
    assert all(0 < shift < 1 for shift in shifts)
    masks = results['masks']
    assert masks['by_chance'] == pytest.approx(30 / 49) and .58 < masks['topk_overlap'] < 1
    assert f'{masks["topk_overlap"]:.0%} are those of the highest' in ' '.join(out.split())
    for path in ('epoch_2.pth', 'figures/epoch_1.png', 'figures/epoch_2.png', 'loss_curves.png'):
        assert (work_dir / path).stat().st_size > 5000, path
        assert path in out
    log = next(work_dir.glob('*/*.log'))
    assert 'loss_contrast' in log.read_text() and log.name in out
    assert 'MNIST' in out and 'Epoch(train)' not in out  # the log stays in its file


def test_labeled_folder_with_a_broken_image(run, tmp_path):
    folder = tmp_path / 'images'
    for name, color in (('dark', 0), ('bright', 150)):
        for i in range(10):
            write_image(folder / name / f'{i}.png', color)
    (folder / 'dark/broken.jpg').write_bytes(b'no image')
    out, work_dir = run(folder, '--epochs', 1, '--max-images', 50)
    assert '1 unreadable images were left out' in out
    assert json.loads((work_dir / 'results.json').read_text())['accuracy']['ccmim'] == dict(
        knn=100, linear=100)


def test_unlabeled_folder_gives_no_table(run, tmp_path):
    for i in range(6):
        write_image(tmp_path / 'images' / f'{i}.png')
    out, work_dir = run(tmp_path / 'images', '--epochs', 1, '--max-images', 10)
    assert 'No accuracies' in out and 'linear probe' not in out
    assert json.loads((work_dir / 'results.json').read_text())['accuracy'] is None
    assert (work_dir / 'figures/epoch_1.png').is_file()


@pytest.mark.parametrize('kind, message', [
    ('missing', 'does not exist'), ('file', 'is a file'), ('empty', 'holds no images')])
def test_wrong_folder_exits_with_one_line(run, tmp_path, kind, message):
    path = tmp_path / kind
    if kind == 'file':
        path.touch()
    if kind == 'empty':
        path.mkdir()
    with pytest.raises(SystemExit) as stop:
        run(path)
    assert str(stop.value).startswith(f"error: IMAGE_FOLDER='{path}' {message}")


def test_folder_of_broken_images_is_an_error(tmp_path):
    (tmp_path / 'images').mkdir()
    (tmp_path / 'images/a.png').write_bytes(b'')
    with pytest.raises(ConfigError, match='none of its 1 images can be read'):
        prepare_images(tmp_path / 'out', tmp_path / 'images')


def test_own_output_is_not_taken_as_input(tmp_path):
    write_image(tmp_path / 'out/train/a.png')
    with pytest.raises(ConfigError, match='lies within'):
        prepare_images(tmp_path / 'out', tmp_path / 'out/train')
    assert (tmp_path / 'out/train/a.png').is_file()


def test_split_is_per_class_disjoint_and_repeatable(tmp_path):
    for name, count in (('a', 10), ('b', 5)):
        for i in range(count):
            write_image(tmp_path / 'images' / name / f'{i}.png')
    images = prepare_images(tmp_path / 'out', tmp_path / 'images')
    root = Path(images.root)
    assert images.num_train == 12
    assert [p.split('/')[0] for p in copies(root, 'val')] == ['a', 'a', 'b']
    pixels = {s: [(root / s / p).read_bytes() for p in copies(root, s)] for s in ('train', 'val')}
    assert len(set(pixels['train'] + pixels['val'])) == 15
    prepare_images(tmp_path / 'again', tmp_path / 'images')
    for split, expected in pixels.items():
        again = tmp_path / 'again'
        assert [(again / split / p).read_bytes() for p in copies(again, split)] == expected


def test_train_and_val_folders_are_kept(tmp_path):
    for split, count in (('train', 3), ('val', 2)):
        for name in 'ab':
            for i in range(count):
                write_image(tmp_path / 'images' / split / name / f'{i}.png')
    images = prepare_images(tmp_path / 'out', tmp_path / 'images')
    assert images.num_train == 6 and images.labeled == ''
    assert len(copies(tmp_path / 'out', 'val')) == 4


def test_prepared_images_are_reused_until_the_folder_changes(tmp_path):
    folder, out = tmp_path / 'images', tmp_path / 'out'
    for i in range(5):
        write_image(folder / f'{i}.png', size=(300, 200))
    first = prepare_images(out, folder)
    copy = next(out.rglob('*.png'))
    assert min(Image.open(copy).size) == SIDE
    time = copy.stat().st_mtime_ns
    assert prepare_images(out, folder) == first and copy.stat().st_mtime_ns == time
    write_image(folder / 'new.png')
    assert prepare_images(out, folder).num_train == first.num_train + 1


def test_crops_for_training_and_validation_do_not_overlap(tmp_path, monkeypatch):
    import sample_images

    # Photographs whose halves differ in color: a crop across the middle would be of both.
    def halves(package):
        return tmp_path / package

    for package, name in PHOTOGRAPHS:
        (tmp_path / package).mkdir(exist_ok=True)
        pixels = np.zeros((200, 300, 3), np.uint8)
        pixels[:, 150:] = 255
        path = (tmp_path / package / name).with_suffix('.png')
        Image.fromarray(pixels).save(path)
        path.rename(tmp_path / package / name)
    monkeypatch.setattr(sample_images, 'files', halves)
    images = prepare_images(tmp_path / 'out')
    for split, count in CROPS.items():
        paths = list((Path(images.root) / split / 'photographs').iterdir())
        assert len(paths) == count * len(PHOTOGRAPHS)
        for path in paths:
            name = path.stem.split('_', 1)[1]
            side = next(s for (_, n), s in PHOTOGRAPHS.items() if Path(n).stem == name)
            expected = 255 if (side == 'right') == (split == 'val') else 0
            assert (np.asarray(Image.open(path)) == expected).all(), path
