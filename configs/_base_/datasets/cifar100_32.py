"""CIFAR-100 for pretraining at 32 x 32: data/cifar100/, downloaded there at the first run (170 MB).

Without network, unpack the "python version" into that folder and add
`--cfg-options train_dataloader.dataset.download=False`.
"""
_base_ = ['./cifar10_32.py']

dataset_type = 'CIFAR100'
data_root = 'data/cifar100'
data_preprocessor = dict(mean=[129.304, 124.070, 112.434], std=[68.170, 65.392, 70.418])

train_dataloader = dict(dataset=dict(type=dataset_type, data_root=data_root))
