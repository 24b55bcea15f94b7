r"""Partial fine-tuning of a pretrained ViT-B/16: the last block learns, the others are frozen.

    tools/dist_train.sh configs/benchmarks/imagenet/vit-b_finetune-100e_last-1.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

CMAE's Fig. 5a and MAE's Fig. 9, by the last k = 0, 1, 2, 4, 6 and 12 of 12 blocks: *_last-k.py, and
for 12, which is full fine-tuning, vit-b_finetune-100e.py. Any other k is
`model.backbone.frozen_stages=12-k` (ViT-L: 24-k of vit-l_finetune-50e.py; hybrid: 11-k of
hybrid-b_finetune-100e.py). With the first blocks are frozen the patches, [CLS] and the positions;
the new norm behind the average and the classifier always learn. A frozen block has no drop path,
and what is frozen has no weight decay.

The rest is vit-b_finetune-100e.py. MAE (A.1) fine-tunes so, except that it takes the best of 50,
100 and 200 epochs for each k, fewer blocks requiring more; these are 100. CMAE "follows the
experimental settings" of MAE, after 1600 epochs of pretraining, without naming a rate.

Hardware: 8 GPUs with 128 images each, not measured yet. CMAE reports a plot, in which it is 2.5
above MAE with one block and 5.9 with none. Ours: not measured.
"""
_base_ = ['./vit-b_finetune-100e.py']

model = dict(backbone=dict(frozen_stages=12 - 1))
