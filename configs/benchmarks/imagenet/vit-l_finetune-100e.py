r"""Fine-tuning of a pretrained ViT-L/16 for 100 epochs; else vit-l_finetune-50e.py.

    tools/dist_train.sh configs/benchmarks/imagenet/vit-l_finetune-100e.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Conditional MAE (A.1) and CMAE (Sec. 4.2) fine-tune for 100 epochs, whatever the size. For ViT-L
Conditional MAE searches base rates of 1e-3, which is the one here, 1.1e-3 and 1.2e-3, with layer
decay .75 and drop path .2.

Hardware: 8 GPUs with 128 images each, not measured yet. Conditional MAE reports ViT-L in a plot
(Fig. 8), CMAE not at all. Ours: not measured.
"""
_base_ = ['./vit-l_finetune-50e.py']

max_epochs = 100

param_scheduler = [
    _base_.param_scheduler[0],
    dict(_base_.param_scheduler[1], T_max=max_epochs - _base_.warmup_epochs, end=max_epochs),
]
train_cfg = dict(max_epochs=max_epochs)
