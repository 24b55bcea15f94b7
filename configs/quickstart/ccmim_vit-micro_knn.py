r"""k-NN accuracy of the quickstart's encoder, by the mean of its patch tokens.

    python tools/test.py configs/quickstart/ccmim_vit-micro_knn.py \
        work_dirs/quickstart/epoch_12.pth

On the digits that the quickstart has prepared; `bash tools/quickstart.sh` runs this too, for the
pretrained and for the untrained encoder (work_dirs/quickstart/untrained.pth).

Hardware: a CPU, in seconds. No paper reports a number for this size; ours stands in README.md.
"""
_base_ = ['../benchmarks/folder/vit-tiny_knn.py', '../_base_/quickstart_evaluation.py']

model = dict(
    ks=(10, ),
    backbone=_base_.encoder,
    bank_dataloader=dict(
        num_workers=0, dataset=dict(_base_.digits, data_prefix='train/digits')))
test_dataloader = dict(num_workers=0, dataset=dict(_base_.digits, data_prefix='val/digits'))
