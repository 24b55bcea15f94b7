r"""CMT-MAE, ViT-S/16, on any folder of images, see docs/your_images.md.

    python tools/train.py configs/cmt_mae/vit-s_images.py --data-root FOLDER \
        --cfg-options model.teacher.pretrained=FILE

FILE has the weights of CLIP, see configs/cmt_mae/README.md. For ViT-B/16, add `--cfg-options
model.backbone.arch=base`. Data and schedule are those of configs/_base_/images.py.
"""
_base_ = ['../_base_/models/cmt_mae_vit-b.py', '../_base_/images.py']

model = dict(backbone=dict(arch='small'))
