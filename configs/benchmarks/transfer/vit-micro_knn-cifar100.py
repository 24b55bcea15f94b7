"""CIFAR-100 in its original format: k-NN accuracy of the ViT that the vit-micro_folder-32.py
configs pretrain; nothing is trained.

    python tools/test.py configs/benchmarks/transfer/vit-micro_knn-cifar100.py CHECKPOINT

The rest is ../folder/vit-micro_knn.py.

Hardware: a CPU will do, not measured yet. No paper reports a number for this size.
"""
_base_ = [
    '../folder/vit-micro_knn.py',
    '../../_base_/datasets/transfer/cifar100.py',
]

pipeline = _base_.test_pipeline[-1:]  # arrays of 32 x 32: nothing to load, nor to resize
model = dict(
    data_preprocessor=dict(to_rgb=False),
    bank_dataloader=dict(dataset=dict(_base_.cifar100.train, pipeline=pipeline)))
test_dataloader = dict(dataset=dict(_base_.cifar100.val, pipeline=pipeline))
