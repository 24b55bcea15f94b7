"""MAE, ViT-L/16, 300 epochs: the baseline of Conditional MAE's model scaling.

    tools/dist_train.sh configs/mae/vit-l_300e.py 8

Hardware: 8 GPUs, 512 images each, total batch 4096; --auto-scale-lr for any other number. Time: not
measured by us.
Known elsewhere: fine-tune in a plot (Conditional MAE, Fig. 8), whose rates for this size are those
of its own method, see ../conditional_mae/vit-l_300e.py. Ours: not measured.
"""
_base_ = ['./vit-b_300e.py']

model = dict(backbone=dict(arch='large'))
