r"""UPerNet on ADE20K from CMT-MAE's ViT-B/16; else upernet_vit-b_160k.py.

    tools/dist_train.sh configs/benchmarks/ade20k/upernet_vit-b_cmt-160k.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT
    tools/dist_test.sh configs/benchmarks/ade20k/upernet_vit-b_cmt-160k.py TRAINED 8

As the paper states: lr 3e-5 and layer decay .9, with weight decay .05, drop path .1 and 160k
iterations. Its batch is not stated; 16 is MAE's and BEiT's, whose settings it follows.

Hardware: 8 GPUs with 2 images each, mixed precision; time not measured yet. mIoU that CMT-MAE
reports: 52.9 (800 epochs, CLIP teacher), and 48.1 for MAE. Ours: not measured.
"""
_base_ = ['./upernet_vit-b_160k.py']

optim_wrapper = dict(optimizer=dict(lr=3e-5), paramwise_cfg=dict(layer_decay_rate=0.9))
