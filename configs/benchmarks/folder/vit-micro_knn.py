r"""k-NN accuracy of the ViT that the vit-micro_folder-32.py configs pretrain.

    python tools/test.py configs/benchmarks/folder/vit-micro_knn.py CHECKPOINT --data-root FOLDER

The rest is vit-tiny_knn.py.
"""
_base_ = ['./vit-tiny_knn.py', '../../_base_/vit-micro.py']

model = dict(
    # The mean patch token, because CMAE does not train [CLS] by its contrast.
    backbone=dict(out_type='featmap', **_base_.encoder))
