"""CMAE ablation (Table 4e): 65 % of the target view's patches masked, 300 epochs.

    tools/dist_train.sh configs/cmae/ablations/target-mask_0.65_300e.py 8

Hardware: 8 GPUs, 512 images each, total batch 4096; --auto-scale-lr for any other number, which
changes the number of negatives too. Time: not measured by us.
The paper's number: fine-tune 83.3. Ours: not measured.
"""
_base_ = ['../vit-b_300e.py']

model = dict(
    target_mask_generator=dict(type='mmguided.MaskGenerator', mask_ratio=0.65))
