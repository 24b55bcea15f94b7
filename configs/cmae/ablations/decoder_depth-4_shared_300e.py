"""CMAE ablation (Table 4c): 4 blocks shared by both decoders, 300 epochs.

    tools/dist_train.sh configs/cmae/ablations/decoder_depth-4_shared_300e.py 8

Hardware: 8 GPUs, 512 images each, total batch 4096; --auto-scale-lr for any other number, which
changes the number of negatives too. Time: not measured by us.
The paper's number: fine-tune 83.5. Ours: not measured.
"""
_base_ = ['../vit-b_300e.py']

# The feature head reads the pixel decoder, behind its block 4.
model = dict(feature_decoder=None, feature_head=dict(block=4))
