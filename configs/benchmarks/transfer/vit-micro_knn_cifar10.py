"""k-NN accuracy of a ViT-micro on CIFAR-10; the protocol is ../folder/vit-micro_knn.py.

    python tools/test.py configs/benchmarks/transfer/vit-micro_knn_cifar10.py CHECKPOINT
"""
_base_ = ['../folder/vit-micro_knn.py', '../../_base_/datasets/transfer.py']

pipeline = _base_.test_pipeline[-1:]  # 32 x 32 arrays, not files
model = dict(
    data_preprocessor=dict(to_rgb=False),
    bank_dataloader=dict(dataset=dict(_base_.cifar10.train, pipeline=pipeline)))
test_dataloader = dict(dataset=dict(_base_.cifar10.val, pipeline=pipeline))
