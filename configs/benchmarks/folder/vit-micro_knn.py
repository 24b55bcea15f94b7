r"""k-NN accuracy of the ViT that configs/cmae/vit-micro_folder-32.py pretrains; nothing is trained.

    python tools/test.py configs/benchmarks/folder/vit-micro_knn.py CHECKPOINT --cfg-options \
        model.bank_dataloader.dataset.data_root=FOLDER test_dataloader.dataset.data_root=FOLDER

Folders, sizes and the rest as in vit-tiny_knn.py.
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
        # The mean patch: [CLS] takes no part in CMAE's contrast.
        out_type='featmap'))
