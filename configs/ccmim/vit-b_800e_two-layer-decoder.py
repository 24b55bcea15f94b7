"""ccMIM, ViT-B/16, 800 epochs, with a decoder of two blocks. The paper's decoder "follows the
settings of MAE, which includes two-layer MHSA blocks" (Sec. 4.1); MAE's has 8 blocks, as those of
the released code and of vit-b_800e.py.

    tools/dist_train.sh configs/ccmim/vit-b_800e_two-layer-decoder.py 8

Hardware: 8 GPUs, 128 images each, total batch 1024; --auto-scale-lr for any other number. Time: not
measured by us.
The paper's numbers: those of vit-b_800e.py, if its text is right. Ours: not measured.
"""
_base_ = ['./vit-b_800e.py']

model = dict(neck=dict(depth=2))
