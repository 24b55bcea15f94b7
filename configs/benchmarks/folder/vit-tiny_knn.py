r"""k-NN accuracy of a pretrained ViT-Ti on a labeled folder of images at 32 px.

    python tools/test.py configs/benchmarks/folder/vit-tiny_knn.py CHECKPOINT --data-root FOLDER

The folder is FOLDER/{train,val}/CLASS/*, for example CIFAR-10 as image files. The patch size
is 4 x 4 pixels. Mean and std must be those of pretraining. With fewer than 200 training images, add
`--cfg-options "model.ks=(10,20)"`.
"""
_base_ = [
    '../../_base_/datasets/image_folder_32_eval.py',
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
        arch='tiny',
        img_size=_base_.image_size,
        patch_size=4,
        out_type='cls_token'),
    bank_dataloader=dict(
        _base_.test_dataloader,
        dataset=dict(_base_.test_dataloader.dataset, data_prefix='train')))
