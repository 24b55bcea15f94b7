"""k-NN accuracy of a pretrained ViT-B/16 on ImageNet-1K, without training.

    tools/dist_test.sh configs/benchmarks/imagenet/vit-b_knn.py CHECKPOINT 8

Each validation image gets the weighted vote of its nearest training images (InstDisc; DINO). The
feature is [CLS] after the final norm; `--cfg-options model.backbone.out_type=featmap` selects the
mean patch token. No paper here reports k-NN.
"""
_base_ = [
    '../../_base_/datasets/imagenet_224_eval.py',
    '../../_base_/default_runtime.py',
]

test_evaluator = dict(type='mmguided.KNNAccuracy', topk=(1, 5))
test_cfg = dict(fp16=True)

model = dict(
    type='mmguided.KNNClassifier',
    ks=(10, 20, 100, 200),
    temperature=0.07,
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True),
    backbone=dict(
        type='mmguided.MaskedViT',
        arch='base',
        img_size=224,
        patch_size=16,
        out_type='cls_token'),
    bank_dataloader=dict(
        _base_.test_dataloader, dataset=dict(_base_.test_dataloader.dataset, split='train')))
