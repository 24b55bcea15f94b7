"""Datasets of configs/benchmarks/transfer in their published layout, with two classes of three
images per split."""
import json
import pickle
from pathlib import Path

import numpy as np
from scipy.io import savemat

from tests.helpers.images import write_image


def write_text(path: Path, lines: list) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(''.join(f'{line}\n' for line in lines))


def _batch(path: Path, labels: list[int], key: str) -> None:
    """CIFAR images: 3072 bytes each, red rows first; red has the value of the label."""
    data = np.zeros((len(labels), 3, 1024), np.uint8)
    data[:, 0] = np.array(labels)[:, None]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps({'data': data.reshape(-1, 3072), key: labels}))


def cifar10(root: Path) -> None:
    for name in (*(f'data_batch_{i}' for i in range(1, 6)), 'test_batch'):
        _batch(root / 'cifar-10-batches-py' / name, [1, 9], 'labels')


def cifar100(root: Path) -> None:
    for name in ('train', 'test'):
        _batch(root / 'cifar-100-python' / name, [3, 99] * 3, 'fine_labels')


def dtd(root: Path) -> None:
    names, classes, splits = [], [], []
    for label, name in ((1, 'banded'), (47, 'zigzagged')):
        for i, split in enumerate((1, 2, 3, 1, 2, 3)):
            names.append(f'{name}/{name}_{i:04}.jpg')
            classes.append(label)
            splits.append(split)
            write_image(root / 'images' / names[-1], 5 * label)
    (root / 'imdb').mkdir()
    savemat(root / 'imdb/imdb.mat', {'images': {
        'name': np.array(names, object), 'class': classes, 'set': splits}})


def flowers102(root: Path) -> None:
    for i in range(1, 13):
        write_image(root / f'jpg/image_{i:05}.jpg', 20 * i)
    savemat(root / 'imagelabels.mat', {'labels': [1, 102] * 6})
    savemat(root / 'setid.mat', {
        'trnid': [1, 2, 3], 'valid': [4, 5, 6], 'tstid': [7, 8, 9, 10, 11, 12]})


def cub200(root: Path) -> None:
    images = [f'{label:03}.Bird/{i}.jpg' for label in (1, 200) for i in range(6)]
    for i, image in enumerate(images):
        write_image(root / 'images' / image, 20 * i)
    lines = {'images': images, 'image_class_labels': [1] * 6 + [200] * 6,
             'train_test_split': [0, 1] * 6}
    for name, values in lines.items():
        write_text(root / f'{name}.txt', [f'{i} {value}' for i, value in enumerate(values, 1)])


def stanford_dogs(root: Path) -> None:
    breeds = {1: 'n02085620-Chihuahua', 120: 'n02116738-African_hunting_dog'}
    for split, numbers in (('train', range(3)), ('test', range(3, 6))):
        images, labels = [], []
        for label, breed in breeds.items():
            for i in numbers:
                images.append([f'{breed}/{breed.partition("-")[0]}_{i}.jpg'])
                labels.append([label])
                write_image(root / 'Images' / images[-1][0], label)
        savemat(root / f'{split}_list.mat', {
            'file_list': np.array(images, object), 'labels': np.array(labels)})


def tiny_imagenet(root: Path) -> None:
    boxes = []
    for wnid in ('n02', 'n01'):
        for i in range(3):
            write_image(root / f'train/{wnid}/images/{wnid}_{i}.JPEG', 7, size=(64, 64))
            write_image(root / f'val/images/val_{len(boxes)}.JPEG', 9, size=(64, 64))
            boxes.append(f'val_{len(boxes)}.JPEG\t{wnid}\t0\t32\t44\t62')
        write_text(root / f'train/{wnid}/{wnid}_boxes.txt', [])
    write_text(root / 'val/val_annotations.txt', boxes)


def inaturalist(root: Path, year: int) -> None:
    categories = [dict(id=i, name=str(i), supercategory='Aves') for i in (1, 0)]
    for offset, split in enumerate(('train', 'val')):
        images, annotations = [], []
        for i in range(6):
            number = 100 * offset + i
            name = f'train_val{year}/Aves/{i % 2}/{number}.jpg'
            write_image(root / name, 20 * i)
            images.append(dict(id=number, file_name=name, height=10, width=12))
            annotations.append(dict(id=i, image_id=number, category_id=i % 2))
        (root / f'{split}{year}.json').write_text(json.dumps(
            dict(info={}, images=images, annotations=annotations, categories=categories)))


#: Variable of configs/_base_/datasets/transfer.py -> builder.
LAYOUTS = dict(
    cifar10=cifar10, cifar100=cifar100, dtd=dtd, flowers102=flowers102, cub200=cub200,
    stanford_dogs=stanford_dogs, tiny_imagenet=tiny_imagenet,
    inaturalist2018=lambda root: inaturalist(root, 2018),
    inaturalist2019=lambda root: inaturalist(root, 2019))
# : Variable -> converter and its arguments after the folder, for datasets that need one.
CONVERTERS = dict(
    stanford_dogs=['convert_stanford_dogs'], tiny_imagenet=['convert_tiny_imagenet'],
    inaturalist2018=['convert_inaturalist', '--year', '2018'],
    inaturalist2019=['convert_inaturalist', '--year', '2019'])
