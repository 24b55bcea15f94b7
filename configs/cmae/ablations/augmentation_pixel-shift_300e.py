"""CMAE ablation (Table 4b): pixel shift without color augmentation, 300 epochs.

    tools/dist_train.sh configs/cmae/ablations/augmentation_pixel-shift_300e.py 8

Hardware: 8 GPUs, 512 images each, total batch 4096; --auto-scale-lr for any other number, which
changes the number of negatives too. Time: not measured by us.
The paper's number: fine-tune 83.4. Ours: not measured.
"""
_base_ = ['../vit-b_300e.py']

train_pipeline = [
    *_base_.train_pipeline[:2],
    dict(type='mmguided.PixelShift', crop_size=224, max_shift=31),
    _base_.train_pipeline[-1],
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
