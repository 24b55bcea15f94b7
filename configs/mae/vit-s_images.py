"""MAE, ViT-S/16, on any folder of images, see docs/your_images.md.

    python tools/train.py configs/mae/vit-s_images.py --data-root FOLDER

For ViT-B/16, add `--cfg-options model.backbone.arch=base`. Data and schedule are those of
configs/_base_/images.py.
"""
_base_ = ['../_base_/models/mae_vit-b.py', '../_base_/images.py']

model = dict(backbone=dict(arch='small'))
