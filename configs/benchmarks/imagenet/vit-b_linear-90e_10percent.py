r"""Linear probe of a pretrained ViT-B/16 on 10 % of ImageNet-1K; else vit-b_linear-90e.py.

    tools/dist_train.sh configs/benchmarks/imagenet/vit-b_linear-90e_10percent.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Trains on data/imagenet/subsets/train_10percent.txt, which
tools/dataset_converters/make_low_shot_subset.py makes of SimCLR's list, or draws. No paper here
states a recipe: this is the full probe's but for AdamW in place of LARS, lr 1e-3, 1024 images per
step. LARS moves a matrix by about a thousandth of lr times its norm a step, too little for the
few steps of a small set.

Hardware: 8 GPUs with 128 images each, not measured yet. No paper here reports this number.
"""
_base_ = ['./vit-b_linear-90e_1percent.py']

train_dataloader = dict(dataset=dict(ann_file='subsets/train_10percent.txt'))
