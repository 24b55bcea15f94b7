"""CMAE ablation (Table 4b): two random crops without color augmentation, 300 epochs.

    tools/dist_train.sh configs/cmae/ablations/augmentation_random-crop_300e.py 8

Hardware: 8 GPUs, 512 images each, total batch 4096; --auto-scale-lr for any other number, which
changes the number of negatives too. Time: not measured by us.
The paper's number: fine-tune 83.0. Ours: not measured.
"""
_base_ = [
    '../../_base_/models/cmae_vit-b.py',
    '../../_base_/datasets/imagenet_224_two-crops.py',
    '../../_base_/schedules/mim_adamw_300e.py',
    '../../_base_/default_runtime.py',
]
