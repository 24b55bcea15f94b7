"""SimMIM with Swin-B, L(0; .6): the baseline of Conditional MAE's two shots on Swin, 100 epochs.

    tools/dist_train.sh configs/conditional_mae/swin-b_one-shot_100e.py 8

Hardware: 8 GPUs, 256 images each, total batch 2048; --auto-scale-lr for any other number. Time: not
measured by us.
The paper's number (Table 6): fine-tune 83.8. It does not tell the schedule; this is SimMIM's of 100
epochs, in mmpretrain's version. Known elsewhere: fine-tune at 224 x 224 after 100 epochs 83.5
(SimMIM, mmpretrain), after 800 epochs 84.0 (SimMIM), 83.8 (mmpretrain), so that the paper's number
may be one of 800 epochs. Ours: not measured.
"""
_base_ = [
    '../_base_/models/simmim_swin-b.py',
    '../_base_/datasets/imagenet_192.py',
    '../_base_/schedules/simmim_adamw_100e.py',
    '../_base_/default_runtime.py',
]
