r"""k-NN accuracy of the quickstart's encoders, on the mean patch token.

    python tools/test.py configs/quickstart/ccmim_vit-micro_knn.py \
        work_dirs/quickstart/ccmim/epoch_12.pth
"""
_base_ = ['../benchmarks/folder/vit_knn.py', '../_base_/quickstart_evaluation.py']

model = dict(
    ks=(10, ),
    backbone=_base_.encoder,
    bank_dataloader=dict(
        num_workers=0, dataset=dict(_base_.labeled_images, data_prefix='train/labeled')))
test_dataloader = dict(
    num_workers=0, dataset=dict(_base_.labeled_images, data_prefix='val/labeled'))
