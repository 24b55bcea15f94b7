"""CMAE ablation (Table 4a, "+ pixel shifting"; 4c, 0 blocks): no feature decoder, 300 epochs.

    tools/dist_train.sh configs/cmae/ablations/decoder_depth-0_300e.py 8

Hardware: 8 GPUs, 512 images each, total batch 4096; --auto-scale-lr for any other number, which
changes the number of negatives too. Time: not measured by us.
The paper's number: fine-tune 83.6. Ours: not measured.
"""
_base_ = ['../vit-b_300e.py']

model = dict(feature_decoder=None, feature_head=None)
