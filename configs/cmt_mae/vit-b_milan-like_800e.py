"""MILAN-like, ViT-B/16, 800 epochs: CLIP's attention draws the patches that stay visible, and
CLIP's features are the target. A relative of CMT-MAE made of parts; MILAN has another decoder.

    tools/dist_train.sh configs/cmt_mae/vit-b_milan-like_800e.py 8

Hardware: 8 GPUs, 512 images each, total batch 4096; --auto-scale-lr for any other number. CLIP's
weights: see configs/cmt_mae/README.md. Time: not measured by us.
The papers that we follow report no number for it. Ours: not measured.
"""
_base_ = ['./ablations/alpha_0_800e.py']

model = dict(mask_generator=dict(sampling=dict(masked='low')))
