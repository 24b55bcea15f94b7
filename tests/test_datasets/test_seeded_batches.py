"""Order of the images of folders, shards and Hugging Face datasets over processes and workers."""
import itertools

import datasets
import numpy as np
import pytest
import torch
from mmengine.model import BaseModel
from PIL import Image
from torch import nn

import mmguided.engine.hooks  # noqa: F401
import mmguided.models  # noqa: F401
from mmguided.utils.toolboxes import import_toolboxes
from tests.helpers.processes import in_processes
from tests.helpers.tools import run_tool
from tests.helpers.toy import train_module

PIPELINE = [dict(type='mmguided.RandomResizedCrop', scale=8), dict(type='RandomFlip', prob=.5),
            dict(type='PackInputs')]
LOAD = dict(type='mmguided.LoadImage')


class Model(BaseModel):
    """Model that notes index, label and mean pixel of each augmented image."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.seen = []

    def forward(self, inputs, data_samples, mode='loss'):
        self.seen += [(sample.sample_idx, sample.gt_label.item(), image.float().mean().item())
                      for image, sample in zip(inputs, data_samples, strict=True)]
        return dict(loss=self.weight.square())


@pytest.fixture
def folder(tmp_path):
    """Sixteen images of noise of two classes."""
    for i, image in enumerate(np.random.default_rng(0).integers(0, 256, (16, 12, 12, 3), np.uint8)):
        path = tmp_path / f'images/{"ab"[i // 8]}/{i:02}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    return tmp_path / 'images'


def image_folder(folder, monkeypatch):
    return dict(type='mmguided.ImageFolder', data_root=str(folder), pipeline=[LOAD, *PIPELINE])


def shards(folder, monkeypatch):
    out = folder.with_name('shards')
    run_tool(monkeypatch, 'dataset_converters/make_shards.py', folder, '--out', out,
             '--short-side', 12, '--images-per-shard', 5)
    load = dict(LOAD, backend_args=dict(backend='mmguided.shards'))
    return dict(type='mmguided.ImageFolder', data_root=str(out), ann_file='images.txt',
                with_label=True, pipeline=[load, *PIPELINE])


def hugging_face(folder, monkeypatch):
    paths = sorted(folder.rglob('*.png'))
    rows = datasets.Dataset.from_dict(dict(
        image=[path.read_bytes() for path in paths],
        label=['ab'.index(path.parent.name) for path in paths]))
    rows.save_to_disk(folder.with_name('rows'), num_shards=3)
    return dict(type='mmguided.HuggingFaceImages', data_root=str(folder.with_name('rows')),
                pipeline=[LOAD, *PIPELINE])


@pytest.mark.parametrize('make', [image_folder, shards, hugging_face])
def test_resume_over_two_processes_and_two_workers(folder, tmp_path, monkeypatch, make):
    """Every image once per epoch, in another order in each epoch; a run that resumes within an
    epoch or at its end reads the same crops in the same order."""
    dataset = make(folder, monkeypatch)
    import_toolboxes('mmpretrain')  # here, because each process would import them

    def train(name, **settings):
        model = Model()
        runner = train_module(
            model, tmp_path / name, None, 2, train_dataloader=dict(
                dataset=dataset, batch_size=2, num_workers=2, persistent_workers=True,
                sampler=dict(type='DefaultSampler', shuffle=True)),
            hooks=[dict(type='CheckpointHook', by_epoch=False, interval=3),
                   dict(type='mmguided.RNGStateHook')],
            randomness=dict(seed=0), log_level='ERROR', experiment_name=name, **settings)
        runner.train_dataloader._iterator = None  # end the workers
        return model.seen

    def runs():
        straight = train('straight')
        return straight, {past: train(f'{make.__name__}{past}', resume=True, load_from=str(
            tmp_path / f'straight/{name}.pth')) for past, name in (
                (3, 'iter_3'), (4, 'epoch_1'))}

    ranks = in_processes(runs, tmp_path)
    epochs = [[straight[i:i + 8] for straight, _ in ranks] for i in (0, 8)]
    orders = [[[index for index, _, _ in rank] for rank in epoch] for epoch in epochs]
    for order, epoch in zip(orders, epochs, strict=True):
        assert sorted(itertools.chain(*order)) == list(range(16))
        assert all(label == index // 8 for rank in epoch for index, label, _ in rank)
    assert orders[0] != orders[1] and sum(orders[0], []) != sorted(sum(orders[0], []))
    assert len({pixel for epoch in epochs for rank in epoch for *_, pixel in rank}) > 30
    for straight, resumed in ranks:
        assert len(straight) == 16
        for past, seen in resumed.items():
            assert seen == straight[2 * past:], past
