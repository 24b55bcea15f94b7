r"""CMT-MAE in minutes on a CPU, with a teacher that has seen no labels: an encoder pretrained with
MAE on the same images.

    python tools/train.py configs/mae/vit-micro_folder-32.py --data-root FOLDER
    python tools/train.py configs/cmt_mae/vit-micro_folder-32_label-free.py --data-root FOLDER \
        --cfg-options model.teacher.checkpoint=work_dirs/mae/vit-micro_folder-32/epoch_5.pth
"""
_base_ = ['./vit-micro_folder-32.py']

model = dict(
    teacher=dict(
        _delete_=True,
        type='mmguided.CheckpointTeacher',
        backbone=_base_.model.backbone,
        checkpoint='work_dirs/mae/vit-micro_folder-32/epoch_5.pth'))
