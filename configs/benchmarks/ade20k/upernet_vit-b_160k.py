r"""UPerNet on ADE20K from a pretrained ViT-B/16.

    tools/dist_train.sh configs/benchmarks/ade20k/upernet_vit-b_160k.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT
    tools/dist_test.sh configs/benchmarks/ade20k/upernet_vit-b_160k.py TRAINED 8

mmseg's protocol for MAE, which is BEiT's with other rates, without the relative positions of both:
512 x 512 crops, 160k iterations of 16 images, AdamW (.9, .999), lr 1e-4, weight decay .05, layer
decay .65, drop path .1, 1500 iterations of warm-up, then linearly to 0. MAE's paper (A.4) has 100
epochs of the same batch, about 126k iterations, relative positions, and a rate searched for each
entry, which it does not state; its repository has no code for it.

Blocks 4, 6, 8 and 12 give the maps of strides 4, 8, 16 and 32. Tested at one scale with a sliding
window of 512 x 512, stride 341; as a whole with `--cfg-options model.test_cfg.mode=whole
model.data_preprocessor.test_cfg.size_divisor=16`.
Another batch: set train_dataloader.batch_size and add --auto-scale-lr.

Hardware: 8 GPUs with 2 images each, mixed precision; time not measured yet.

mIoU that the papers report for ViT-B and UPerNet: MAE 48.1 (1600 epochs; mmseg too, with these
rates and relative positions), CMAE 51.0 (1600), ccMIM 46.5 / 47.7 (300 / 800), Self-guided MAE 45.2
(400); not all state their rates, see README.md. Ours: not measured.
"""
_base_ = ['../../_base_/ade20k_160k.py', 'mmseg::_base_/models/upernet_mae.py']

model = dict(
    data_preprocessor=dict(size=(512, 512)),
    backbone=dict(
        _delete_=True,
        type='mmguided.DenseViT',
        arch='base',
        img_size=512,  # positions are resized once, on loading, and learn at this size
        patch_size=16,
        out_indices=(3, 5, 7, 11),
        drop_path_rate=0.1,
        init_cfg=dict(type='Pretrained', checkpoint='', prefix='backbone.')),
    decode_head=dict(in_channels=[768, 768, 768, 768], channels=768, num_classes=150),
    auxiliary_head=dict(in_channels=768, num_classes=150),
    test_cfg=dict(mode='slide', crop_size=(512, 512), stride=(341, 341)))
