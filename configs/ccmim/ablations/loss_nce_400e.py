"""ccMIM ablation (Fig. 2): lambda with the NCE form, 400 epochs; 0.2 unless

    --cfg-options model.contrast_head.loss_weight=LAMBDA

is added to the command, with LAMBDA = 0, 0.1, 0.2, 0.4, 0.6, 0.8 or 1.

    tools/dist_train.sh configs/ccmim/ablations/loss_nce_400e.py 8

Hardware: 8 GPUs, 128 images each, total batch 1024; --auto-scale-lr for any other number. Time: not
measured by us.
The paper finds 0.2 best for both forms (a plot without a table) and says it used a learning rate of
1e-5 there, an order below its own recipe, which we keep. Ours: not measured.
"""
_base_ = ['./base_400e.py']
