r"""k-NN accuracy of the ViT that the vit-micro_folder-32.py configs pretrain.

    python tools/test.py configs/benchmarks/folder/vit-micro_knn.py CHECKPOINT --data-root FOLDER

The protocol is vit_knn.py. The checkpoint needs no config, because this config states the size.
"""
_base_ = ['./vit_knn.py', '../../_base_/vit-micro.py']

model = dict(backbone=_base_.encoder)
