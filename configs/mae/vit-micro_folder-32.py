r"""MAE in minutes on a CPU: a ViT of 4 blocks, 128 wide, on any folder of small images.

    python tools/train.py configs/mae/vit-micro_folder-32.py \
        --cfg-options train_dataloader.dataset.data_root=FOLDER

FOLDER/<class>/* or FOLDER/*; CIFAR-10 written out as images is one. Images are cut to 32 x 32,
8 x 8 patches of 4 x 4 pixels. Evaluate with configs/benchmarks/folder/vit-micro_knn.py. The other
methods have a config of this name with the same encoder, decoder, data and schedule.

Hardware: a CPU will do; ours is measured in docs/measurements.md. The paper reports no number for
this size.
"""
_base_ = [
    '../_base_/models/mae_vit-b.py',
    '../_base_/datasets/image_folder_32.py',
    '../_base_/schedules/micro_adamw_15e.py',
    '../_base_/default_runtime.py',
]

model = dict(
    backbone=dict(
        arch=dict(
            _delete_=True,
            embed_dims=128,
            num_layers=4,
            num_heads=4,
            feedforward_channels=512),
        img_size=32,
        patch_size=4),
    neck=dict(embed_dims=64, depth=2, num_heads=4))

default_hooks = dict(logger=dict(interval=20))
