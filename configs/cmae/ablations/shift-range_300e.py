"""CMAE ablation (Fig. 4a): the range of the pixel shift, 300 epochs; 31 pixels unless

    --cfg-options train_dataloader.dataset.pipeline.1.scale=SIZE \
        train_dataloader.dataset.pipeline.2.max_shift=RANGE

is added to the command, with SIZE = 224 + RANGE.

    tools/dist_train.sh configs/cmae/ablations/shift-range_300e.py 8

Hardware: 8 GPUs, 512 images each, total batch 4096; --auto-scale-lr for any other number, which
changes the number of negatives too. Time: not measured by us.
The paper plots fine-tuning accuracy over the range; 31 is best. Ours: not measured.
"""
_base_ = ['../vit-b_300e.py']
