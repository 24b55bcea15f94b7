"""Self-guided MAE, ViT-S/16, 800 epochs, see vit-b_400e.py.

    tools/dist_train.sh configs/self_guided_mae/vit-s_800e.py 8

Hardware: 8 GPUs, 512 images each, total batch 4096; --auto-scale-lr for any other number. Time: not
measured by us.
The paper reports no number for this size. Ours: not measured.
"""
_base_ = ['./vit-b_800e.py']

model = dict(backbone=dict(arch='small'))
