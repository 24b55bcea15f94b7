"""Data, schedule and runtime of the vit-s_images configs: 400 epochs on any folder of images, with
or without class folders, at 224 x 224 pixels.

    python tools/train.py configs/METHOD/vit-s_images.py --data-root FOLDER

256 images per process, base lr 1.5e-4 per 256 images, scaled to the total batch size. The warm-up
is 5 % of the run, as in MAE's 800 epochs, so --epochs changes all schedules in proportion. 400
epochs are meant for 100,000 images, see docs/your_images.md.
"""
_base_ = [
    './datasets/image_folder_224.py',
    './schedules/mim_adamw_800e.py',
    './default_runtime.py',
]

flip = dict(type='RandomFlip', prob=0.5, direction='horizontal')
train_pipeline = [*_base_.train_pipeline[:2], flip, _base_.train_pipeline[-1]]

batch_size = 256
train_dataloader = dict(
    batch_size=batch_size,
    # The last batch of an epoch could have a single image, which batch normalization refuses.
    drop_last=True,
    dataset=dict(pipeline=train_pipeline))

optim_wrapper = dict(optimizer=dict(lr=1.5e-4))
auto_scale_lr = dict(enable=True, base_batch_size=batch_size)
param_scheduler = [
    dict(
        type='mmguided.WarmupLR', share=0.05, start_factor=1e-4, convert_to_iter_based=True),
    dict(_base_.cosine, eta_min=0.),  # until the end of the run
]
train_cfg = dict(max_epochs=400)

# k-NN accuracy if the folder has classes, and effective rank
custom_hooks = [dict(type='mmguided.OnlineEvaluationHook')]
