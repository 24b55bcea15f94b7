r"""k-NN accuracy of the ViT that the vit-micro_folder-32.py configs pretrain.

    python tools/test.py configs/benchmarks/folder/vit-micro_knn.py CHECKPOINT --data-root FOLDER

The rest is vit-tiny_knn.py.
"""
_base_ = ['./vit-tiny_knn.py']

model = dict(
    backbone=dict(
        arch=dict(
            _delete_=True,
            embed_dims=128,
            num_layers=4,
            num_heads=4,
            feedforward_channels=512),
        # The mean patch token, because CMAE does not train [CLS] by its contrast.
        out_type='featmap'))
