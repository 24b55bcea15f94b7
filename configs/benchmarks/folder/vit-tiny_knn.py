r"""k-NN accuracy of a small ViT on any labeled folders of images; nothing is trained.

    python tools/test.py configs/benchmarks/folder/vit-tiny_knn.py CHECKPOINT --cfg-options \
        model.bank_dataloader.dataset.data_root=FOLDER test_dataloader.dataset.data_root=FOLDER

FOLDER/train/<class>/* is the bank, FOLDER/val/<class>/* is classified; CIFAR-10 written out as
images has this form. Images are cut to 32 x 32, 8 x 8 patches of 4 x 4 pixels. Mean and std must
be those of pretraining (of configs/_base_/datasets/cifar10_32.py for its checkpoints). Fewer than
200 training images need `model.ks`, such as `"model.ks=(10,20)"`.

Hardware: a CPU will do. Not measured yet on a set with published numbers.
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

