"""Self-guided MAE, ViT-B/16, 400 epochs. Scores are made once, when the trigger has fired, of whole
images, and follow their crops: see configs/self_guided_mae/README.md.

    tools/dist_train.sh configs/self_guided_mae/vit-b_400e.py 8

Hardware: 8 GPUs, 512 images each, total batch 4096; --auto-scale-lr for any other number. Time: not
measured by us.
The paper's numbers: IN-1K linear 62.9, fine-tune 83.2 (MAE 61.4, 82.5); COCO Mask R-CNN 43.3/39.3
AP box/mask; ADE20K UPerNet 45.2 mIoU; iNat19 78.9, CIFAR 90.0, CUB 82.8. Ours: not measured.
"""
_base_ = [
    '../_base_/models/self_guided_mae_vit-b.py',
    '../_base_/datasets/imagenet_224_scores.py',
    '../_base_/schedules/mim_adamw_400e.py',
    '../_base_/default_runtime.py',
]

default_hooks = dict(exploitation=dict(type='mmguided.ExploitationHook', interval=100))
