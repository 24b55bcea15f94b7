r"""k-NN accuracy of a pretrained ViT of any size on a labeled folder of images.

    python tools/test.py configs/benchmarks/folder/vit_knn.py CHECKPOINT --data-root FOLDER

The folder is FOLDER/{train,val}/CLASS/*. The size of the encoder and of the images is that of the
config in the checkpoint; for other checkpoints, set model.backbone.{arch,img_size,patch_size}. The
feature is the mean patch token, because some methods do not train [CLS]. Mean and std must be those
of pretraining. With fewer than 200 training images, add `--cfg-options "model.ks=(10,20)"`.
"""
_base_ = [
    '../../_base_/datasets/image_folder_eval.py',
    '../../_base_/default_runtime.py',
]

test_evaluator = dict(type='mmguided.KNNAccuracy')

model = dict(
    type='mmguided.KNNClassifier',
    ks=(10, 20, 100, 200),
    temperature=0.07,
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True),
    backbone=dict(
        type='mmguided.MaskedViT',
        arch=None,
        img_size=None,
        patch_size=None,
        out_type='featmap'),
    bank_dataloader=dict(
        _base_.test_dataloader,
        dataset=dict(_base_.test_dataloader.dataset, data_prefix='train')))
