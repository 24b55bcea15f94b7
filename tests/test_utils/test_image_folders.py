"""All datasets and tools list the same images of a folder."""
import os
import random
import sys

import pytest
from mmengine.config import Config

from mmguided.cli.arguments import fill_num_classes
from mmguided.datasets import ImageFolder
from mmguided.datasets.analysis_images import list_images
from mmguided.utils import image_folders
from mmguided.utils.image_folders import find_images, images_by_class
from tests.helpers.images import write_image
from tests.helpers.tools import import_tool

IMAGES = {'a/1.jpg', 'a/2.JFIF', 'b/3.webp', 'b/deep/4.tif'}

#: Additional content -> (function that writes it, reason and names that are left out).
KINDS = {
    'hidden': (lambda root: (write_image(root / '.ipynb_checkpoints/1.png'),
                             (root / 'a/._1.jpg').write_bytes(b'resource fork')),
               "hidden: 2, for example '.ipynb_checkpoints'"),
    'extension': (lambda root: ((root / 'c').mkdir(), (root / 'c/x.gif').touch(),
                                (root / 'a/LICENSE').touch()),
                  "other extension: 2, for example 'a/LICENSE'"),
    'link': (lambda root: (root / 'a/0.png').symlink_to('gone.png'),
             "broken link: 1, for example 'a/0.png'"),
    'self': (lambda root: (root / 'b/0.png').symlink_to('0.png'),
             "broken link: 1, for example 'b/0.png'"),
    'pipe': (lambda root: os.mkfifo(root / 'a/0.png'), "not a file: 1, for example 'a/0.png'"),
    'loop': (lambda root: (root / 'a/up').symlink_to('..'),
             "loop of links: 1, for example 'a/up'"),
    'two loops': (lambda root: ((root / 'a/x').symlink_to(root.parent / 'other'),
                                (root.parent / 'other/y').symlink_to(root / 'a')),
                  "loop of links: 1, for example 'a/x/y'"),
    'empty': (lambda root: ((root / 'c').mkdir(), (root / 'a/folder.png').mkdir()), None),
}


@pytest.fixture(params=KINDS)
def tree(request, tmp_path):
    """A folder with IMAGES and one more kind of content, and the expected line of the log."""
    root = tmp_path / 'data'
    for name in IMAGES:
        write_image(root / name)
    (tmp_path / 'other').mkdir()
    write, left_out = KINDS[request.param]
    write(root)
    return root, left_out and f'{str(root)!r}: 4 images found. Left out: {left_out}.'


def by_function(root, tmp_path):
    return find_images(root)


def by_training(root, tmp_path):
    dataset = ImageFolder(str(root), with_label=True, pipeline=[])
    assert dataset.CLASSES == ('a', 'b')
    return [dataset.get_data_info(i)['img_path'] for i in range(len(dataset))]


def by_classes(root, tmp_path):
    dataset = ImageFolder(str(root), classes=['b', 'a'], pipeline=[])
    return [dataset.get_data_info(i)['img_path'] for i in range(len(dataset))]


def by_analysis(root, tmp_path):
    return list_images(root)


def by_clip_training(root, tmp_path):
    dataset = import_tool('train_clip').load_images(root)
    assert dataset.classes == ['a', 'b'] and [*map(dataset.classes.__getitem__, dataset.targets)] \
        == [os.path.relpath(path, root)[0] for path, _ in dataset.samples]
    return [path for path, _ in dataset.samples]


def by_low_shot(root, tmp_path):
    sys.argv[1:] = [str(root), '--percent', '100', '--out', str(tmp_path / 'list.txt')]
    import_tool('dataset_converters/make_low_shot_subset').main()
    rows = [line.rsplit(' ', 1) for line in (tmp_path / 'list.txt').read_text().splitlines()]
    assert all('ab'[int(label)] == path[0] for path, label in rows)
    return [path for path, _ in rows]


def by_quickstart(root, tmp_path):
    copies = import_tool('prepare_quickstart').folder_images(
        root, random.Random(0), 1000, folder_labels=True)
    return [load.args[0] for load in copies.values()]


@pytest.mark.parametrize('lister', [by_function, by_training, by_classes, by_analysis,
                                    by_clip_training, by_low_shot, by_quickstart])
def test_all_tools_list_the_same_images(tree, tmp_path, monkeypatch, lister):
    root, expected = tree
    # A list of classes does not search the other folders.
    if expected and lister is by_classes:
        expected = expected.replace("hidden: 2, for example '.ipynb_checkpoints'",
                                    "hidden: 1, for example 'a/._1.jpg'").replace(
                                        'extension: 2', 'extension: 1')
    lines = []
    monkeypatch.setattr(sys, 'argv', [''])
    monkeypatch.setattr(image_folders, 'print_log', lambda line, **kwargs: lines.append(line))
    found = [os.path.relpath(path, root) if os.path.isabs(path) else path
             for path in map(str, lister(root, tmp_path))]
    assert sorted(found) == sorted(IMAGES)
    assert lines == ([expected] if expected else [])


def test_number_of_classes(tree):
    """``num_classes=None`` in configs for folders, and Tiny-ImageNet's labels."""
    root, _ = tree
    (root / 'up').symlink_to('..')  # leads to data/a/1.jpg again
    cfg = Config(dict(model=dict(head=dict(num_classes=None)), train_dataloader=dict(
        dataset=dict(data_root=str(root.parent), data_prefix='data'))))
    fill_num_classes(cfg)
    assert cfg.model.head.num_classes == 2
    cfg.merge_from_dict({'model.head.num_classes': None,
                         'train_dataloader.dataset.classes': ['b']})
    fill_num_classes(cfg)
    assert cfg.model.head.num_classes == 1
    tiny = import_tool('dataset_converters/convert_tiny_imagenet')
    assert tiny.folder_labels(root) == {'a': 0, 'b': 1}


def test_images_outside_of_class_folders(tmp_path, monkeypatch):
    lines = []
    monkeypatch.setattr(image_folders, 'print_log', lambda line, **kwargs: lines.append(line))
    assert images_by_class(tmp_path, ['1.png', 'a-b/2.png', 'a/x/3.png', 'a/y.png']) == {
        'a': ['a/x/3.png', 'a/y.png'], 'a-b': ['a-b/2.png']}
    assert lines == [f"'{tmp_path}': 1 images are left out because they are not in a class "
                     "folder, for example '1.png'."]


def test_links_to_files_and_folders_are_followed(tmp_path):
    write_image(tmp_path / 'other/deep/1.png')
    (tmp_path / 'data').mkdir()
    (tmp_path / 'data/folder').symlink_to('../other')
    (tmp_path / 'data/2.png').symlink_to('../other/deep/1.png')
    assert find_images(tmp_path / 'data') == ['2.png', 'folder/deep/1.png']


def test_remote_folders(monkeypatch):
    monkeypatch.setattr(image_folders, 'list_dir_or_file', lambda path, **kwargs: {
        's3://data/': ['b/1.png', 'a/2.jpg', '.c/3.png', 'a/._2.jpg', 'a/x.txt']}[path])
    assert find_images('s3://data/') == ['a/2.jpg', 'b/1.png']
