"""CMT-MAE, ViT-B/16, 800 epochs: 100 guided by CLIP alone, 700 together with a momentum encoder.

    tools/dist_train.sh configs/cmt_mae/vit-b_800e.py 8

Hardware: 8 GPUs, 512 images each, total batch 4096; --auto-scale-lr for any other number. CLIP's
weights: see configs/cmt_mae/README.md. Time: not measured by us.
The paper's numbers: IN-1K linear 79.8, fine-tune 85.7. Ours: not measured.
"""
_base_ = [
    '../_base_/models/cmt_mae_vit-b.py',
    '../_base_/datasets/imagenet_224.py',
    '../_base_/schedules/mim_adamw_800e.py',
    '../_base_/default_runtime.py',
]
