r"""k-NN accuracy of the ViT that the vit-micro_folder-32.py configs pretrain.

    python tools/test.py configs/benchmarks/folder/vit-micro_knn.py CHECKPOINT --data-root FOLDER

The other settings are those of vit-tiny_knn.py.
"""
_base_ = ['./vit-tiny_knn.py', '../../_base_/vit-micro.py']

model = dict(
    # The mean patch token, because the contrast of CMAE does not train [CLS].
    backbone=dict(out_type='featmap', **_base_.encoder))
